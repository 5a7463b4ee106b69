"""Reads a user's samples from a file, for the scripts that compare and measure them."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_paper.run import Refused, files

import numpy as np
from numpy.typing import NDArray


def read_samples(path: Path, columns: Sequence[str] = ()) -> NDArray[np.float64]:
    """Read samples (N, n), one per row, from a `.npy` file, an array of an `.npz` file, or a `.csv` file.

    Args:
        path: The file.
        columns: Which columns of a `.csv` file, or arrays of an `.npz` file, to take, where there are several. If the
            first line of a `.csv` file has no names, its columns are named by their indices. A first line 0,1,... holds
            names, as pandas writes them.

    Raises:
        Refused: if it cannot be read or holds no two finite samples, in one line that names it.
    """
    found: Mapping[str, Any]
    if path.suffix == ".npz":
        found = files.read_arrays(path)
    elif path.suffix == ".csv":
        found = _read_columns(path)
    else:
        with files.readable(path, ".npy file of plain numbers"):
            found = {"": np.load(path, mmap_mode="r", allow_pickle=False)}
    names = columns if len(found) > 1 else [*found]
    if not names or not found.keys() >= {*names}:
        raise Refused(f"--columns must name what to take of {path}: {', '.join(found) or 'it is empty'}")
    with files.readable(path, "file of real numbers"):
        arrays = [np.asarray(found[name], float if path.suffix == ".csv" else None) for name in names]
        samples = arrays[0] if len(arrays) == 1 else np.column_stack(arrays)
        if samples.dtype.kind not in "fiu":
            raise ValueError(f"its entries are of type {samples.dtype}")
    if samples.ndim == 0 or len(samples) < 2 or samples.size == 0:
        raise Refused(f"{path} must hold at least two samples, one a row, not an array of shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise Refused(f"{path} holds values that are not finite")
    return samples.reshape(len(samples), -1).astype(float)


def _read_columns(path: Path) -> dict[str, list[str]]:
    text = files.read_text(path).removeprefix("\ufeff")  # which Excel puts first
    with files.readable(path, ".csv file"):
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
        names = [str(index) for index in range(len(rows[0]))]
        is_header = len(names) > 1 and rows[0] == names  # of a DataFrame without names
        try:
            [float(cell) for cell in rows[0]]
        except ValueError:
            is_header, names = True, rows[0]
        if len({*names}) < len(names):
            raise ValueError("two columns have one name")
        rows = rows[1:] if is_header else rows
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
