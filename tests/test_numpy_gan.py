from gan_paper import numpy_gan
from gan_paper.numpy_gan import Layer, Perceptron

import numpy as np
import pytest


def perceptron(rng, sizes, activations, bias):
    pairs = zip(sizes, sizes[1:], activations, strict=False)
    return Perceptron([Layer(rng.normal(size=(i, o)), rng.normal(size=o) if bias else None, a) for i, o, a in pairs])


def check_gradients(loss_and_gradients, parameters, rng, h=1e-5):
    """Against the central difference along a random direction of each parameter."""
    for parameter, gradient in zip(parameters, loss_and_gradients()[1], strict=True):
        direction, kept, losses = rng.normal(size=parameter.shape), parameter.copy(), []
        for step in (h, -h):
            parameter[...] = kept + step * direction
            losses.append(loss_and_gradients()[0])
        parameter[...] = kept
        assert np.sum(gradient * direction) == pytest.approx((losses[0] - losses[1]) / (2 * h), abs=1e-6)


@pytest.mark.parametrize(("activation", "bias"), [("elu", True), ("sigmoid", False), ("linear", True)])
def test_gradients_against_finite_differences(activation, bias):
    """The losses themselves are compared with Keras's in `test_algorithm1.py`."""
    rng = np.random.default_rng(0)
    G = perceptron(rng, (3, 5, 4, 2), [activation] * 3, bias)
    D = perceptron(rng, (2, 5, 4, 1), (activation, activation, "sigmoid"), bias)
    x, z = rng.normal(size=(8, 2)), rng.uniform(size=(8, 3))
    check_gradients(lambda: numpy_gan.discriminator_gradients(G, D, x, z), D.parameters, rng)
    for loss in ("saturating", "non_saturating"):
        check_gradients(lambda loss=loss: numpy_gan.generator_gradients(G, D, z, loss), G.parameters, rng)


@pytest.mark.parametrize("z", [-1000.0, 1000.0])
@pytest.mark.parametrize("loss", ["saturating", "non_saturating"])
def test_finite_at_large_logits(loss, z):
    G, D = (Perceptron([Layer(np.ones((1, 1)), None, activation)]) for activation in ("linear", "sigmoid"))
    value, (gradient,) = numpy_gan.generator_gradients(G, D, np.array([[z]]), loss)
    assert np.isfinite(value) and np.isfinite(gradient).all()
