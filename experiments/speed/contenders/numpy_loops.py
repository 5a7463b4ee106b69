"""Algorithm 1 by hand in NumPy: the project's own oracle, in float32."""

import numpy as np
from numpy.typing import NDArray

from contenders.cases import Case, Layer, numpy_sampler
from contenders.contender import Arrays, Trainer, Unavailable, halves
from gan_paper import numpy_gan


class Oracle(Trainer):
    """`gan_paper.numpy_gan`, which has plain descent and no dropout."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        if case.rule.kind != "sgd" or any(layer.activation not in numpy_gan.ACTIVATIONS for layer in case.layers):
            raise Unavailable("the oracle has no such layer or rule")
        of_g, of_d = halves(case, initial)
        self.G, self.D = _perceptron(case.generator, of_g), _perceptron(case.discriminator, of_d)
        self.d_rule = numpy_gan.SGD(case.rule.d_rate, case.rule.momentum)
        self.g_rule = numpy_gan.SGD(case.rule.g_rate, case.rule.momentum)
        rng = np.random.default_rng(0)
        self.case, self.draw_x, self.draw_z = case, numpy_sampler(case.p_data, rng), numpy_sampler(case.p_z, rng)

    def iteration(self, x: NDArray, z: NDArray) -> tuple[float, float]:
        """Make the oracle's iteration."""
        return numpy_gan.iteration(self.G, self.D, x, z, self.d_rule, self.g_rule)

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        return np.array([self.iteration(*pair) for pair in zip(x, z, strict=True)])

    def weights(self) -> Arrays:
        """Return the weights themselves."""
        return self.G.parameters + self.D.parameters

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations):
            self.iteration(self.draw_x(self.case.x_shape), self.draw_z(self.case.z_shape))


def _perceptron(layers: tuple[Layer, ...], weights: Arrays) -> numpy_gan.Perceptron:
    pairs = zip(layers, weights[::2], weights[1::2], strict=True)
    return numpy_gan.Perceptron([numpy_gan.Layer(w.copy(), b.copy(), layer.activation) for layer, w, b in pairs])
