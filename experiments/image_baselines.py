"""Samples that nobody generated, for the scale of `image_measures.py`."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans

Images = NDArray[np.floating]  # (N, pixels), on the scale of `ImageConfig.measured`

PASSES = 2  # of k-means
BLUR = 1.5  # pixels: the standard deviation of the Gaussian
SPECKLED = 0.05  # the share of values that are replaced


def make(train: Images, test: Images, shape: tuple[int, int, int], count: int) -> dict[str, Images]:
    """By name, `count` samples each. Good measures refuse all of them: what is wrong is seen at a glance.

    Args:
        train: The training images, (N, pixels).
        test: The test images, at least `count`.
        shape: Of an image: height, width, channels.
        count: How many.
    """
    rng, images = np.random.default_rng(1), test[:count]
    others = np.roll(images, 1, axis=0)
    blurred = gaussian_filter(images.reshape(-1, *shape), BLUR, axes=(1, 2)).reshape(images.shape)
    noise = rng.uniform(size=images.shape).astype(np.float32)
    gaussian = rng.multivariate_normal(train.mean(axis=0), np.cov(train, rowvar=False), count, method="eigh")
    return {
        "k-means centroids": centroids(train, count),
        "means of two": (images + others) / 2,
        "maxima of two": np.maximum(images, others),
        "blurred": blurred,
        "speckled": np.where(rng.uniform(size=images.shape) < SPECKLED, noise, images),
        "Gaussian noise": np.clip(gaussian, train.min(), train.max()).astype(np.float32),
    }


def centroids(train: Images, count: int) -> Images:
    """K-means centroids of training images, from a draw of these by `PASSES` passes of Lloyd's algorithm."""
    drawn = train[np.random.default_rng(1).choice(len(train), count, replace=False)]
    return KMeans(count, init=drawn, n_init=1, max_iter=PASSES, tol=0).fit(train).cluster_centers_
