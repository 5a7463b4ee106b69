"""What is trained, said once for every framework: the networks, the learning rule, the minibatches, the targets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gan_paper.distributions import Gaussian, Images, Points, Source, Uniform

PIECES = 5  # linear pieces of a maxout unit


@dataclass(frozen=True)
class Layer:
    """x -> activation(dropout(x) @ kernel + bias); a maxout layer's kernel holds its units piece by piece."""

    inputs: int
    units: int
    activation: Literal["linear", "elu", "relu", "leaky_relu", "sigmoid", "maxout"] = "linear"
    dropout: float = 0.0

    @property
    def columns(self) -> int:
        """Columns of the kernel."""
        return self.units * (PIECES if self.activation == "maxout" else 1)


@dataclass(frozen=True)
class Rule:
    """How the weights learn: `sgd` with a momentum, or `adam` with beta_1; rates are divided by 1 + decay t."""

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
        name: Its name.
        count: Points, and samples.
        size: Entries of each.
        sigma: The width.
        targets: As of a game.
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
        name: Its name.
        generator: G's layers.
        discriminator: D's layers; the last gives the logit.
        m: Minibatch size.
        k: Updates of D an iteration.
        rule: The learning rule.
        p_data: Where examples come from.
        p_z: The prior of the noise.
        chunk: Iterations in one compiled call, where there is one: what `training.iterations_per_call` chooses, about.
        one_thread: Whether its experiment gives each operation one thread.
        targets: By contender, how many times as long as ours it is to take, at least.
    """

    name: str
    generator: tuple[Layer, ...]
    discriminator: tuple[Layer, ...]
    m: int
    k: int
    rule: Rule
    p_data: Source
    p_z: Source
    chunk: int
    one_thread: bool = False
    targets: Mapping[str, float] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """G's, then D's, in the order of the weights."""
        return self.generator + self.discriminator

    @property
    def x_shape(self) -> tuple[int, int, int]:
        """Of the examples of one iteration."""
        return self.k, self.m, self.discriminator[0].inputs

    @property
    def z_shape(self) -> tuple[int, int, int]:
        """Of the noise of one iteration."""
        return self.k + 1, self.m, self.generator[0].inputs

    def checked(self) -> "Case":
        """The game in which contenders must agree: without dropout, whose masks are each one's own.

        Adam's epsilon goes to the moment or to its correction, by framework; here it is too small to matter.
        """
        layers = tuple(replace(layer, dropout=0.0) for layer in self.discriminator)
        return replace(self, discriminator=layers, rule=replace(self.rule, epsilon=1e-12))


def perceptron(
    *sizes: int, hidden: str, output: str = "linear", dropout: tuple[float, ...] | None = None
) -> tuple[Layer, ...]:
    """Layers from one size to the next; `dropout` gives the share of each layer's inputs that is dropped."""
    last = len(sizes) - 2
    rates = dropout or (0.0,) * (last + 1)
    return tuple(
        Layer(sizes[i], sizes[i + 1], output if i == last else hidden, rates[i])  # type: ignore[arg-type]
        for i in range(last + 1)
    )


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
    """Preset `paper` of its experiment, without the slow changes of its rates and its momentum, on random pixels."""
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
    "scalar": partial(_notebook, "scalar", 1, 10, 1000, {"notebook": 5000, "torch": 15, "jax": 1.5}),
    "uniform_to_gaussian": _uniform_to_gaussian,
    "notebook": partial(_notebook, "notebook", 1000, 1000, 50, {"notebook": 100, "torch": 1.8, "jax": 1.3}),
    "sine": _sine,
    "mnist": _mnist,
    "parzen": lambda: Estimation("parzen", 10_000, 784, 0.2, {"kernel_density": 20, "products": 1 / 1.3}),
}
"""Made when they are asked for."""


def numpy_sampler(source: Source, rng: np.random.Generator) -> Callable[[tuple[int, ...]], NDArray[np.float32]]:
    """Draws of a shape from a source with one NumPy generator, which costs less than one generator a draw."""

    def gaussian(shape: tuple[int, ...]) -> NDArray[np.float32]:
        values = rng.standard_normal(shape, np.float32)
        values *= source.std  # type: ignore[attr-defined]
        values += source.mean  # type: ignore[attr-defined]
        return values

    def uniform(shape: tuple[int, ...]) -> NDArray[np.float32]:
        values = rng.random(shape, np.float32)
        values *= source.high - source.low  # type: ignore[attr-defined]
        values += source.low  # type: ignore[attr-defined]
        return values

    if isinstance(source, Gaussian):
        return gaussian
    if isinstance(source, Uniform):
        return uniform
    rows, scale = finite(source)
    return lambda shape: rows[rng.integers(len(rows), size=shape[:-1])] * scale


def finite(source: Source) -> tuple[NDArray, np.float32]:
    """The rows of a finite data set, as it is kept in memory, and the factor that takes them to the networks' scale."""
    if isinstance(source, Images):
        return source.pixels, np.float32(1 / 255)
    assert isinstance(source, Points)
    return source.points.astype(np.float32), np.float32(1)
