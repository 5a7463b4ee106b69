"""Reading and writing files so that nothing is half-written, damage is noticed, and nothing in a file is executed."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GREATEST = 1 << 30
"""Bytes that the arrays of one file may take in memory."""

SEAL = "SHA256SUMS"
"""The file of a sealed folder that holds the SHA-256 of the others, as `sha256sum -c SHA256SUMS` checks it."""

_PARTIAL = ".partial"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which takes its place once the block has ended without an error.

    Raises:
        OSError: naming the path, if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}{_PARTIAL}{path.suffix}")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
    except OSError as error:  # what fails in writing, rather than in opening, does not say where
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text)


def is_partial(path: Path) -> bool:
    """Whether a path is one of `replacing`'s, which only a killed process leaves behind."""
    return path.name.startswith(".") and _PARTIAL in path.name


def seal(folder: Path) -> None:
    """Write the checksums of all the files in a folder, not those in folders below it, to its `SHA256SUMS`."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    names = [name for name in names if name != SEAL]
    for name in names:
        flush(folder / name)
    write_text(folder / SEAL, "".join(f"{_digest(folder / name)}  {name}\n" for name in names))


def check_seal(folder: Path, names: Sequence[str] | None = None) -> None:
    """Check files of a sealed folder, by default all, against its `SHA256SUMS`.

    Raises:
        ValueError: if the seal or a file is missing or damaged, in one line that names it.
    """
    try:
        lines = read_text(folder / SEAL).splitlines()
        sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    except FileNotFoundError:
        raise ValueError(f"{folder / SEAL} does not exist") from None
    except (OSError, ValueError):
        raise ValueError(f"{folder / SEAL} is damaged") from None
    for name in sums if names is None else names:
        path = folder / name
        try:
            whole = name in sums and Path(name).name == name and _digest(path) == sums[name]
        except FileNotFoundError:
            raise ValueError(f"{path} is missing") from None
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        if not whole:
            raise ValueError(f"{path} is damaged: its SHA-256 is not the one in {SEAL}")


def read_text(path: Path) -> str:
    """A text file of at most 16 MB.

    Raises:
        OSError, ValueError: if it cannot be read, is larger, or is no text.
    """
    with path.open("rb") as file:
        content = file.read((16 << 20) + 1)
    if len(content) > 16 << 20:
        raise ValueError(f"{path} is larger than 16 MB")
    return content.decode()


def read_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of an `.npz` file.

    Raises:
        ValueError: if there is no such file or it is none, in one line that names it.
    """
    with _readable(path, ".npz file of plain arrays"):
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(member.file_size for member in archive.infolist()))
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)


def read_samples(path: Path) -> NDArray[np.float64]:
    """Anybody's samples from a `.npy` file, as (N, n): one sample a row.

    Raises:
        ValueError: if there is no such file or it holds no two finite samples, in one line that names it.
    """
    with _readable(path, ".npy file of plain numbers"):
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


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    # What the standard library and NumPy raise on damaged and foreign files, and on arrays that claim to be larger.
    except (OSError, EOFError, RuntimeError, ValueError, SyntaxError, MemoryError, zipfile.BadZipFile, zlib.error) as e:
        reason = " ".join(str(getattr(e, "strerror", None) or e).split()) or "it ends too early"
        raise ValueError(f"{path} is not a readable {kind} ({reason})") from None


def _check_size(size: int) -> None:
    if size > GREATEST:
        raise ValueError(f"it would take more than {GREATEST >> 30} GB")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk, and not in the system's memory only."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
