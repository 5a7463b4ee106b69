"""The cases, said once for every framework: the networks, the learning rule, the minibatches, the targets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gan_paper.distributions import Distribution, Gaussian, Images, Points, Uniform

Source = Distribution | Points | Images
"""Examples come from one of these."""

Activation = Literal["linear", "elu", "relu", "leaky_relu", "sigmoid", "maxout"]

PIECES = 5  # linear pieces of a maxout unit


@dataclass(frozen=True)
class Layer:
    """A layer maps x to activation(dropout(x) @ kernel + bias); a maxout kernel holds its units piece by piece."""

    inputs: int
    units: int
    activation: Activation = "linear"
    dropout: float = 0.0

    @property
    def columns(self) -> int:
        """The number of columns of the kernel."""
        return self.units * (PIECES if self.activation == "maxout" else 1)


@dataclass(frozen=True)
class Rule:
    """A learning rule. `momentum` is beta_1 of `adam`; at iteration t the rates are divided by 1 + decay t."""

    kind: Literal["sgd", "adam"]
    d_rate: float
    g_rate: float
    momentum: float = 0.0
    decay: float = 0.0
    epsilon: float = 1e-7  # of Adam: Keras's default, in every framework


@dataclass(frozen=True)
class Estimation:
    """A Parzen-window log-likelihood at one width, of as many points as there are samples.

    Attributes:
        name: The case's name.
        count: The number of points, and of samples.
        size: The number of entries of each.
        sigma: The width.
        targets: As for a `Case`.
    """

    name: str
    count: int
    size: int
    sigma: float
    targets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A game, non-saturating, whose discriminator ends in its logit.

    Attributes:
        name: The case's name.
        generator: G's layers.
        discriminator: D's layers; the last gives the logit.
        m: The minibatch size.
        k: The number of D's updates in an iteration.
        rule: The learning rule.
        p_data: Examples come from here.
        p_z: The prior of the noise.
        chunk: The iterations in one compiled call, where there is one: about as many as `Minibatches.per_call` chooses.
        one_thread: Whether its experiment gives each operation one thread.
        targets: By contender, the least multiple of our time that it should take.
    """

    name: str
    generator: tuple[Layer, ...]
    discriminator: tuple[Layer, ...]
    m: int
    k: int
    rule: Rule
    p_data: Source
    p_z: Distribution
    chunk: int
    one_thread: bool = False
    targets: Mapping[str, float] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """G's layers, then D's, in the order of the weights."""
        return self.generator + self.discriminator

    @property
    def x_shape(self) -> tuple[int, int, int]:
        """The shape of an iteration's examples."""
        return self.k, self.m, self.discriminator[0].inputs

    @property
    def z_shape(self) -> tuple[int, int, int]:
        """The shape of an iteration's noise."""
        return self.k + 1, self.m, self.generator[0].inputs

    def checked(self) -> "Case":
        """Return the game in which contenders are compared.

        It has no dropout, since each framework draws its own masks. Frameworks add Adam's epsilon in different places;
        here it is too small to matter.
        """
        layers = tuple(replace(layer, dropout=0.0) for layer in self.discriminator)
        return replace(self, discriminator=layers, rule=replace(self.rule, epsilon=1e-12))


def perceptron(
    *sizes: int, hidden: Activation, output: Activation = "linear", dropout: tuple[float, ...] | None = None
) -> tuple[Layer, ...]:
    """Make the layers from one size to the next; `dropout` is the share of each layer's inputs that is dropped."""
    last = len(sizes) - 2
    rates = dropout or (0.0,) * (last + 1)
    return tuple(Layer(sizes[i], sizes[i + 1], output if i == last else hidden, rates[i]) for i in range(last + 1))


def _notebook(name: str, n: int, noise_size: int, chunk: int, targets: Mapping[str, float]) -> Case:
    return Case(
        name,
        perceptron(noise_size, 50, 50, n, hidden="elu"),
        perceptron(n, 50, 50, 1, hidden="elu"),
        m=100,
        k=1,
        rule=Rule("sgd", 0.01, 0.01),
        p_data=Gaussian(4, 1.25),
        p_z=Uniform(0, 1),
        chunk=chunk,
        targets=targets,
    )


