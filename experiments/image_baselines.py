"""Samples that nobody generated, for the scale of `image_measures.py`."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans

Images = NDArray[np.floating]  # (N, pixels), on the scale of `ImageConfig.measured`

PASSES = 2  # of k-means
BLUR = 1.5  # pixels: the standard deviation of the Gaussian
SPECKLED = 0.05  # the share of values that are replaced


def of_training_images(train: Images, count: int) -> dict[str, Images]:
    """By name, `count` samples each that are made of training images, (N, pixels)."""
    rng = np.random.default_rng(1)
    noise = rng.multivariate_normal(train.mean(axis=0), np.cov(train, rowvar=False), count, method="eigh")
    noise = np.clip(noise, train.min(), train.max()).astype(np.float32)
    return {"k-means centroids": centroids(train, count), "Gaussian noise": noise}


def of_test_images(test: Images, shape: tuple[int, int, int]) -> dict[str, Images]:
    """By name, as many samples each as there are test images, (N, pixels). What is wrong is seen at a glance.

    They have no log-likelihood: it is that of the images of which they are made.

    Args:
        test: The test images.
        shape: Of an image: height, width, channels.
    """
    rng, others = np.random.default_rng(1), np.roll(test, 1, axis=0)
    noise, is_speckle = (rng.uniform(size=test.shape).astype(np.float32) for _ in range(2))
    return {
        "means of two": (test + others) / 2,
        "maxima of two": np.maximum(test, others),
        "blurred": gaussian_filter(test.reshape(-1, *shape), BLUR, axes=(1, 2)).reshape(test.shape),
        "speckled": np.where(is_speckle < SPECKLED, noise, test),
    }


def centroids(train: Images, count: int) -> Images:
    """K-means centroids of training images, from a draw of these by `PASSES` passes of Lloyd's algorithm."""
    drawn = train[np.random.default_rng(1).choice(len(train), count, replace=False)]
    return KMeans(count, init=drawn, n_init=1, max_iter=PASSES, tol=0).fit(train).cluster_centers_
