from gan_paper import objective
from gan_paper.distributions import Gaussian
from gan_paper.networks import logits_of

import keras
import numpy as np
import pytest
import tensorflow as tf


def test_value_is_the_papers_formula(float64):
    real, fake = np.random.default_rng(0).normal(size=(2, 100, 1))
    D = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    V = np.log(D(real)).mean() + np.log(1 - D(fake)).mean()
    assert float(objective.value(real, fake)) == pytest.approx(V, rel=1e-12)
    assert float(objective.discriminator_loss(real, fake)) == pytest.approx(-V, rel=1e-12)
    assert float(objective.saturating_generator_loss(fake)) == pytest.approx(np.log(1 - D(fake)).mean(), rel=1e-12)
    assert float(objective.non_saturating_generator_loss(fake)) == pytest.approx(-np.log(D(fake)).mean(), rel=1e-12)


@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_objectives_and_gradients_at_large_logits(logit):
    """With D's own sigmoid in place and in float32, where D is 0 or 1 to the last bit."""
    D = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="sigmoid")])
    D.set_weights([np.ones((1, 1)), np.zeros(1)])  # the logit is x itself
    logits = logits_of(D, from_logits=False)
    x, half = tf.constant([[logit]]), tf.zeros((1, 1))  # the logit at which D is 1/2
    assert float(D(x)[0, 0]) == pytest.approx(float(logit > 0), abs=1e-12)
    # d/da of: -log s(a), which is -s(-a);  -log(1 - s(a)), which is s(a);  and so on, all exact at |a| = 50
    s, minus_log = float(logit > 0), {-50.0: 50.0, 50.0: 0.0}
    expected = {
        "d_real": (lambda a: objective.discriminator_loss(a, half) - np.log(2), minus_log[logit], s - 1),
        "d_fake": (lambda a: objective.discriminator_loss(half, a) - np.log(2), minus_log[-logit], s),
        "saturating": (objective.saturating_generator_loss, -minus_log[-logit], -s),
        "non_saturating": (objective.non_saturating_generator_loss, minus_log[logit], s - 1),
    }
    for name, (loss, value, gradient) in expected.items():
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = loss(logits(x))
        assert float(result) == pytest.approx(value, abs=1e-5), name
        assert float(tape.gradient(result, x)[0, 0]) == pytest.approx(gradient, abs=1e-6), name


def test_optimal_discriminator_maximises_the_value():
    """Proposition 1, on a grid: no other D gives a larger integral of p_data log D + p_g log(1 - D)."""
    x = np.linspace(-4, 12, 401)
    p_data, p_g = Gaussian(4, 1.25).pdf(x), Gaussian(3, 2).pdf(x)
    best = objective.optimal_discriminator(p_data, p_g)
    value = lambda D: np.sum(p_data * np.log(D) + p_g * np.log(1 - D))  # noqa: E731
    rng = np.random.default_rng(0)
    for _ in range(20):
        other = np.clip(best + rng.normal(scale=0.05, size=best.shape), 1e-6, 1 - 1e-6)
        assert value(other) < value(best)
    assert np.allclose(objective.optimal_discriminator(p_data, p_data), 0.5)
    assert np.isnan(objective.optimal_discriminator(0.0, 0.0))


def test_criterion_is_the_value_at_the_optimal_discriminator():
    """Theorem 1."""
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(30), size=2)
    D = objective.optimal_discriminator(p, q)
    V = np.sum(p * np.log(D)) + np.sum(q * np.log(1 - D))
    assert objective.criterion(p, q) == pytest.approx(V, rel=1e-12)
    assert objective.criterion(p, p) == pytest.approx(-np.log(4), rel=1e-12)
    assert objective.jensen_shannon_divergence([3, 0], [0, 2]) == pytest.approx(np.log(2))  # what it is at most
