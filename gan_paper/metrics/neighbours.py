"""Where samples lie among data, by nearest neighbours: precision and recall, density and coverage, nearest examples.

Each point of a set has a ball around it, which reaches to its kth nearest other point of that set. The balls of a set
are an estimate of where its distribution lies: of its manifold.

Precision and recall: Kynkaanniemi et al., 2019, https://arxiv.org/abs/1904.06991 (equations 1 and 2, k = 3). Density
and coverage: Naeem et al., 2020, https://arxiv.org/abs/2002.09797 (equations 4 and 6). The former let one outlier, with
its wide ball, admit many samples; the latter do not.

Distances are Euclidean, taken in blocks by scikit-learn (the extra `mnist`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 128
"""MiB of distances that are held at once."""

K = 3
"""The neighbour that a ball reaches to, as Kynkaanniemi et al. have it. (Naeem et al. take 5.)"""


class Balls(NamedTuple):
    """Points, each with a ball."""

    points: NDArray[np.float32]
    """(N, d)."""
    radii: NDArray[np.float32]
    """The distance of each from its kth nearest other one, (N,)."""
    k: int


class Fit(NamedTuple):
    """How samples and data lie to one another.

    Attributes:
        precision: The share of samples that lie in some ball of the data: is what is drawn like data?
        recall: The share of data that lie in some ball of the samples: is all of the data drawn?
        density: In how many balls of the data a sample lies, on average, over k. About 1 where the two have one
            distribution; more where samples crowd where data are dense.
        coverage: The share of data in whose ball lies some sample.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def balls(points: ArrayLike, k: int = K) -> Balls:
    """Give each of the points (N, d) its ball.

    Raises:
        ValueError: if the points are not finite numbers (N, d), or too few for k.
    """
    from sklearn.neighbors import NearestNeighbors

    points = _rows(points, "points")
    if not 1 <= k < len(points):
        raise ValueError(f"k must be from 1 to one less than the {len(points)} points, not {k}")
    distances, _ = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()  # each without itself
    return Balls(points, distances[:, -1].astype(np.float32), k)


def fit(data: Balls, samples: Balls) -> Fit:
    """Precision and recall, density and coverage of samples.

    A point on the edge of a ball is in it. Recall depends on how many samples there are, coverage and precision on how
    many of each: compare only figures of equal numbers.

    Raises:
        ValueError: if the two have points of different numbers of entries, or different k.
    """
    from sklearn.metrics import pairwise_distances_chunked

    if data.points.shape[1] != samples.points.shape[1] or data.k != samples.k:
        raise ValueError(
            f"data and samples must be of one space and have one k, not {data.points.shape[1]} and "
            f"{samples.points.shape[1]} entries, {data.k} and {samples.k}"
        )
    precise, within, begin = 0, 0, 0
    recalled = np.zeros(len(data.points), bool)
    nearest = np.full(len(data.points), np.inf, np.float32)
    for distances in pairwise_distances_chunked(samples.points, data.points, working_memory=BLOCK):
        of_data = np.count_nonzero(distances <= data.radii, axis=1)
        precise += int(np.count_nonzero(of_data))
        within += int(of_data.sum())
        reach = samples.radii[begin : begin + len(distances), None]
        recalled |= (distances <= reach).any(axis=0)
        np.minimum(nearest, distances.min(axis=0), out=nearest)
        begin += len(distances)
    count = len(samples.points)
    return Fit(
        precise / count, float(recalled.mean()), within / (data.k * count), float((nearest <= data.radii).mean())
    )


def nearest(points: ArrayLike, among: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The nearest of other points (M, d) to each point (N, d): the distances (N,), and which it is, (N,).

    Raises:
        ValueError: if either is not finite numbers (N, d), or they are of different spaces.
    """
    from sklearn.metrics import pairwise_distances_argmin_min

    points, among = _rows(points, "points"), _rows(among, "among")
    if points.shape[1] != among.shape[1]:
        raise ValueError(f"points of {points.shape[1]} entries and others of {among.shape[1]} are not of one space")
    which, distances = pairwise_distances_argmin_min(points, among)
    return distances.astype(np.float32), which


def _rows(array: ArrayLike, name: str) -> NDArray[np.float32]:
    array = np.asarray(array)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers of shape (N, d), not {array.dtype} of shape {array.shape}")
    return array.astype(np.float32, copy=False)
