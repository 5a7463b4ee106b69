from gan_paper.optimizers import for_run

import keras
import numpy as np
import pytest
from image_experiment import RisingMomentum


def test_the_momentum_rises_by_the_epoch_to_its_final_value(float64):
    """Against the formula written out: v <- momentum v - learning_rate g; w <- w + v."""
    saved = keras.saving.serialize_keras_object(RisingMomentum(0.1, 0.5, final=0.7, saturate=5, updates_per_epoch=3))
    optimizer = keras.saving.deserialize_keras_object(saved)
    variable = keras.Variable(np.array([1.0, -2.0]))
    optimizer.build([variable])
    rng = np.random.default_rng(0)
    w, v = np.array(variable), np.zeros(2)
    for t in range(24):
        gradient = rng.normal(size=2)
        optimizer.apply([gradient], [variable])
        momentum = np.interp(t // 3 + 1, [1, 5], [0.5, 0.7])  # epochs count from 1
        v = momentum * v - 0.1 * gradient
        w = w + v
        assert np.allclose(variable, w, rtol=1e-12)
    assert momentum == 0.7


@pytest.mark.parametrize("updates", [1, 4])
def test_the_ema_and_the_learning_rate_are_fitted_to_the_run(updates):
    optimizer = for_run(keras.optimizers.Adam, 0.02, 1000, updates, cosine=True, ema=0.1, beta_1=0.5)
    assert optimizer.ema_momentum ** (updates * 1000) == pytest.approx(np.exp(-10), rel=0.06)
    for iteration, rate in ((0, 0.02), (500, 0.01), (1000, 0)):
        optimizer.iterations.assign(iteration * updates)
        assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-7)
    assert not for_run(keras.optimizers.SGD, 0.1, 1000).use_ema
    with pytest.raises(ValueError, match=r"ema must be a share of the run, from 0 to 1, not 1\.5"):
        for_run(keras.optimizers.Adam, 0.02, 1000, ema=1.5)
