"""Histograms, and how far they lie apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_paper.distributions import Distribution

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Counts of values over bins.

    Attributes:
        edges: The bins' edges, (bins + 1,), increasing.
        counts: How many values each bin holds, (bins,); masses will do as well.
        outside: How many lie below the first edge and above the last, (2,).
    """

    edges: Floats
    counts: Floats
    outside: Floats

    @classmethod
    def of(cls, values: ArrayLike, edges: ArrayLike) -> "Histogram":
        """Count `values` (any shape) over rising `edges`. A value on an edge belongs to the bin above."""
        values, edges = np.ravel(values), np.asarray(edges, float)
        bins = len(edges) - 1
        width = (edges[-1] - edges[0]) / bins
        # One bin more at each end takes what lies outside.
        if np.allclose(edges, np.linspace(edges[0], edges[-1], bins + 1), rtol=0, atol=1e-6 * width):
            # Even bins need no search, and a run records thousands of histograms.
            index = (values - float(edges[0])) * float(1 / width) + 1
            np.clip(index, 0, bins + 1, out=index)
        else:
            index = np.digitize(values, edges)
        counts = np.bincount(index.astype(np.int64), minlength=bins + 2)
        return cls(edges, counts[1:-1].astype(float), counts[[0, -1]].astype(float))

    @classmethod
    def exact(cls, distribution: Distribution, edges: ArrayLike) -> "Histogram":
        """The masses that a distribution gives to each bin."""
        edges = np.asarray(edges, float)
        cdf = distribution.cdf(edges)
        return cls(edges, np.diff(cdf), np.array([cdf[0], 1 - cdf[-1]]))

    def check(self) -> None:
        """Check what came from a file.

        Raises:
            ValueError: if these are no counts over rising edges.
        """
        if self.edges.ndim != 1 or not 2 <= self.edges.size <= 10_001:
            raise ValueError(f"its edges are of shape {self.edges.shape}, not those of 1 to 10000 bins")
        if not (np.isfinite(self.edges).all() and (np.diff(self.edges) > 0).all()):
            raise ValueError("its edges do not rise")
        if self.counts.shape != (self.edges.size - 1,) or self.outside.shape != (2,):
            raise ValueError("its counts do not fit its edges")
        if not (np.isfinite(self.total) and self.total > 0 and min(self.counts.min(), self.outside.min()) >= 0):
            raise ValueError("its counts are no counts")

    @property
    def total(self) -> float:
        """All values, those outside the edges too."""
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
        """The same values over other edges, as if they lay evenly in each bin."""
        edges = np.asarray(edges, float)
        if np.array_equal(edges, self.edges):
            return self
        cdf = self.total * np.interp(edges, self.edges, np.cumsum(self.masses)[:-1])
        return Histogram(edges, np.diff(cdf), np.array([cdf[0], self.total - cdf[-1]]))


def distances(masses: Floats, reference: Floats, edges: Floats) -> dict[str, Floats]:
    """How far histograms lie from a reference over the same bins.

    Args:
        masses: (..., bins + 2), as `Histogram.masses` gives them.
        reference: (bins + 2,).
        edges: (bins + 1,).

    Returns:
        `wasserstein` (Wasserstein-1, in the units of the edges; a value outside counts as lying on the edge), `ks`
        (Kolmogorov-Smirnov, the largest gap between the distribution functions at an edge) and `jsd`
        (Jensen-Shannon divergence in nats), each of shape (...).
    """
    from scipy.special import rel_entr  # jensenshannon has half of SciPy in its train, for which a user would wait

    middle = (masses + reference) / 2
    gap = np.abs(np.cumsum(masses - reference, axis=-1)[..., :-1])
    return {
        "wasserstein": np.trapezoid(gap, edges, axis=-1),
        "ks": gap.max(axis=-1),
        "jsd": (rel_entr(masses, middle) + rel_entr(reference, middle)).sum(axis=-1) / 2,
    }
