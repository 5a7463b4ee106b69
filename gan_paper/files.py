"""Reading and writing files so that nothing is half-written and nothing in a file is executed."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which takes its place once the block has ended without an error."""
    temporary = path.with_name(f".{path.name}.partial{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of an `.npz` file.

    Raises:
        ValueError: if there is no such file or it is none, in one line that names it.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except (
        OSError,
        ValueError,
        EOFError,
        TypeError,
        AttributeError,
        KeyError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        raise ValueError(f"{path} is not a readable .npz file of plain arrays") from None


def read_samples(path: Path) -> NDArray[np.float64]:
    """Anybody's samples from a `.npy` file, as (N, n): one sample a row.

    Raises:
        ValueError: if there is no such file or it holds no two finite samples, in one line that names it.
    """
    try:
        with path.open("rb") as file:
            samples = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError):
        raise ValueError(f"{path} is not a readable .npy file of plain numbers") from None
    if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "fiu":
        raise ValueError(f"{path} is not a .npy file of real numbers")
    if samples.ndim == 0 or len(samples) < 2 or samples.size == 0:
        raise ValueError(f"{path} must hold at least two samples, one a row, not an array of shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{path} holds values that are not finite")
    return samples.reshape(len(samples), -1).astype(float)
