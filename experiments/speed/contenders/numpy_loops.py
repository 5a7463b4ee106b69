"""Algorithm 1 by hand in NumPy: the project's own oracle, in float32."""

from contenders.cases import Activation, Case, Dense, Layers, Schedule
from contenders.contender import Arrays, OneByOne, Unavailable
from gan_paper import numpy_gan

from numpy.typing import NDArray


class Oracle(OneByOne):
    """`gan_paper.numpy_gan`, which has plain descent by turns, dense layers and few activations."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        super().__init__(case, initial, variant)
        plain = all(
            rule.kind == "sgd" and rule.rate == Schedule(rule.rate.first) and rule.average is None
            for rule in (case.d_rule, case.g_rule)
        )
        if case.simultaneous or not plain:
            raise Unavailable("the oracle has no such rule")
        of_g, of_d, *_ = case.split(initial)
        self.G, self.D = _perceptron(case.generator, of_g), _perceptron(case.discriminator, of_d)
        self.d_rule = numpy_gan.SGD(case.d_rule.rate.first, case.d_rule.momentum.first)
        self.g_rule = numpy_gan.SGD(case.g_rule.rate.first, case.g_rule.momentum.first)

    def iteration(self, x: NDArray, z: NDArray) -> tuple[float, float]:
        """Make the oracle's iteration."""
        return numpy_gan.iteration(self.G, self.D, x, z, self.d_rule, self.g_rule)

    def weights(self) -> Arrays:
        """Return the weights themselves."""
        return self.G.parameters + self.D.parameters


def _perceptron(layers: Layers, weights: Arrays) -> numpy_gan.Perceptron:
    made: list[numpy_gan.Layer] = []
    for layer in layers:
        if isinstance(layer, Dense):
            kernel, bias = weights[2 * len(made) : 2 * len(made) + 2]
            made.append(numpy_gan.Layer(kernel.copy(), bias.copy(), "linear"))
        elif isinstance(layer, Activation) and layer.kind in numpy_gan.ACTIVATIONS:
            made[-1].activation = layer.kind
        else:
            raise Unavailable(f"the oracle has no {layer}")
    return numpy_gan.Perceptron(made)
