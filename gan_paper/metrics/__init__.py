"""Histograms of samples, distances between them, and recordings of them over training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gan_paper.distributions import Distribution

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, rel_entr

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Counts of values over bins.

    Attributes:
        edges: Edges of the bins, (bins + 1,), increasing.
        counts: Number of values in each bin, or its probability mass, (bins,).
        outside: Likewise, below the first edge and above the last, (2,).
    """

    edges: Floats
    counts: Floats
    outside: Floats

    @classmethod
    def of(cls, values: ArrayLike, edges: ArrayLike) -> "Histogram":
        """Count `values` (any shape) over rising `edges`. A value on an edge belongs to the bin above."""
        values, edges = np.sort(values, axis=None), np.asarray(edges, float)
        below = np.searchsorted(values, edges).astype(float)
        return cls(edges, np.diff(below), np.array([below[0], len(values) - below[-1]]))

    @classmethod
    def exact(cls, distribution: Distribution, edges: ArrayLike) -> "Histogram":
        """The probability mass of each bin under a distribution."""
        edges = np.asarray(edges, float)
        cdf = distribution.cdf(edges)
        return cls(edges, np.diff(cdf), np.array([cdf[0], 1 - cdf[-1]]))

    def check(self) -> None:
        """Check a histogram that was read from a file.

        Raises:
            ValueError: if these are no counts over rising edges.
        """
        fit = self.edges.ndim == 1 and self.counts.shape == (self.edges.size - 1,) and self.outside.shape == (2,)
        if not (fit and (np.diff(self.edges) > 0).all() and 0 < self.total < np.inf and self.masses.min() >= 0):
            raise ValueError("it holds no counts over rising edges")

    @property
    def total(self) -> float:
        """Number of all values, including those outside the edges."""
        return float(self.counts.sum() + self.outside.sum())

    @property
    def masses(self) -> Floats:
        """The share of the values below the edges, in each bin, and above: (bins + 2,), summing to 1."""
        return np.concatenate([self.outside[:1], self.counts, self.outside[1:]]) / self.total

    @property
    def density(self) -> Floats:
        """The density in each bin, (bins,)."""
        return self.masses[1:-1] / np.diff(self.edges)

    def rebin(self, edges: ArrayLike) -> "Histogram":
        """Count the same values over other edges, as if they were uniform within each bin."""
        edges = np.asarray(edges, float)
        if np.array_equal(edges, self.edges):
            return self
        cdf = self.total * np.interp(edges, self.edges, np.minimum(np.cumsum(self.masses)[:-1], 1))  # rounding adds up
        return Histogram(edges, np.diff(cdf), np.array([cdf[0], self.total - cdf[-1]]))


def histogram_distances(masses: Floats, reference: Floats, edges: Floats) -> dict[str, Floats]:
    """Compute the distances of histograms to a reference over the same bins.

    Args:
        masses: (..., bins + 2), as `Histogram.masses` gives them.
        reference: (bins + 2,).
        edges: (bins + 1,).

    Returns:
        `wasserstein` (Wasserstein-1, in the units of the edges; a value outside counts as lying on the edge), `ks`
        (Kolmogorov-Smirnov, the largest gap between the distribution functions at an edge) and `jsd`
        (Jensen-Shannon divergence in nats), each of shape (...).
    """
    middle = (masses + reference) / 2
    gap = np.abs(np.cumsum(masses - reference, axis=-1)[..., :-1])
    return {
        "wasserstein": np.trapezoid(gap, edges, axis=-1),
        "ks": gap.max(axis=-1),
        "jsd": (rel_entr(masses, middle) + rel_entr(reference, middle)).sum(axis=-1) / 2,
    }


def std_across_noise(samples: Floats) -> float:
    """Compute the standard deviation across samples (N, n) of each dimension, and average it over dimensions.

    It shows a collapse that a pooled histogram hides: G(z) hardly changes with z, but the dimensions of that one
    vector happen to be spread like the data. Unbiased for Gaussian dimensions and any N of at least 2.
    """
    n = len(samples)
    c4 = np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    return float(np.std(samples, axis=0, ddof=1).mean() / c4)


View = Callable[[Floats], Floats]
"""Maps samples (N, n) to the values that are counted."""

VIEWS: Mapping[str, View] = {
    "x": lambda samples: samples,
    "spread": lambda samples: samples - samples.mean(axis=0),
}
"""The views that any recording has: all dimensions, pooled; each dimension minus its mean over z."""

