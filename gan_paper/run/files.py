"""Reading and writing files, checkpoints among them: nothing is half-written, nothing in a file is executed."""

import contextlib
import errno
import json
import os
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper.metrics import Recording

import numpy as np
from numpy.typing import NDArray

KEPT = 2
"""How many checkpoints stay: the newest, and the one before it should the newest be damaged."""
SECONDS = 10.0
"""The least time from one checkpoint to the next."""
_RECORDING, _VARIABLE = "recording_", "variable_"
LARGEST = 2 << 30
"""Bytes that the arrays of one file may take in memory: the checkpoints of CIFAR-10's `full` take 1.4 GB."""
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
    """Write an `.npz` file, whole or not at all.

    Raises:
        OSError: if it cannot be written, or would be larger than what is read.
    """
    if sum(array.nbytes for array in arrays.values()) > LARGEST:
        raise OSError(errno.EFBIG, f"its arrays would take more than {LARGEST >> 30} GB; record less often", str(path))
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
    """The arrays of an `.npz` file, of at most `LARGEST` bytes.

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
        OSError, EOFError, RuntimeError, ValueError, KeyError, SyntaxError, MemoryError, tokenize.TokenError,
        zipfile.BadZipFile, zlib.error,
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


class State(NamedTuple):
    """What a run needs to go on.

    Attributes:
        iteration: How far it is.
        variables: Of the networks and the optimizers, in an order of the caller's.
        recording: Its histograms.
        history: Its rows.
    """

    iteration: int
    variables: Sequence[NDArray]
    recording: Recording
    history: list[dict[str, float]]


class Checkpoints:
    """The checkpoints of a run with these settings, by iteration, in a folder that is made with the first one."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        # A run may be made longer: its checkpoints stay its own.
        self._settings = json.dumps({name: value for name, value in settings.items() if name != "iterations"})
        self._own: list[int] = []  # written here, or found whole: no other file is ever deleted
        self._saved, self._cost = time.perf_counter(), 0.0

    def is_due(self) -> bool:
        """Whether ten seconds have gone since the last one, and a hundred times as long as it took."""
        return time.perf_counter() - self._saved > max(SECONDS, 100 * self._cost)

    def save(self, state: State) -> None:
        """Write a checkpoint, and delete the oldest of this run's but two."""
        began = time.perf_counter()
        arrays = {f"{_VARIABLE}{i}": np.asarray(value) for i, value in enumerate(state.variables)}
        arrays |= {_RECORDING + name: array for name, array in state.recording.arrays().items()}
        arrays |= {"settings": np.asarray(self._settings), "history": np.asarray(json.dumps(state.history))}
        self.folder.mkdir(exist_ok=True)
        write_arrays(self._path(state.iteration), arrays)
        self._own = sorted({*self._own, state.iteration} - {i for i in self._own if i > state.iteration})
        while len(self._own) > KEPT:
            self._path(self._own.pop(0)).unlink(missing_ok=True)
        self._saved = time.perf_counter()
        self._cost = self._saved - began

    def newest(self, most: int) -> State | None:
        """The state in the newest whole checkpoint of at most so many iterations; None if there is no checkpoint.

        Raises:
            ValueError: if there are some, and none is whole and of these settings.
        """
        found = sorted(int(path.stem) for path in self.folder.glob("*.npz") if path.stem.isdecimal())
        if not found:
            return None
        faults, newest = [], None
        for iteration in found:
            try:
                state = self._read(iteration)
            except ValueError as error:
                faults.append(str(error))
                continue
            self._own.append(iteration)
            if iteration <= most:
                newest = state
        if newest is None:
            raise ValueError("; ".join(faults) or f"{self._path(found[0])} is beyond {most} iterations")
        for fault in faults:
            print(f"{fault}; resuming at iteration {newest.iteration}")
        return newest

    def _path(self, iteration: int) -> Path:
        return self.folder / f"{iteration}.npz"

    def _read(self, iteration: int) -> State:
        path = self._path(iteration)
        arrays = read_arrays(path)
        with readable(path, "checkpoint"):
            if str(arrays["settings"]) != self._settings:
                raise ValueError("it is of a run with other settings")
            names = {name: name.removeprefix(_RECORDING) for name in arrays if name.startswith(_RECORDING)}
            recording = Recording.of_arrays({short: arrays[name] for name, short in names.items()})
            count = sum(name.startswith(_VARIABLE) for name in arrays)
            variables = [arrays[f"{_VARIABLE}{i}"] for i in range(count)]
            return State(iteration, variables, recording, json.loads(str(arrays["history"])))
