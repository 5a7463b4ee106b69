"""The distributions of a GAN: p_data, from which examples come, and p_z, the prior of the noise.

Each one draws *statelessly*: the same shape and seed always give the same numbers, whatever was drawn before. NumPy
draws them in less processor time than TensorFlow's stateless operations. Densities are exact, in float64.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize.elementwise import find_root
from scipy.special import ndtr, ndtri

Seed = int | Sequence[int]
"""A non-negative integer, or several: (7, 1) and (7, 2) differ as 7 and 8 do. Zeros at the end make no difference."""

EXAMPLES, NOISE, FRESH_EXAMPLES, FRESH_NOISE, RECORDED_NOISE, CONDITIONS = range(6)
"""The purposes of draws. A draw's seed is (seed, number, purpose), so no two purposes share a draw."""


class Distribution(Protocol):
    """A distribution over the real line; a vector's entries are independent draws from it."""

    @property
    def mean(self) -> float:
        """The mean."""

    @property
    def std(self) -> float:
        """The standard deviation."""

    def sample(self, shape: Sequence[int], seed: Seed, dtype: type[np.floating] = np.float32) -> NDArray:
        """Draw an array of `shape`: a pure function of the arguments."""

    def pdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The density at `x`, in the shape of `x`."""

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The probability of a value of at most `x`, in [0, 1]."""

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `cdf`, for `q` in (0, 1)."""


class _Saved:
    """The methods with which Keras saves and loads a distribution as a GAN's prior."""

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in config.items()})


@dataclass(frozen=True)
class Gaussian(_Saved):
    """N(mean, std), where std is the standard deviation. The published notebook's data are `Gaussian(4, 1.25)`.

    Raises:
        ValueError: if `std` is not positive.
    """

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ValueError(f"the standard deviation of a Gaussian must be positive, not {self.std}")

    def sample(self, shape: Sequence[int], seed: Seed, dtype: type[np.floating] = np.float32) -> NDArray:
        """Draw an array of `shape` by the transform of Box and Muller (1958).

        NumPy vectorises it, so it takes half the time of `standard_normal`. The last bit may depend on the kind of
        processor. In float32 no value is further than 5.8 standard deviations from the mean.
        """
        count = math.prod(shape)
        values: NDArray = np.random.default_rng(seed).random((2, (count + 1) // 2), dtype)
        radius, angle = values  # all in place: these arrays can be large
        np.subtract(1, radius, out=radius)  # in (0, 1], where the logarithm is finite
        np.log(radius, out=radius)
        radius *= -2 * self.std**2
        np.sqrt(radius, out=radius)
        angle *= 2 * math.pi
        cosine = np.cos(angle)
        np.sin(angle, out=angle)
        angle *= radius
        radius *= cosine
        values += self.mean
        return values.reshape(-1)[:count].reshape(tuple(shape))

    def pdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The density at `x`."""
        t = (np.asarray(x) - self.mean) / self.std
        return np.exp(-0.5 * t**2) / (self.std * np.sqrt(2 * np.pi))

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The probability of a value of at most `x`."""
        return ndtr((np.asarray(x) - self.mean) / self.std)

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `cdf`."""
        return self.mean + self.std * ndtri(q)


@dataclass(frozen=True)
class Uniform(_Saved):
    """U(low, high): the paper's usual prior of the noise.

    Raises:
        ValueError: if `high` is not above `low`.
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise ValueError(f"a Uniform must have high > low, not low={self.low}, high={self.high}")

    @property
    def mean(self) -> float:
        """The mean."""
        return (self.low + self.high) / 2

    @property
    def std(self) -> float:
        """The standard deviation."""
        return (self.high - self.low) / math.sqrt(12)

    def sample(self, shape: Sequence[int], seed: Seed, dtype: type[np.floating] = np.float32) -> NDArray:
        """Draw an array of `shape`, in [low, high)."""
        values: NDArray = np.random.default_rng(seed).random(tuple(shape), dtype)
        values *= self.high - self.low
        values += self.low
        return values

    def pdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The density at `x`."""
        inside = (np.asarray(x) >= self.low) & (np.asarray(x) <= self.high)
        return inside / (self.high - self.low)

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The probability of a value of at most `x`."""
        return np.clip((np.asarray(x) - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `cdf`."""
        return self.low + (self.high - self.low) * np.asarray(q, dtype=float)


@dataclass(frozen=True)
class GaussianMixture(_Saved):
    """A mixture of Gaussians: component i, N(means[i], stds[i]), is drawn with probability weights[i].

    Raises:
        ValueError: if the three do not have the same length, a weight is negative, the weights do not sum to 1, or
            a standard deviation is not positive.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self._components()) == 0 or min(self.weights) < 0 or not np.isclose(sum(self.weights), 1):
            raise ValueError(f"a mixture's weights must be non-negative and sum to 1, not {self.weights}")

    @property
    def mean(self) -> float:
        """The mean."""
        return sum(w * m for w, m in zip(self.weights, self.means, strict=True))

    @property
    def std(self) -> float:
        """The standard deviation."""
        return math.sqrt(sum(w * (g.std**2 + (g.mean - self.mean) ** 2) for w, g in self._components()))

    def sample(self, shape: Sequence[int], seed: Seed, dtype: type[np.floating] = np.float32) -> NDArray:
        """Draw an array of `shape`."""
        rng = np.random.default_rng(seed)
        component = np.searchsorted(np.cumsum(self.weights)[:-1], rng.random(tuple(shape)), side="right")
        means, stds = np.asarray(self.means), np.asarray(self.stds)
        return (means[component] + stds[component] * rng.standard_normal(tuple(shape))).astype(dtype)

    def pdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The density at `x`."""
        return np.sum([w * g.pdf(x) for w, g in self._components()], axis=0)

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """The probability of a value of at most `x`."""
        return np.sum([w * g.cdf(x) for w, g in self._components()], axis=0)

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """The inverse of `cdf`, to float64, by a root search between the components' quantiles; NaN for 0 and 1."""
        q, s = np.asarray(q, dtype=float), min(self.stds)
        of_components = np.stack([g.quantile(q) for w, g in self._components() if w > 0])
        between = of_components.min(axis=0) - s, of_components.max(axis=0) + s
        return find_root(lambda x, q: self.cdf(x) - q, between, args=(q,)).x

    def _components(self) -> list[tuple[float, Gaussian]]:
        return [(w, Gaussian(m, s)) for w, m, s in zip(self.weights, self.means, self.stds, strict=True)]


@dataclass(frozen=True)
class Unsaved(_Saved):
    """The placeholder, in a loaded GAN, of a prior that could not be saved.

    Attributes:
        prior: The `repr` of that prior.
    """

    prior: str

    def sample(self, shape: Sequence[int], seed: Seed, dtype: type[np.floating] = np.float32) -> NDArray:
        """Raise a ValueError that says to set the GAN's p_z."""
        raise ValueError(f"p_z was not saved with this GAN: set gan.p_z to what it was, {self.prior}")
