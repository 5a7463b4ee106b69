"""MNIST, Fashion-MNIST and CIFAR-10 in Keras's layout, from a file or downloaded, and minibatches of their images."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gan_paper.distributions import Seed
from gan_paper.run import files

import keras
import numpy as np
from numpy.typing import NDArray

VALIDATION = 10_000
"""How many of the training images, the last ones, are held out for validation."""

_MNIST = {"x_train": (60_000, 28, 28), "x_test": (10_000, 28, 28), "y_train": (60_000,), "y_test": (10_000,)}
_CIFAR10 = {
    "x_train": (50_000, 32, 32, 3),
    "x_test": (10_000, 32, 32, 3),
    "y_train": (50_000, 1),
    "y_test": (10_000, 1),
}


class Dataset(NamedTuple):
    """A data set of Keras.

    Attributes:
        title: Its name in text.
        shapes: The shapes of its arrays of bytes.
        means: The mean of each channel (of CIFAR-10 red, green, blue) of the original training images, which identifies
            them: some data sets are also published in other encodings.
        digest: The SHA-256 of its arrays, in the order of `shapes`, if no others are accepted.
    """

    title: str
    shapes: Mapping[str, tuple[int, ...]]
    means: tuple[float, ...]
    digest: str = ""


DATASETS = {
    "mnist": Dataset("MNIST", _MNIST, (33.31842,), "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83"),
    "fashion_mnist": Dataset("Fashion-MNIST", _MNIST, (72.94035,)),
    "cifar10": Dataset("CIFAR-10", _CIFAR10, (125.30692, 122.95039, 113.86538)),
}
"""By the name of a module in `keras.datasets`."""


class ImageSet(NamedTuple):
    """Images, one per row of bytes, and their classes.

    Attributes:
        train: The first of the training images: (50000, 784) of MNIST, (40000, 3072) of CIFAR-10.
        validation: The last of the training images, (10000, ...).
        test: The test images, (10000, ...).
        train_labels: Classes of `train`, 0 to 9.
        test_labels: Classes of `test`, (10000,).
        note: What any result must say about these images, if they are not the original ones.
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    test: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    note: str = ""


@functools.cache
def load(name: str, path: Path | None) -> ImageSet:
    """Load one of `DATASETS` from an `.npz` file, or from Keras, which downloads it once.

    Raises:
        ValueError: if it cannot be loaded, or is not the data set, in one line.
    """
    title, shapes, means, digest = DATASETS[name]
    if path:
        arrays = files.read_arrays(path)
    else:
        try:
            (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
        except Exception as error:  # Keras raises a bare Exception for a network that cannot be reached
            reason = " ".join(str(error).split())
            raise ValueError(f"{title} cannot be downloaded ({reason}); --data takes it as an .npz file") from None
        arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    for part, shape in shapes.items():
        array = arrays.get(part)
        if array is None or array.dtype != np.uint8 or array.shape != shape:
            fault = "is missing" if array is None else f"is {array.dtype} of shape {array.shape}, not uint8 of {shape}"
            raise ValueError(f"{path or 'download'} is not {title} in Keras's layout: {part} {fault}")
    if digest and hashlib.sha256(b"".join(arrays[part].tobytes() for part in shapes)).hexdigest() != digest:
        raise ValueError(f"{path or 'download'} is not {title}: its arrays have another checksum")
    own_means = np.atleast_1d(arrays["x_train"].mean(axis=(0, 1, 2)))
    found, original = (", ".join(f"{mean:.2f}" for mean in channels) for channels in (own_means, means))
    is_original = np.allclose(own_means, means, rtol=0, atol=1e-3)
    train, test = (arrays[part].reshape(len(arrays[part]), -1) for part in ("x_train", "x_test"))
    return ImageSet(
        train=train[:-VALIDATION],
        validation=train[-VALIDATION:],
        test=test,
        train_labels=arrays["y_train"][:-VALIDATION].ravel(),
        test_labels=arrays["y_test"].ravel(),
        note="" if is_original else f"not the original {title}: the channels' means are {found}, not {original}",
    )


@dataclass(frozen=True)
class Images:
    """A data set of images as bytes, from which minibatches are drawn independently and uniformly, as in Algorithm 1.

    Attributes:
        pixels: The images, (N, pixels), uint8; they stay bytes in memory, and are scaled when drawn.
        low: The value of a byte of 0 after scaling.
        high: The value of a byte of 255.
    """

    pixels: NDArray[np.uint8]
    low: float = 0.0
    high: float = 1.0

    def sample(self, shape: Sequence[int], seed: Seed, dtype: type[np.floating] = np.float32) -> NDArray:
        """Draw an array of `shape`, whose last axis is an image's."""
        index = np.random.default_rng(seed).integers(len(self.pixels), size=tuple(shape)[:-1])
        return self.scaled(self.pixels[index], dtype)

    def scaled(self, pixels: NDArray[np.uint8], dtype: type[np.floating] = np.float32) -> NDArray:
        """Scale bytes (..., pixels) linearly from 0 to 255 to `low` to `high`."""
        return pixels / np.asarray(255 / (self.high - self.low), dtype) + np.asarray(self.low, dtype)

    def unscaled(self, samples: NDArray) -> NDArray:
        """Scale samples so that 0 is black and 1 is white."""
        return (samples - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class ContrastNormalised(Images):
    """Images after global contrast normalisation, as in the authors' released settings.

    The mean of each image is subtracted, and the result is scaled to a length. With 55 the values of CIFAR-10 have a
    mean square of 0.98. `low` and `high` are what figures show as black and as white.

    Attributes:
        length: Length of each image as a vector.
    """

    length: float = 55.0

    def scaled(self, pixels: NDArray, dtype: type[np.floating] = np.float32) -> NDArray:
        """Normalise images (..., pixels) of any scale."""
        centred = pixels - pixels.mean(axis=-1, keepdims=True, dtype=dtype)
        norm = np.linalg.norm(centred, axis=-1, keepdims=True)
        return centred * (np.asarray(self.length, dtype) / np.where(norm > 1e-8, norm, 1))  # a constant image stays 0