def _uniform_to_gaussian() -> Case:
    """Preset `matched` of its experiment."""
    return Case(
        "uniform_to_gaussian",
        perceptron(1, 8, 16, 1, hidden="leaky_relu"),
        perceptron(1, 64, 1, hidden="leaky_relu"),
        m=512,
        k=2,
        rule=Rule("adam", 2e-2, 3e-3, momentum=0.5, decay=1e-3),
        p_data=Gaussian(0, 1),
        p_z=Uniform(-1, 1),
        chunk=1000,
        one_thread=True,
        targets={"notebook": 1000, "torch": 5, "jax": 1.2},
    )


def _sine() -> Case:
    """Preset `document` of its experiment."""
    x = Uniform(0, 2 * np.pi).sample((1024, 1), seed=0)
    return Case(
        "sine",
        perceptron(2, 16, 32, 2, hidden="relu"),
        perceptron(2, 256, 128, 64, 1, hidden="relu", dropout=(0.0, 0.3, 0.3, 0.3)),
        m=32,
        k=1,
        rule=Rule("adam", 1e-3, 1e-3, momentum=0.9),
        p_data=Points(np.hstack([x, np.sin(x)])),
        p_z=Gaussian(0, 1),
        chunk=1000,
        one_thread=True,
        targets={"notebook": 200, "torch": 5, "jax": 1.2},
    )


def _mnist() -> Case:
    """Preset `paper` of its experiment on random pixels; rates and momentum, which change slowly there, stay."""
    return Case(
        "mnist",
        perceptron(100, 1200, 1200, 784, hidden="relu", output="sigmoid"),
        perceptron(784, 240, 240, 1, hidden="maxout", dropout=(0.2, 0.5, 0.5)),
        m=100,
        k=1,
        rule=Rule("sgd", 0.05, 0.3, momentum=0.5),
        p_data=Images(np.random.default_rng(0).integers(256, size=(50_000, 784), dtype=np.uint8)),
        p_z=Uniform(-(3**0.5), 3**0.5),
        chunk=150,
        targets={"notebook": 10, "torch": 4, "jax": 1.5},
    )


CASES: dict[str, Callable[[], Case | Estimation]] = {
    "small": partial(_notebook, "small", 1, 10, 1000, {"notebook": 5000, "torch": 15, "jax": 1.5}),
    "uniform_to_gaussian": _uniform_to_gaussian,
    "notebook": partial(_notebook, "notebook", 1000, 1000, 50, {"notebook": 100, "torch": 1.8, "jax": 1.3}),
    "sine": _sine,
    "mnist": _mnist,
    "parzen": lambda: Estimation("parzen", 10_000, 784, 0.2, {"kernel_density": 20, "products": 1 / 1.3}),
}
"""Functions that make the cases, by name."""


def numpy_sampler(source: Source, rng: np.random.Generator) -> Callable[[tuple[int, ...]], NDArray[np.float32]]:
    """Return a function that draws an array of a shape; all its draws share a generator, which is faster."""
    if isinstance(source, Gaussian):

        def gaussian(shape: tuple[int, ...]) -> NDArray[np.float32]:
            values = rng.standard_normal(shape, np.float32)
            values *= source.std
            values += source.mean
            return values

        return gaussian
    if isinstance(source, Uniform):

        def uniform(shape: tuple[int, ...]) -> NDArray[np.float32]:
            values = rng.random(shape, np.float32)
            values *= source.high - source.low
            values += source.low
            return values

        return uniform
    rows, scale = finite(source)
    return lambda shape: rows[rng.integers(len(rows), size=shape[:-1])] * scale


def finite(source: Source) -> tuple[NDArray, np.float32]:
    """Return a finite data set's rows as they lie in memory, and the factor that brings them to the networks' scale."""
    if isinstance(source, Images):
        return source.pixels, np.float32(1 / 255)
    assert isinstance(source, Points)
    return source.points.astype(np.float32), np.float32(1)
