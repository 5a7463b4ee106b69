"""How samples differ from a distribution, from other samples, and from one another."""

import numpy as np
from numpy.typing import ArrayLike

from gan_paper.distributions import Distribution
from gan_paper.measure.histogram import Floats, Histogram, distances

POINTS = 1000
"""Of so many samples at most does `permutation_test` take the distances."""

ENTRIES = {"std_across_noise": 0.05, "own_wasserstein": 0.1, "wasserstein": 0.03, "correlation": 0.1}
"""How far `match_of_entries` may be off where vectors match: the first from the standard deviation of p_data, as a
share of it; the others from 0."""

_LEAST_POINTS = 100
_PAIRED = 1000  # of so many entries at most are the pairs taken


def match(samples: ArrayLike, p_data: Distribution, edges: ArrayLike) -> dict[str, float]:
    """How well samples (N, n) match entries that are independent draws from `p_data`.

    Returns:
        `wasserstein` (in standard deviations of p_data) and `ks`, between the pooled entries and p_data itself (not
        draws from it); `jsd` in nats, over the bins of `edges`; `mean` and `std` of the pooled entries;
        `std_across_noise`.
    """
    samples = np.asarray(samples, float)
    pooled = np.sort(samples, axis=None)
    levels = (np.arange(pooled.size) + 0.5) / pooled.size
    exact = Histogram.exact(p_data, edges)
    return {
        "wasserstein": float(np.abs(pooled - p_data.quantile(levels)).mean()) / p_data.std,
        # The empirical distribution function steps from half a sample below a level to half a sample above it. (SciPy's
        # statistics say the same, but to import them takes half a second and 0.1 GB.)
        "ks": float(np.abs(p_data.cdf(pooled) - levels).max() + 0.5 / pooled.size),
        "jsd": float(distances(Histogram.of(pooled, edges).masses, exact.masses, exact.edges)["jsd"]),
        "mean": float(pooled.mean()),
        "std": float(pooled.std()),
        "std_across_noise": std_across_noise(samples),
    }


def match_of_entries(samples: ArrayLike, p_data: Distribution) -> dict[str, float | bool]:
    """How well samples (N, n) match vectors of n independent draws from `p_data`, entry by entry.

    Chance leaves N true Gaussian samples an own distance of some 1.3 / sqrt(N), and a mean absolute correlation of
    0.8 / sqrt(N).

    Returns:
        `std_across_noise`; `own_wasserstein`, the Wasserstein-1 distance of an entry's own distribution to p_data, mean
        over entries, and `wasserstein`, that of all entries pooled, both in standard deviations of p_data;
        `correlation` of two entries, mean absolute value over all pairs, and `largest_correlation` (of more than 1,000
        entries, of the first 1,000); `within_limits`, whether the first four are within `ENTRIES`.
    """
    samples = np.asarray(samples, float)
    own, pooled = (p_data.quantile((np.arange(size) + 0.5) / size) for size in (len(samples), samples.size))
    paired = samples[:, :_PAIRED] - samples[:, :_PAIRED].mean(axis=0)
    lengths = np.linalg.norm(paired, axis=0)
    paired /= np.where(lengths > 0, lengths, 1)  # an entry that does not vary is correlated with none
    correlations = np.abs((paired.T @ paired)[np.triu_indices(paired.shape[1], 1)])
    found = {
        "std_across_noise": std_across_noise(samples),
        "own_wasserstein": float(np.abs(np.sort(samples, axis=0) - own[:, None]).mean()) / p_data.std,
        "wasserstein": float(np.abs(np.sort(samples, axis=None) - pooled).mean()) / p_data.std,
        "correlation": float(correlations.mean()),
        "largest_correlation": float(correlations.max()),
    }
    off = found | {"std_across_noise": abs(found["std_across_noise"] / p_data.std - 1)}
    return {**found, "within_limits": all(off[name] <= limit for name, limit in ENTRIES.items())}


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
