from gan_paper import numpy_gan
from gan_paper.numpy_gan import Layer, Perceptron

import numpy as np
import pytest


def perceptron(rng, sizes, activations, bias=True):
    return Perceptron(
        [
            Layer(rng.normal(size=(i, o)) / np.sqrt(i), rng.normal(size=o) * 0.1 if bias else None, activation)
            for i, o, activation in zip(sizes, sizes[1:], activations, strict=False)
        ]
    )


def central_differences(loss, parameters, h=1e-5):
    for parameter in parameters:
        gradient = np.zeros_like(parameter)
        for index in np.ndindex(parameter.shape):
            kept = parameter[index]
            parameter[index] = kept + h
            above = loss()
            parameter[index] = kept - h
            gradient[index] = (above - loss()) / (2 * h)
            parameter[index] = kept
        yield gradient


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["elu", "sigmoid", "linear"])
@pytest.mark.parametrize("generator_loss", ["saturating", "non_saturating"])
def test_gradients_against_central_finite_differences(activation, generator_loss, bias):
    rng = np.random.default_rng(0)
    G = perceptron(rng, (3, 5, 4, 2), (activation, activation, activation), bias)
    D = perceptron(rng, (2, 5, 4, 1), (activation, activation, "sigmoid"), bias)
    x, z = rng.normal(size=(8, 2)), rng.uniform(size=(8, 3))

    _, gradients = numpy_gan.discriminator_gradients(G, D, x, z)
    numeric = central_differences(lambda: numpy_gan.discriminator_gradients(G, D, x, z)[0], D.parameters)
    for analytic, estimate in zip(gradients, numeric, strict=True):
        assert np.abs(analytic - estimate).max() < 1e-6

    _, gradients = numpy_gan.generator_gradients(G, D, z, generator_loss)
    numeric = central_differences(lambda: numpy_gan.generator_gradients(G, D, z, generator_loss)[0], G.parameters)
    for analytic, estimate in zip(gradients, numeric, strict=True):
        assert np.abs(analytic - estimate).max() < 1e-6


def test_losses_are_the_papers_formulas():
    rng = np.random.default_rng(1)
    G, D = perceptron(rng, (3, 4, 2), ("elu", "linear")), perceptron(rng, (2, 4, 1), ("elu", "sigmoid"))
    x, z = rng.normal(size=(50, 2)), rng.uniform(size=(50, 3))
    V = np.log(D(x)).mean() + np.log(1 - D(G(z))).mean()
    assert numpy_gan.discriminator_gradients(G, D, x, z)[0] == pytest.approx(-V, rel=1e-12)
    assert numpy_gan.generator_gradients(G, D, z, "saturating")[0] == pytest.approx(np.log(1 - D(G(z))).mean())
    assert numpy_gan.generator_gradients(G, D, z, "non_saturating")[0] == pytest.approx(-np.log(D(G(z))).mean())
    with pytest.raises(ValueError, match="'saturating' or 'non_saturating', not 'other'"):
        numpy_gan.generator_gradients(G, D, z, "other")


def test_finite_at_large_logits():
    D = Perceptron([Layer(np.ones((1, 1)), None, "sigmoid")])
    G = Perceptron([Layer(np.ones((1, 1)), None, "linear")])
    for z in (-500.0, 500.0):
        for loss in ("saturating", "non_saturating"):
            value, (gradient,) = numpy_gan.generator_gradients(G, D, np.array([[z]]), loss)
            assert np.isfinite(value) and np.isfinite(gradient).all()
