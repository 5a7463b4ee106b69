"""MNIST's images and labels, in Keras's layout. A checksum decides what MNIST is."""

import contextlib
import hashlib
import io
import sys
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VALIDATION = 10_000
"""The last so many of the training images are kept for validation."""

DIGESTS = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
}
"""By the name of the array in Keras's layout, the SHA-256 of its pixels."""

LABEL_DIGESTS = {
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
"""The same of the arrays of labels."""


class MNIST(NamedTuple):
    """The images, one a row of 784 pixels from 0 to 255.

    Attributes:
        train: (50000, 784): the first of the 60,000 training images.
        validation: (10000, 784): the last of them.
        test: (10000, 784).
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    test: NDArray[np.uint8]


class Labels(NamedTuple):
    """Which digit, 0 to 9, each image shows.

    Attributes:
        train: (50000,).
        validation: (10000,).
        test: (10000,).
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    test: NDArray[np.uint8]


def of_arrays(arrays: Mapping[str, NDArray], source: object) -> MNIST:
    """MNIST's images, split and checked.

    Args:
        arrays: In Keras's layout, x_train and x_test.
        source: Where they come from, for the error.

    Raises:
        ValueError: if they are not MNIST's, in one line.
    """
    return MNIST(*(part.reshape(len(part), -1) for part in _parts(arrays, DIGESTS, source, "pixels")))


def labels_of_arrays(arrays: Mapping[str, NDArray], source: object) -> Labels:
    """MNIST's labels, split as the images are, and checked.

    Args:
        arrays: In Keras's layout, y_train and y_test.
        source: Where they come from, for the error.

    Raises:
        ValueError: if they are not MNIST's, in one line.
    """
    return Labels(*_parts(arrays, LABEL_DIGESTS, source, "labels"))


def download() -> dict[str, NDArray]:
    """The arrays as Keras downloads and keeps them.

    Raises:
        ValueError: if they cannot be had, in one line that says what to do.
    """
    import keras

    # Off a terminal, Keras's progress bar is thousands of lines.
    quiet = contextlib.nullcontext() if sys.stdout.isatty() else contextlib.redirect_stdout(io.StringIO())
    try:
        with quiet:
            (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception for a network that cannot be reached
        reason = " ".join(str(error).split())
        raise ValueError(
            f"MNIST cannot be downloaded ({reason}); an .npz file in Keras's layout serves as well"
        ) from None
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _parts(
    arrays: Mapping[str, NDArray], digests: Mapping[str, str], source: object, content: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    # Checked: for training, for validation and for the test.
    for name, digest in digests.items():
        array = arrays.get(name)
        if array is None or array.dtype != np.uint8 or hashlib.sha256(array.tobytes()).hexdigest() != digest:
            found = "is not there" if array is None else f"({array.dtype}, shape {array.shape}) has other {content}"
            raise ValueError(f"{source} is not MNIST in Keras's layout: {name} {found}")
    train, test = (arrays[name] for name in digests)
    return train[:-VALIDATION], train[-VALIDATION:], test
