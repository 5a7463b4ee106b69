from gan_paper.optimizers import RisingMomentum

import keras
import numpy as np
import pytest


def test_the_momentum_rises_by_the_epoch_to_its_final_value(float64):
    """Against the rule written out: v <- momentum v - rate g; w <- w + v."""
    rule = RisingMomentum(0.1, 0.5, final=0.7, saturate=5, updates_per_epoch=3)
    variable = keras.Variable(np.array([1.0, -2.0]))
    rule.build([variable])
    rng = np.random.default_rng(0)
    w, v = np.array(variable), np.zeros(2)
    for t in range(24):
        gradient = rng.normal(size=2)
        rule.apply([gradient], [variable])
        momentum = np.interp(t // 3 + 1, [1, 5], [0.5, 0.7])  # epochs count from 1
        v = momentum * v - 0.1 * gradient
        w = w + v
        assert np.allclose(variable, w, rtol=1e-12)
    assert momentum == 0.7


def test_the_rate_may_follow_a_schedule():
    rule = RisingMomentum(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    variable = keras.Variable(np.zeros(1))
    rule.build([variable])
    rule.apply([np.ones(1)], [variable])
    rule.apply([np.ones(1)], [variable])
    assert float(variable[0]) == pytest.approx(-0.1 + (0.5 * -0.1 - 0.05))


def test_keras_saves_and_loads_it():
    rule = RisingMomentum(0.2, 0.4, final=0.9, saturate=7, updates_per_epoch=11, use_ema=True, ema_momentum=0.5)
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rule))
    assert isinstance(loaded, RisingMomentum) and loaded.get_config() == rule.get_config()
    assert rule.get_config()["saturate"] == 7
