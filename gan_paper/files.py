"""Reading and writing files so that nothing is half-written, damage is noticed, and nothing in a file is executed.

Whatever a file claims about itself, no more is read into memory than it may hold.
"""

import hashlib
import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

GREATEST = 1 << 30
"""Bytes that the arrays of one file may take in memory."""

SEAL = "SHA256SUMS"
"""The file of a sealed folder that holds the SHA-256 of the others, as `sha256sum -c SHA256SUMS` checks it."""

_PARTIAL = ".partial"

UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error)
"""What a missing, damaged or foreign file makes the standard library raise, and the functions of this module too."""


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
    """Check files of a sealed folder against its `SHA256SUMS`.

    Args:
        folder: The folder.
        names: Of the files; by default all that are sealed.

    Raises:
        ValueError: if the seal or a file is missing or damaged, in one line that names it.
    """
    try:
        # 1 MB: that is ten thousand files.
        text = _bounded(folder / SEAL, 1 << 20).decode()
        sums = {name: digest for digest, name in (line.split("  ") for line in text.splitlines())}
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
    return _bounded(path, 16 << 20).decode()


def read_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of an `.npz` file, read-only.

    Raises:
        ValueError: if there is no such file or it is none, in one line that names it.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > GREATEST:
                raise ValueError(f"its arrays would take more than {GREATEST >> 30} GB")
            return {member.filename.removesuffix(".npy"): _member(archive, member) for member in members}
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except UNREADABLE as error:
        raise ValueError(f"{path} is not a readable .npz file of plain arrays ({_reason(error)})") from None


def read_samples(path: Path) -> NDArray[np.float64]:
    """Anybody's samples from a `.npy` file, as (N, n): one sample a row.

    Raises:
        ValueError: if there is no such file or it holds no two finite samples, in one line that names it.
    """
    try:
        size = path.stat().st_size
        if size > GREATEST:
            raise ValueError(f"it takes more than {GREATEST >> 30} GB")
        with path.open("rb") as file:
            samples = read_array(file, size)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except UNREADABLE as error:
        raise ValueError(f"{path} is not a readable .npy file of plain numbers ({_reason(error)})") from None
    if samples.dtype.kind not in "fiu":
        raise ValueError(f"{path} is not a .npy file of real numbers")
    if samples.ndim == 0 or len(samples) < 2 or samples.size == 0:
        raise ValueError(f"{path} must hold at least two samples, one a row, not an array of shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{path} holds values that are not finite")
    return samples.reshape(len(samples), -1).astype(float)


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member of an archive; to be read in pieces, or whole where its size is acceptable.

    Raises:
        ValueError: if it is compressed in another way than NumPy's.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python would expand a chunk of any other kind whole, however little of it is asked for.
        raise ValueError(f"{member.filename} is compressed in a way that NumPy does not write")
    return archive.open(member)


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """The header of an array in `.npy` format: its shape, whether it is in Fortran order, and its type.

    Raises:
        ValueError: if it is none; and what a damaged archive raises.
    """
    try:
        # Version 1.0 is what NumPy writes for plain arrays; a later one's header may be 4 GB long.
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError
        with warnings.catch_warnings(action="ignore"):  # of Python 2's spelling
            return np.lib.format.read_array_header_1_0(stream)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        raise  # the archive is damaged, not the array
    except Exception:  # NumPy has Python's own parser read the header: what that raises on nonsense has no end
        raise ValueError("no array in .npy format 1.0") from None


def read_array(stream: IO[bytes], size: int) -> NDArray:
    """An array in `.npy` format, read-only.

    Args:
        stream: Where it is read from.
        size: Of all the bytes that it takes there.

    Raises:
        ValueError: if there is no array of plain numbers or strings, or not one of this size.
    """
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects")
    claimed, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if claimed != there:
        raise ValueError(f"an array of shape {shape} and type {dtype} takes {claimed} bytes, not {there}")
    values = stream.read(there + 1)  # one more, since only at its end does an archive check the sum of a member
    return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray:
    with open_member(archive, member) as stream:
        try:
            return read_array(stream, member.file_size)
        except ValueError as error:
            raise ValueError(f"{member.filename}: {error}") from None


def _reason(error: BaseException) -> str:
    # One line, and not empty, whatever it is.
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or "it ends too early"


def _bounded(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} is larger than {most} bytes")
    return content


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
