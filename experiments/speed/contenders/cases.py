"""What a case is, said once for every framework: networks, learning rules, minibatches. `presets` fills it in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gan_paper.distributions import Distribution, Gaussian, Images, Points, Uniform

import numpy as np
from numpy.typing import NDArray

CHECKED = 20
"""The iterations of the training in which contenders are compared with ours."""

Source = Distribution | Points | Images
"""Examples come from one of these."""


@dataclass(frozen=True)
class Dense:
    """x @ kernel + bias; the two are the next weights of the network."""

    inputs: int
    units: int


@dataclass(frozen=True)
class Dropout:
    """Of this share of the entries."""

    rate: float
    entries: int


@dataclass(frozen=True)
class Rescaling:
    """x * factor + offset."""

    factor: float
    offset: float


@dataclass(frozen=True)
class Activation:
    """An activation; `number` is the slope of `leaky_relu`, or the pieces of `maxout`, which lie piece by piece."""

    kind: Literal["elu", "relu", "leaky_relu", "sigmoid", "tanh", "maxout"]
    number: float = 0


Layers = tuple[Dense | Dropout | Rescaling | Activation, ...]


@dataclass(frozen=True)
class Schedule:
    """A number that changes with the updates t = 0, 1, ... that an optimizer has made.

    Attributes:
        first: Its first value.
        kind: How it changes.
        steps: `cosine`: updates until it is 0; `rising`: updates in a stage; `exponential`, `inverse_time`: in a unit.
        number: `exponential`: its factor in a unit; `inverse_time`: the divisor's rise in a unit; `rising`: its last
            value.
        stages: `rising`: stages until it has its last value.
    """

    first: float
    kind: Literal["constant", "cosine", "exponential", "inverse_time", "rising"] = "constant"
    steps: float = 1
    number: float = 0
    stages: int = 1

    def __call__(self, t: Any, xp: Any = np) -> Any:
        """Return the value at t; `xp` is NumPy, or JAX's."""
        match self.kind:
            case "cosine":
                return self.first * (1 + xp.cos(np.pi * xp.minimum(t / self.steps, 1))) / 2
            case "exponential":
                return self.first * self.number ** (t / self.steps)
            case "inverse_time":
                return self.first / (1 + self.number * t / self.steps)
            case "rising":
                return self.first + (self.number - self.first) * xp.minimum(t // self.steps, self.stages) / self.stages
        return self.first


@dataclass(frozen=True)
class Rule:
    """A learning rule.

    Attributes:
        kind: Its kind. The velocity of `sgd` is momentum * velocity - rate * gradient, and is added to the weight.
        rate: The learning rate.
        momentum: The momentum of `sgd`; the constant beta_1 of `adam`.
        beta_2: Of `adam`.
        epsilon: Of `adam`.
        average: The decay in an update of the average of the iterates, which begins as the first; None: none is kept.
    """

    kind: Literal["sgd", "adam"]
    rate: Schedule
    momentum: Schedule
    beta_2: float = 0
    epsilon: float = 0
    average: float | None = None


@dataclass(frozen=True)
class Case:
    """A game, non-saturating.

    Attributes:
        name: The case's name: an experiment's, and a preset's.
        checked: Whether this is the game in which contenders are compared (`presets.hasten`).
        generator: G's layers.
        discriminator: D's layers, which give its logit.
        m: The minibatch size.
        k: The number of D's updates in an iteration.
        simultaneous: Whether both networks are updated together, from the same samples.
        d_rule: D's learning rule.
        g_rule: G's learning rule.
        p_data: Examples come from here.
        p_z: The prior of the noise.
        chunk: The iterations in one compiled call, where there is one.
        one_thread: Whether its experiment gives each operation one thread.
    """

    name: str
    checked: bool
    generator: Layers
    discriminator: Layers
    m: int
    k: int
    simultaneous: bool
    d_rule: Rule
    g_rule: Rule
    p_data: Source
    p_z: Distribution
    chunk: int
    one_thread: bool

    @property
    def x_shape(self) -> tuple[int, int, int]:
        """The shape of an iteration's examples."""
        return self.k, self.m, dense(self.discriminator)[0].inputs

    @property
    def z_shape(self) -> tuple[int, int, int]:
        """The shape of an iteration's noise."""
        return self.k if self.simultaneous else self.k + 1, self.m, dense(self.generator)[0].inputs

    @property
    def masked(self) -> tuple[int, ...]:
        """The rows of the minibatches on which D drops entries in an iteration."""
        return (2 * self.m,) * self.k + (() if self.simultaneous else (self.m,))

    def split(self, arrays: list[NDArray]) -> list[list[NDArray]]:
        """Split weights into G's, D's, and the averages of G's and of D's where they are kept."""
        kept = [self.generator, self.discriminator]
        for rule, layers in ((self.g_rule, self.generator), (self.d_rule, self.discriminator)):
            kept += [layers] if rule.average is not None else []
        ends = np.cumsum([2 * len(dense(layers)) for layers in kept])
        return [arrays[end - 2 * len(dense(layers)) : end] for end, layers in zip(ends, kept, strict=True)]


@dataclass(frozen=True)
class Estimation:
    """A Parzen-window log-likelihood at the width sigma, of `count` points under `count` samples of `size` entries."""

    name: str
    count: int
    size: int
    sigma: float


PARZEN = Estimation("parzen", 10_000, 784, 0.2)


def dense(layers: Layers) -> list[Dense]:
    """Return the layers that have weights."""
    return [layer for layer in layers if isinstance(layer, Dense)]


def numpy_sampler(source: Source, rng: np.random.Generator) -> Callable[[tuple[int, ...]], NDArray[np.float32]]:
    """Return a function that draws an array of a shape; all its draws share a generator, which is faster."""
    if isinstance(source, Gaussian | Uniform):
        draw: Any = rng.standard_normal if isinstance(source, Gaussian) else rng.random
        factor, offset = affine(source)

        def sample(shape: tuple[int, ...]) -> NDArray[np.float32]:
            values = draw(shape, np.float32)
            values *= factor
            values += offset
            return values

        return sample
    rows, scale, low = finite(source)
    return lambda shape: rows[rng.integers(len(rows), size=shape[:-1])] * scale + low


def affine(source: Gaussian | Uniform) -> tuple[float, float]:
    """Return the factor and the offset that make the source of N(0, 1) or of U(0, 1)."""
    if isinstance(source, Gaussian):
        return source.std, source.mean
    return source.high - source.low, source.low


def finite(source: Source) -> tuple[NDArray[Any], np.float32, np.float32]:
    """Return a finite data set's rows as they lie in memory, and what brings them to the networks' scale."""
    if isinstance(source, Images):
        return source.pixels, np.float32((source.high - source.low) / 255), np.float32(source.low)
    assert isinstance(source, Points)
    return source.points.astype(np.float32), np.float32(1), np.float32(0)
