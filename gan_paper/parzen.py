"""The Parzen-window log-likelihood of Table 1: that of data under Gaussians centred at a generator's samples.

The protocol (section 5 of the paper, and the authors' released code): draw 10,000 samples, put a Gaussian of width
sigma on each, choose sigma among 10 log-spaced values by the first 1,000 validation examples, and report the mean over
the test examples. The widths are meant for values in [0, 1]: divide pixels of 0 to 255 by 255 first.

scikit-learn computes the distances, in float64, and raises `ValueError` for anything but finite numbers (N, d).

A higher estimate does not mean better samples: 10,000 training images of MNIST, drawn at random, have 243 or 244 nats,
less than k-means centroids (Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative models").
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array

Floats = NDArray[np.float64]

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())
"""The protocol's widths: 10, log-spaced in [0.1, 1]."""

FINE = tuple(np.logspace(-1, 0, 91).tolist())
"""Widths over the same range in steps of a factor of 1.026. `SIGMAS`, with 1.29, may miss the best estimate by nats."""

SELECTION = 1000
"""The width is chosen by this many validation examples, the first ones."""

BLOCK = 2**21
"""Squared distances that are held at once, in 16 MiB."""


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
        ValueError: as `log_likelihood`, or if a validation example is not in [0, 1].
    """
    validation = np.asarray(validation)
    if not ((validation >= 0) & (validation <= 1)).all():
        raise ValueError("validation examples must be in [0, 1]: divide pixels of 0 to 255 by 255")
    first = log_likelihood(validation[:SELECTION], samples, sigmas)
    return estimate(validation, samples, sigmas[int(first.mean(axis=1).argmax())])


def estimate(points: ArrayLike, samples: ArrayLike, sigma: float) -> Estimate:
    """The mean log-likelihood of points (N, d), such as the test examples, at the width that `validate` chose.

    Raises:
        ValueError: as `log_likelihood`.
    """
    found = log_likelihood(points, samples, sigma)
    return Estimate(sigma, float(found.mean()), float(found.std() / len(found) ** 0.5))


def log_likelihood(points: ArrayLike, samples: ArrayLike, sigmas: ArrayLike) -> Floats:
    """The log-density of points under the mean of isotropic Gaussians centred at samples.

    It is log (1 / M) sum_j N(x; s_j, sigma^2 I). The sum is relative to the nearest sample, so it is finite however far
    that is.

    Args:
        points: x, (N, d).
        samples: s, (M, d).
        sigmas: The widths, of any shape, in the units of the data. The distances are computed once for all of them.

    Returns:
        Nats, of the shape of `sigmas` followed by (N,).

    Raises:
        ValueError: if points and samples are not finite (N, d) and (M, d), or a width is not positive and finite.
    """
    x, s = (check_array(a, dtype=float, input_name=name) for a, name in ((points, "points"), (samples, "samples")))
    sigmas = np.asarray(sigmas, float)
    if not ((sigmas > 0) & (sigmas < np.inf)).all():
        raise ValueError(f"sigma must be positive and finite, not {sigmas}")
    widths, blocks = sigmas.ravel(), []
    for begin in range(0, len(x), rows := max(1, BLOCK // len(s))):
        squares = euclidean_distances(x[begin : begin + rows], s, squared=True)
        nearest = squares.min(axis=1)
        squares -= nearest[:, None]
        factors = (-0.5 / widths**2).tolist()
        blocks.append([np.log(np.exp(factor * squares).mean(axis=1)) + factor * nearest for factor in factors])
    normaliser = s.shape[1] * np.log(widths * (2 * np.pi) ** 0.5)
    return (np.concatenate(blocks, axis=1) - normaliser[:, None]).reshape(*sigmas.shape, len(x))
