"""How samples differ from a distribution, from other samples, and from one another."""

import numpy as np
from numpy.typing import ArrayLike

from gan_paper.distributions import Distribution
from gan_paper.measure.histogram import Floats, Histogram, distances

POINTS = 1000
"""Of so many samples at most does `permutation_test` take the distances."""

_LEAST_POINTS = 100


def match(samples: ArrayLike, p_data: Distribution, edges: ArrayLike) -> dict[str, float]:
    """How well samples (N, n) match entries that are independent draws from `p_data`.

    Returns:
        `wasserstein` (in standard deviations of p_data) and `ks`, between the pooled entries and p_data itself (not
        draws from it); `jsd` in nats, over the bins of `edges`; `mean` and `std` of the pooled entries;
        `std_across_noise`.
    """
    from scipy.stats import ks_1samp, wasserstein_distance

    samples = np.asarray(samples, float)
    pooled = samples.ravel()
    levels = (np.arange(pooled.size) + 0.5) / pooled.size
    exact = Histogram.exact(p_data, edges)
    return {
        "wasserstein": float(wasserstein_distance(pooled, p_data.quantile(levels))) / p_data.std,
        "ks": float(ks_1samp(pooled, p_data.cdf, method="asymp").statistic),
        "jsd": float(distances(Histogram.of(pooled, edges).masses, exact.masses, exact.edges)["jsd"]),
        "mean": float(pooled.mean()),
        "std": float(pooled.std()),
        "std_across_noise": std_across_noise(samples),
    }


def std_across_noise(samples: Floats) -> float:
    """How much samples (N, n) differ from one another: the standard deviation across them, averaged over entries.

    It shows the collapse that a pooled histogram hides: G(z) hardly changes with z, while the entries of that one
    vector happen to be spread like the data. Unbiased for Gaussian entries, however few the samples (N at least 2).
    """
    from scipy.special import gammaln

    n = len(samples)
    c4 = np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    return float(np.std(samples, axis=0, ddof=1).mean() / c4)


def energy_distance(a: Floats, b: Floats) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| for points (N, n) and (M, n): 0 only between equal distributions.

    The squared distance of Szekely and Rizzo, in the units of the points; memory grows with N M.
    """
    from scipy.spatial.distance import cdist

    return float(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean())


def permutation_test(a: Floats, b: Floats) -> tuple[float, float]:
    """Test whether samples (N, n) and (M, n) come from one distribution, by their energy distance.

    Each coordinate is divided by its standard deviation over both. Of more than `POINTS` samples, so many are drawn.

    Returns:
        The energy distance; and its p-value, the share of 1,000 ways to split the samples, the given one among them,
        that put the parts at least as far apart.

    Raises:
        ValueError: if samples have different numbers of coordinates, or there are fewer than 100 of either.
    """
    from scipy.spatial.distance import cdist

    if a.shape[1] != b.shape[1]:
        raise ValueError(f"samples must have the same number of coordinates, not the shapes {a.shape} and {b.shape}")
    if min(len(a), len(b)) < _LEAST_POINTS:
        raise ValueError(f"samples must be at least {_LEAST_POINTS} of each to be judged, not {len(a)} and {len(b)}")
    rng = np.random.default_rng(0)
    a, b = (rng.choice(s, min(len(s), POINTS), replace=False) for s in (a, b))
    points = np.concatenate([a, b])
    deviations = points.std(axis=0)
    points = points / np.where(deviations > 0, deviations, 1)
    # With weights of 1 / N on the one part and -1 / M on the other, the energy distance is a quadratic form.
    weights = np.repeat([1 / len(a), -1 / len(b)], [len(a), len(b)])
    splits = rng.permuted(np.tile(weights, (1000, 1)), axis=1)
    splits[0] = weights
    energies = -((splits @ cdist(points, points)) * splits).sum(axis=1)
    return float(energies[0]), float(np.mean(energies >= energies[0] * (1 - 1e-9)))  # equal ones may be rounded apart
