"""MNIST in Keras's layout, from a file or downloaded. Checksums decide what MNIST is."""

import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

from gan_paper.run import files

import keras
import numpy as np
from numpy.typing import NDArray

VALIDATION = 10_000
"""How many of the training images, the last ones, are kept for validation."""

DIGESTS = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
"""By its name in Keras's layout, the SHA-256 of each array's bytes."""


class MNIST(NamedTuple):
    """Images, one a row of 784 pixels from 0 to 255, and which digit, 0 to 9, each shows.

    Attributes:
        train: (50000, 784): the first of the 60,000 training images.
        validation: (10000, 784): the last of them.
        test: (10000, 784).
        train_labels: (50000,).
        test_labels: (10000,).
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    test: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@functools.cache
def load(path: Path | None) -> MNIST:
    """MNIST from an `.npz` file, or as Keras downloads it once and keeps it.

    Raises:
        ValueError: if it cannot be had, or is not MNIST, in one line.
    """
    arrays, source = (files.read_arrays(path), path) if path else (_download(), "the download")
    for name, digest in DIGESTS.items():
        array = arrays.get(name)
        if array is None or array.dtype != np.uint8 or hashlib.sha256(array.tobytes()).hexdigest() != digest:
            fault = "is missing" if array is None else f"({array.dtype}, shape {array.shape}) has another checksum"
            raise ValueError(f"{source} is not MNIST in Keras's layout: {name} {fault}")
    train, test = (arrays[name].reshape(-1, 784) for name in ("x_train", "x_test"))
    labels = arrays["y_train"][:-VALIDATION]
    return MNIST(train[:-VALIDATION], train[-VALIDATION:], test, labels, arrays["y_test"])


def _download() -> dict[str, NDArray]:
    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception for a network that cannot be reached
        reason = " ".join(str(error).split())
        raise ValueError(f"MNIST cannot be downloaded ({reason}); --data takes it as an .npz file") from None
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