MOMENTS = ("mean", "std", "std_across_noise")
"""The statistics that a recording computes of its first view."""

LINE_POINTS = 200
"""Number of points at which `on_the_line` evaluates each network."""

_CURVE = "curve_"


class Recording:
    """Histograms of samples over training, with their moments; a run's `histograms.npz`, or a reference.

    Args:
        edges: Edges of the bins, by the name of the view that is counted over them; the moments are the first view's.
        views: Views by name, beside `VIEWS`.
        samples: Number of samples that each record counts, always from the same noise.
        keep: Number of these samples that each record keeps.
        observe: Maps the evaluated GAN to the curves that each record keeps: arrays by name, with the same names and
            shapes at every iteration.
        provenance: Origin of a reference, in a sentence; empty for a run.
        tolerance: Factor of the tolerances in `comparison.STATISTICS`, if this is the reference.
        limits: Largest accepted Wasserstein-1 distances of views, by name, in place of that of `STATISTICS`: of the
            first view in standard deviations, of others in the view's own units.
    """

    def __init__(
        self,
        edges: Mapping[str, ArrayLike],
        views: Mapping[str, View] | None = None,
        samples: int = 32_000,
        keep: int = 0,
        observe: Callable[[Any], Mapping[str, Any]] | None = None,
        provenance: str = "",
        tolerance: float = 1.0,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        self.edges = {name: np.asarray(e, float) for name, e in edges.items()}
        self.views = {**VIEWS, **(views or {})}
        self.count, self.keep, self.observe = samples, keep, observe
        self.provenance, self.tolerance, self.limits = provenance, float(tolerance), dict(limits or {})
        self.iterations: list[int] = []
        self.moments: dict[str, list[float]] = {name: [] for name in MOMENTS}
        self.samples: list[Floats] = []
        self.curves: dict[str, list[Floats]] = {}
        self._histograms: dict[str, list[Histogram]] = {name: [] for name in self.edges}

    @classmethod
    def exact(cls, p_data: Distribution, edges: ArrayLike, tolerance: float = 1.0) -> "Recording":
        """A reference of one histogram: the probability mass of each bin under a distribution."""
        reference = cls({"x": edges}, provenance=f"exact bin masses of {p_data}", tolerance=tolerance)
        reference.add(0, (p_data.mean, p_data.std, p_data.std), {"x": Histogram.exact(p_data, edges)})
        return reference

    @property
    def main(self) -> str:
        """The name of the first view."""
        return next(iter(self.edges))

    def record(self, iteration: int, samples: ArrayLike, curves: Mapping[str, ArrayLike] | None = None) -> None:
        """Count samples (N, n) of G at an iteration, and keep curves: for example G and D on a grid."""
        samples = np.asarray(samples)
        values = {name: self.views[name](samples) for name in self.edges}
        first = values[self.main]
        histograms = {name: Histogram.of(v, self.edges[name]) for name, v in values.items()}
        moments = (first.mean(), first.std(), std_across_noise(first))
        self.add(iteration, moments, histograms, samples[: self.keep], curves)

    def add(
        self,
        iteration: int,
        moments: tuple[float, float, float],
        histograms: Mapping[str, Histogram],
        samples: ArrayLike = (),
        curves: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """Add histograms made elsewhere, with the moments that `MOMENTS` names, the samples and the curves to keep."""
        self.iterations.append(int(iteration))
        # Copies: a slice of a few samples, or of none, would keep all of them in memory.
        self.samples.append(np.array(samples))
        for name, curve in (curves or {}).items():
            self.curves.setdefault(name, []).append(np.array(curve))
        for name, moment in zip(MOMENTS, moments, strict=True):
            self.moments[name].append(float(moment))
        for name in self.edges:
            self._histograms[name].append(histograms[name])

    def histogram(self, index: int = -1, view: str | None = None) -> Histogram:
        """The histogram of a record, by default the last, and of a view, by default the first."""
        return self._histograms[view or self.main][index]

    def nearest(self, iteration: int) -> int:
        """The index of the recorded iteration nearest to this one."""
        return int(np.argmin(np.abs(np.asarray(self.iterations) - iteration)))

    def resume(self, other: "Recording") -> None:
        """Replace the records by those of another recording over the same bins."""
        self.iterations, self.moments, self.samples = other.iterations, other.moments, other.samples
        self.curves, self._histograms = other.curves, other._histograms

    def arrays(self) -> dict[str, NDArray]:
        """The recording as plain arrays, those of `histograms.npz`.

        They are `views` (names), `iterations` (R,), the moments (R,), `samples` (R, keep, n), the curves (R, ...) with
        the prefix curve_, `provenance`, `tolerance`, and for each view `edges` (B + 1,), `counts` (R, B), `outside`
        (R, 2) and, if it has a limit of its own, `limit`. Of each view but the first, these have its name and _ as a
        prefix.
        """
        arrays: dict[str, NDArray] = {
            "views": np.asarray(list(self.edges)),
            "iterations": np.asarray(self.iterations),
            "samples": np.stack(self.samples),
            "provenance": np.asarray(self.provenance),
            "tolerance": np.asarray(self.tolerance),
        }
        arrays |= {name: np.asarray(values) for name, values in self.moments.items()}
        arrays |= {_CURVE + name: np.stack(values) for name, values in self.curves.items()}
        for name, prefix in _prefixes(list(self.edges)).items():
            histograms = self._histograms[name]
            arrays[prefix + "edges"] = self.edges[name]
            arrays[prefix + "counts"] = np.stack([h.counts for h in histograms])
            arrays[prefix + "outside"] = np.stack([h.outside for h in histograms])
            if name in self.limits:
                arrays[prefix + "limit"] = np.asarray(self.limits[name])
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray]) -> "Recording":
        """The inverse of `arrays`; the arrays are checked, since a file may hold anything.

        Raises:
            KeyError, IndexError, ValueError, TypeError, OverflowError: if they are no recording.
        """
        prefixes = _prefixes([str(name) for name in arrays["views"]])
        edges = {name: arrays[prefix + "edges"] for name, prefix in prefixes.items()}
        provenance, tolerance = str(arrays["provenance"]), float(arrays["tolerance"])
        limits = {name: float(arrays[p + "limit"]) for name, p in prefixes.items() if p + "limit" in arrays}
        recording = cls(edges, provenance=provenance, tolerance=tolerance, limits=limits)
        curves = {key.removeprefix(_CURVE): values for key, values in arrays.items() if key.startswith(_CURVE)}
        for row, iteration in enumerate(arrays["iterations"]):
            histograms = {}
            for name, prefix in prefixes.items():
                counts, outside = (arrays[prefix + key][row].astype(float) for key in ("counts", "outside"))
                histograms[name] = Histogram(recording.edges[name], counts, outside)
                histograms[name].check()
            mean, std, across = (float(arrays[name][row]) for name in MOMENTS)
            kept = {name: values[row] for name, values in curves.items()}
            recording.add(iteration, (mean, std, across), histograms, arrays["samples"][row], kept)
        if not recording.edges or not recording.iterations:
            raise ValueError("it holds no histogram")
        if not all(0 < most < np.inf for most in (tolerance, *limits.values())):
            raise ValueError("its tolerance and its limits must be positive")
        return recording


