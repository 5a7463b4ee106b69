"""Distances of samples to a distribution, and tests of two sets of samples."""

from typing import NamedTuple

from gan_paper.distributions import Distribution
from gan_paper.metrics import Floats, std_across_noise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

POINTS = 5_000
"""Largest number of samples of each set that `permutation_test` uses."""

VECTOR_LIMITS = {
    "std_across_noise": 0.05,
    "wasserstein_per_dimension": 0.1,
    "wasserstein_pooled": 0.03,
}
"""Limits of `vector_distances`: on the relative error of `std_across_noise`, and on the two distances."""
EIGENVALUE_LIMIT, DIRECTIONS_LIMIT = 1.1, 0.97
"""Limits for independent dimensions: `largest_eigenvalue` over its edge, at most; share of `directions`, at least."""

_LEAST_POINTS = 100
_BLOCK = 1000  # number of points whose distances to all others are in memory at once
_PAIRED = 1000  # largest number of dimensions whose pairs are correlated


def vector_distances(samples: ArrayLike, p_data: Distribution) -> dict[str, float | bool]:
    """Compute the distances of samples (N, n) to vectors of n independent draws from `p_data`.

    By chance, N true Gaussian samples have a distance per dimension of some 1.3 / sqrt(N), and a mean absolute
    correlation of 0.8 / sqrt(N). The eigenvalues of their correlation matrix reach to (1 + sqrt(n / N))^2, the edge of
    Marchenko and Pastur (1967); low rank and copied dimensions have larger ones. `independent` is meaningful only if N
    is at least 10 n.

    Returns:
        Of the marginals: `std_across_noise`; `wasserstein_per_dimension`, the Wasserstein-1 distance of a dimension to
        p_data, averaged over dimensions; `wasserstein_pooled`, that of all dimensions pooled, both in standard
        deviations of p_data; `within_limits`, whether these three are within `VECTOR_LIMITS`. Of the first 1,000
        dimensions: `correlation`, the mean absolute correlation over all pairs; `largest_correlation`;
        `largest_eigenvalue` of the correlation matrix; `eigenvalue_edge`; `directions`, the number of leading
        eigenvectors that carry 99 % of the variance; `independent`, whether the last three are within their limits.
    """
    samples = np.asarray(samples, float)
    own, pooled = (p_data.quantile((np.arange(size) + 0.5) / size) for size in (len(samples), samples.size))
    paired = samples[:, :_PAIRED] - samples[:, :_PAIRED].mean(axis=0)
    lengths = np.linalg.norm(paired, axis=0)
    paired /= np.where(lengths > 0, lengths, 1)  # a dimension that does not vary is correlated with none
    matrix, dimensions = paired.T @ paired, paired.shape[1]
    correlations, eigenvalues = np.abs(matrix[np.triu_indices(dimensions, 1)]), np.linalg.eigvalsh(matrix)[::-1]
    largest, edge = float(eigenvalues[0]), (1 + (dimensions / len(samples)) ** 0.5) ** 2
    directions = int(np.searchsorted(np.cumsum(eigenvalues), 0.99 * eigenvalues.sum()) + 1)
    found = {
        "std_across_noise": std_across_noise(samples),
        "wasserstein_per_dimension": float(np.abs(np.sort(samples, axis=0) - own[:, None]).mean()) / p_data.std,
        "wasserstein_pooled": float(np.abs(np.sort(samples, axis=None) - pooled).mean()) / p_data.std,
        "correlation": float(correlations.mean()),
        "largest_correlation": float(correlations.max()),
        "largest_eigenvalue": largest,
        "eigenvalue_edge": edge,
        "directions": directions,
        "independent": largest <= EIGENVALUE_LIMIT * edge and directions >= DIRECTIONS_LIMIT * dimensions,
    }
    off = found | {"std_across_noise": abs(found["std_across_noise"] / p_data.std - 1)}
    return {**found, "within_limits": all(off[name] <= limit for name, limit in VECTOR_LIMITS.items())}


def energy_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Compute 2 E|x - y| - E|x - x'| - E|y - y'| for points (N, n) and (M, n): 0 only between equal distributions.

    It is the squared distance of Szekely and Rizzo, in the units of the points. Its memory grows with N M.
    """
    return float(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean())


class TwoSamples(NamedTuple):
    """The result of `permutation_test`.

    Attributes:
        energy: The energy distance.
        p: Its p-value: the share of 1,000 splits of the samples, the given one included, whose parts are at least as
            far apart.
        shift: The shift of all dimensions, in standard deviations, for which p is below the level in half of all cases.
        scale: Likewise, the factor of their standard deviations.
    """

    energy: float
    p: float
    shift: float
    scale: float


def permutation_test(a: Floats, b: Floats, level: float = 0.01) -> TwoSamples:
    """Test whether samples (N, n) and (M, n) come from one distribution, by their energy distance.

    Each dimension is divided by its standard deviation over both sets. Of more than `POINTS` samples, `POINTS` are
    drawn at random.

    Raises:
        ValueError: if samples have different numbers of dimensions, or there are fewer than 100 of either.
    """
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"samples must have the same number of dimensions, not the shapes {a.shape} and {b.shape}")
    if min(len(a), len(b)) < _LEAST_POINTS:
        raise ValueError(f"samples must be at least {_LEAST_POINTS} of each, not {len(a)} and {len(b)}")
    rng = np.random.default_rng(0)
    a, b = (rng.choice(s, min(len(s), POINTS), replace=False) for s in (a, b))
    points = np.concatenate([a, b])
    deviations = points.std(axis=0)
    points = points / np.where(deviations > 0, deviations, 1)
    # With weights of 1 / N on the one part and -1 / M on the other, the energy distance is a quadratic form.
    weights = np.repeat([1 / len(a), -1 / len(b)], [len(a), len(b)])
    splits = rng.permuted(np.tile(weights, (1000, 1)), axis=1)
    splits[0] = weights
    energies = np.zeros(1000)
    for begin in range(0, len(points), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        energies -= ((splits @ cdist(points, points[block])) * splits[:, block]).sum(axis=1)
    p = float(np.mean(energies >= energies[0] * (1 - 1e-9)))  # equal ones may differ by rounding
    # The energy of a difference adds to that of chance.
    few, needed = points[-_BLOCK:], float(np.quantile(energies, 1 - level) - np.median(energies))
    shift, scale = _size_of(needed, few, np.ones_like(few)), _size_of(needed, few, few - few.mean(axis=0))
    return TwoSamples(float(energies[0]), p, shift, 1 + scale)


def _size_of(energy: float, points: Floats, direction: Floats) -> float:
    # How far points must be moved along `direction` for this energy distance, which is nearly quadratic in the move.
    size = 0.1
    for _ in range(4):
        moved = points + size * direction
        deviations = np.concatenate([points, moved]).std(axis=0)
        deviations[deviations == 0] = 1
        apart = energy_distance(points / deviations, moved / deviations)
        if not apart > 0:  # points that do not vary have no scale
            return float("inf")
        size *= float(np.sqrt(energy / apart))
    return size
