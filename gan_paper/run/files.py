"""Reading and writing files: nothing is half-written, and nothing in a file is executed."""

import contextlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LARGEST = 1 << 30
"""Bytes that the arrays of one file may take in memory."""
LARGEST_TEXT = 16 << 20
"""Bytes of a text file that is read."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which takes its place once the block has ended without an error.

    Raises:
        OSError: naming the path, if it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(suffix=path.suffix, prefix=f".{path.stem}-", dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)  # a temporary file is its owner's alone
            _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _flush(path.parent)
    except OSError as error:  # what fails in writing, rather than in opening, does not say where
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_arrays(path: Path, arrays: dict[str, NDArray], compress: bool = False) -> None:
    """Write an `.npz` file, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        (np.savez_compressed if compress else np.savez)(file, allow_pickle=False, **arrays)


def read_text(path: Path) -> str:
    """A text file of at most 16 MB.

    Raises:
        ValueError: if it cannot be read, in one line that names it.
    """
    with readable(path, "text file"):
        if path.stat().st_size > LARGEST_TEXT:
            raise ValueError("larger than 16 MB")
        return path.read_text(encoding="utf-8")


def read_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of an `.npz` file, of at most 1 GB.

    Raises:
        ValueError: if it cannot be read, in one line that names it.
    """
    with readable(path, ".npz file of plain arrays"):
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(member.file_size for member in archive.infolist()))
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)


def read_samples(path: Path) -> NDArray[np.float64]:
    """Anybody's samples from a `.npy` file, as (N, n): one sample a row.

    Raises:
        ValueError: if it cannot be read or holds no two finite samples, in one line that names it.
    """
    with readable(path, ".npy file of plain numbers"):
        _check_size(path.stat().st_size)
        with path.open("rb") as file:
            samples = np.lib.format.read_array(file, allow_pickle=False)
    if samples.dtype.kind not in "fiu":
        raise ValueError(f"{path} is not a .npy file of real numbers")
    if samples.ndim == 0 or len(samples) < 2 or samples.size == 0:
        raise ValueError(f"{path} must hold at least two samples, one a row, not an array of shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{path} holds values that are not finite")
    return samples.reshape(len(samples), -1).astype(float)


@contextlib.contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever goes wrong in reading a file into a `ValueError` of one line that names it."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("not a regular file")
        yield
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    # What the standard library and NumPy raise on damaged and foreign files, and on arrays that claim to be larger.
    except (
        OSError, EOFError, RuntimeError, ValueError, KeyError, SyntaxError, MemoryError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or "it ends too early"
        raise ValueError(f"{path} is not a readable {kind} ({reason})") from None


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise ValueError(f"it would take more than {LARGEST >> 30} GB")


def _flush(path: Path) -> None:
    # On the disk, where the system can: Windows opens no folder.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