def on_the_line(
    edges: Floats, p_z: Distribution, generator: Callable[..., Any] | None, discriminator: Callable[..., Any]
) -> dict[str, NDArray[np.float32]]:
    """Compute the curves that a recording of one-dimensional data keeps, in float32.

    Args:
        edges: Edges of the bins; D is evaluated from the first to the last.
        p_z: The prior of one-dimensional noise.
        generator: G, (N, 1) -> (N, 1); None if the noise has more dimensions.
        discriminator: D, (N, 1) -> (N, 1), probabilities.

    Returns:
        `x` and `d` = D(x); with G also `z`, at even steps of probability, and `g` = G(z); each (`LINE_POINTS`,).
    """
    x = np.linspace(edges[0], edges[-1], LINE_POINTS, dtype=np.float32)
    curves = {"x": x, "d": np.asarray(discriminator(x[:, None]), np.float32)[:, 0]}
    if generator:
        z = p_z.quantile((np.arange(LINE_POINTS) + 0.5) / LINE_POINTS).astype(np.float32)
        curves |= {"z": z, "g": np.asarray(generator(z[:, None]), np.float32)[:, 0]}
    return curves


def _prefixes(views: list[str]) -> dict[str, str]:
    return {name: "" if name == views[0] else f"{name}_" for name in views}
