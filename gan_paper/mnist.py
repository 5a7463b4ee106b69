"""MNIST's images: downloaded by Keras, or from an `.npz` file in Keras's layout or a folder of IDX files.

A file may be damaged, or another data set, or a trap. Whatever it claims, no more is read into memory than MNIST takes,
and nothing in it is executed. The checksum of the pixels alone decides what MNIST is; what is looked at before it
bounds the memory and gives a person a better reason.
"""

import contextlib
import gzip
import hashlib
import io
import struct
import sys
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_paper import files

PIXELS = 28 * 28
VALIDATION = 10_000
"""The last so many of the training images are kept for validation."""


class Part(NamedTuple):
    """One of the two sets of images in which MNIST comes.

    Attributes:
        name: What a person calls it.
        array: Its array in Keras's layout.
        idx: Its IDX file, by the names in use.
        images: How many images it has.
        digest: The SHA-256 of its pixels.
    """

    name: str
    array: str
    idx: tuple[str, ...]
    images: int
    digest: str


PARTS = (
    Part(
        name="training",
        array="x_train",
        idx=("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
        images=60_000,
        digest="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    Part(
        name="test",
        array="x_test",
        idx=("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"),
        images=10_000,
        digest="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    ),
)

_ACCEPTED = (
    f"an .npz file in Keras's layout ({' and '.join(part.array for part in PARTS)}) "
    f"or a folder of IDX files ({' and '.join(part.idx[0] for part in PARTS)}, plain or .gz)"
)


class MNIST(NamedTuple):
    """The images, one a row of 784 pixels from 0 to 255, read-only.

    Attributes:
        train: (50000, 784): the first of the 60,000 training images.
        validation: (10000, 784): the last of them.
        test: (10000, 784).
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    test: NDArray[np.uint8]


def load(path: Path | None = None) -> MNIST:
    """MNIST's images.

    Args:
        path: An `.npz` file in Keras's layout or a folder of IDX files; by default Keras downloads and keeps one.

    Raises:
        ValueError: if they cannot be had there or are not MNIST's, in one line that says what to do.
    """
    train, test = _download() if path is None else [_read(path, part) for part in PARTS]
    return MNIST(train[:-VALIDATION], train[-VALIDATION:], test)


def _download() -> list[NDArray[np.uint8]]:
    import keras

    # Off a terminal, Keras's progress bar is thousands of lines.
    quiet = contextlib.nullcontext() if sys.stdout.isatty() else contextlib.redirect_stdout(io.StringIO())
    try:
        with quiet:
            (x_train, _), (x_test, _) = keras.datasets.mnist.load_data()
        return [_images(x.tobytes(), part) for x, part in zip((x_train, x_test), PARTS, strict=True)]
    except Exception as error:  # Keras raises a bare Exception for a network that cannot be reached
        reason = " ".join(str(error).split())
        raise ValueError(f"MNIST cannot be downloaded ({reason}); pass --data PATH with {_ACCEPTED}") from None


def _read(path: Path, part: Part) -> NDArray[np.uint8]:
    where = path
    try:
        if path.is_dir():
            where = _idx_file(path, part)
            return _images(_idx_pixels(where, part), part)
        return _images(_npz_pixels(where, part), part)
    except files.UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
        raise ValueError(
            f"MNIST's {part.name} images cannot be read from {where}: {reason}; --data takes {_ACCEPTED}"
        ) from None


def _npz_pixels(path: Path, part: Part) -> bytes:
    name, shape = f"{part.array}.npy", (part.images, 28, 28)
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        if name not in archive.namelist():
            raise ValueError(f"it has no {name}")
        with files.open_member(archive, archive.getinfo(name)) as stream:
            try:
                found_shape, fortran, dtype = files.read_header(stream)
            except ValueError as error:
                raise ValueError(f"{name} is {error}") from None
            if (found_shape, dtype) != (shape, np.uint8) or fortran:
                order = " in Fortran order" if fortran else ""
                raise ValueError(f"{name} is {dtype} of shape {found_shape}{order}, not uint8 of shape {shape}")
            return _pixels(stream, part)


def _idx_file(folder: Path, part: Part) -> Path:
    candidates = [folder / f"{name}{suffix}" for name in part.idx for suffix in ("", ".gz")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ValueError(f"it has no {part.idx[0]} or {part.idx[0]}.gz")


def _idx_pixels(path: Path, part: Part) -> bytes:
    expected = (0x803, part.images, 28, 28)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        header = stream.read(16)
        if len(header) < 16:
            raise ValueError("it ends within the header")
        found = struct.unpack(">4I", header)
        if found[0] != expected[0]:
            raise ValueError(f"its magic number is {found[0]:#010x}, not {expected[0]:#010x} as of IDX images")
        if found != expected:
            raise ValueError(f"it claims to hold images of shape {found[1:]}, not {expected[1:]}")
        return _pixels(stream, part)


def _pixels(stream: IO[bytes] | io.BufferedIOBase, part: Part) -> bytes:
    size = part.images * PIXELS
    pixels = stream.read(size + 1)  # one more would show that there are more, however many they are
    if len(pixels) != size:
        found = "more" if len(pixels) > size else f"only {len(pixels)}"
        raise ValueError(f"{size} pixels are needed, and it holds {found}")
    return pixels


def _images(pixels: bytes, part: Part) -> NDArray[np.uint8]:
    digest = hashlib.sha256(pixels).hexdigest()
    if digest != part.digest:
        raise ValueError(f"its pixels are not MNIST's: their SHA-256 is {digest[:12]}..., not {part.digest[:12]}...")
    return np.frombuffer(pixels, np.uint8).reshape(-1, PIXELS)  # read-only, as bytes are
