"""The Parzen-window log-likelihood of Table 1: that of data under Gaussians centred at a generator's samples.

The protocol (section 5 of the paper, and the authors' released code): draw 10,000 samples, put a Gaussian of width
sigma on each, choose sigma among 10 log-spaced values by the first 1,000 validation examples, and report the mean over
the test examples. The widths are meant for values in [0, 1]. Nothing is scaled here: divide pixels of 0 to 255 by 255
first, otherwise they are refused.

A higher estimate does not mean better samples: 10,000 training images of MNIST, drawn at random, have 243 or 244 nats,
less than k-means centroids (Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative models").
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())
"""The protocol's widths: 10, log-spaced in [0.1, 1]."""

FINE = tuple(np.logspace(-1, 0, 91).tolist())
"""Widths over the same range in steps of a factor of 1.026. `SIGMAS`, with 1.29, may miss the best estimate by nats."""

SELECTION = 1000
"""The width is chosen by this many validation examples, the first ones."""

BLOCK = 2**21
"""Squared distances that are held at once, in 8 MiB of float32: enough for a fast product, few enough for the cache."""

FARTHEST = -80.0
"""The lowest exponent, relative to the nearest sample's. e^-80 adds nothing to 1, and is not a subnormal number of
float32; processors take ten times as long to compute those."""

REACH = 128
"""The highest mean square of the values, about their centre and in units of sigma. Beyond it float32 is too coarse for
the distances: the error exceeds 2e-5 nats for each dimension. Values in [0, 1] stay below 100 with `SIGMAS`."""


class Estimate(NamedTuple):
    """A row of Table 1.

    Attributes:
        sigma: The width of the Gaussians, in the units of the data.
        mean: The mean log-likelihood of the points, in nats.
        standard_error: The standard deviation over the points, divided by the square root of their number.
    """

    sigma: float
    mean: float
    standard_error: float


def validate(validation: ArrayLike, samples: ArrayLike, sigmas: Sequence[float] = SIGMAS) -> Estimate:
    """Choose a width by the first `SELECTION` validation examples, and estimate with it over all of them.

    Args:
        validation: Validation examples, (N, d), in [0, 1].
        samples: The generator's samples, (M, d), in [0, 1].
        sigmas: The widths to choose from.

    Raises:
        ValueError: as `log_likelihood`.
    """
    validation = np.asarray(validation)
    first = log_likelihood(validation[:SELECTION], samples, sigmas)
    return estimate(validation, samples, sigmas[int(first.mean(axis=1).argmax())])


def estimate(points: ArrayLike, samples: ArrayLike, sigma: float) -> Estimate:
    """The mean log-likelihood of points (N, d), such as the test examples, at the width that `validate` chose.

    Raises:
        ValueError: as `log_likelihood`.
    """
    found = log_likelihood(points, samples, sigma)
    return Estimate(sigma, float(found.mean()), float(found.std() / len(found) ** 0.5))


@np.errstate(under="ignore")  # the weight of a far sample, or a tiny part of a distance, may become 0
def log_likelihood(points: ArrayLike, samples: ArrayLike, sigmas: ArrayLike) -> Floats:
    """The log-density of points under the mean of isotropic Gaussians centred at samples.

    It is log (1 / M) sum_j N(x; s_j, sigma^2 I). The sum is relative to the nearest sample, so it is finite however far
    that is. It needs memory for one copy of the samples and some `BLOCK` distances, however many points there are.

    Args:
        points: x, (N, d).
        samples: s, (M, d).
        sigmas: The widths, of any shape, in the units of the data. The distances are computed once for all of them.

    Returns:
        Nats, of the shape of `sigmas` followed by (N,).

    Raises:
        ValueError: if points and samples are not finite (N, d) and (M, d), a width is not positive and finite, or the
            values are spread too far for the least width: see `REACH`.
    """
    points, samples = _rows(points, "points"), _rows(samples, "samples")
    n, d, m = *points.shape, len(samples)
    if samples.shape[1] != d:
        raise ValueError(f"points of {d} entries and samples of {samples.shape[1]} are not of one space")
    sigmas = np.asarray(sigmas, float)
    if not (sigmas.size and ((sigmas > 1e-30) & (sigmas < 1e30)).all()):
        raise ValueError(f"sigma must be positive and finite, not {sigmas}")

    least, widths = float(sigmas.min()), sigmas.ravel()
    centre = _centre(points, samples, least)
    s = np.asarray((samples - centre) / least, np.float32)  # |x - s|^2 = |x|^2 - 2 x s + |s|^2, in units of the least
    lengths, ones = np.vecdot(s, s), np.ones(m, np.float32)
    s *= -2
    result, factors, rows = np.empty((widths.size, n)), (-0.5 * (least / widths) ** 2).tolist(), max(1, BLOCK // m)
    for begin in range(0, n, rows):
        x = np.asarray((points[begin : begin + rows] - centre) / least, np.float32)
        squares = x @ s.T
        squares += lengths
        nearest = squares.min(axis=1, keepdims=True)
        squares -= nearest
        of_nearest = (nearest[:, 0] + np.vecdot(x, x)).astype(np.float64)
        weights = np.empty_like(squares)
        for k, factor in enumerate(factors):
            np.maximum(np.multiply(squares, factor, out=weights), FARTHEST, out=weights)
            np.exp(weights, out=weights)
            result[k, begin : begin + rows] = np.log(weights @ ones) + factor * of_nearest
    result -= (np.log(m) + d * (np.log(2 * np.pi) / 2 + np.log(widths)))[:, None]
    return result.reshape(*sigmas.shape, n)


def _rows(array: ArrayLike, name: str) -> NDArray:
    array = np.asarray(array)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be real numbers of shape (N, d), not {array.dtype} of shape {array.shape}")
    return array


def _centre(points: NDArray, samples: NDArray, sigma: float) -> NDArray:
    """The mean sample, (d,). Centred there, |x|^2 + |s|^2 - 2 x s loses the least precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        centre = samples.mean(axis=0, dtype=np.float64).astype(np.result_type(points, samples, np.float32))
        low = np.minimum(points.min(axis=0), samples.min(axis=0))
        high = np.maximum(points.max(axis=0), samples.max(axis=0))
        reach = np.mean((np.maximum(high - centre, centre - low) / sigma) ** 2)
    if not np.isfinite(reach):
        raise ValueError("points and samples must be finite")
    if reach > REACH:
        raise ValueError(f"points and samples must have entries within some 11 sigma of their mean; sigma is {sigma:g}")
    return centre
