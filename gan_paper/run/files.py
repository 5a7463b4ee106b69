"""Files and checkpoints: none is left half-written, and reading one never executes code from it."""

import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper.metrics import Recording
from gan_paper.run.config import Refused

import numpy as np
from numpy.typing import NDArray

KEPT = 2
"""Number of checkpoints kept: the newest, and the one before it in case the newest is damaged."""
SECONDS = 10.0
"""Least time from one checkpoint to the next, in seconds."""
_RECORDING, _VARIABLE = "recording_", "variable_"


def write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: naming the path, if it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.stem[:50]}-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            temporary.chmod(0o644)  # mkstemp lets only the owner read it
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:  # an error in writing, unlike one in opening, names no file
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    with contextlib.suppress(OSError):  # Windows cannot open a folder, some network disks cannot flush one
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write(path, text.encode())


def write_arrays(path: Path, arrays: Mapping[str, NDArray], compress: bool = False) -> None:
    """Write an `.npz` file, whole or not at all."""
    content = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(content, allow_pickle=False, **arrays)
    write(path, content.getvalue())


@contextlib.contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn any error in reading a file into `Refused`, with one line that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise Refused(f"{path} does not exist") from None
    except Exception as error:  # damaged files make the standard library and NumPy raise nearly anything
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or "it ends too early"
        raise Refused(f"{path} is not a readable {kind} ({reason})") from None


def read_text(path: Path) -> str:
    """Read a text file in UTF-8.

    Raises:
        Refused: if it cannot be read, in one line that names it.
    """
    with readable(path, "text file"):
        return path.read_text(encoding="utf-8")


def read_arrays(path: Path) -> dict[str, NDArray]:
    """Read the arrays of an `.npz` file.

    Raises:
        Refused: if it cannot be read, in one line that names it.
    """
    with readable(path, ".npz file of plain arrays"), path.open("rb") as file:  # NumPy leaves a damaged file open
        return dict(np.load(file, allow_pickle=False))


class State(NamedTuple):
    """The content of a checkpoint: all that a run needs to resume.

    Attributes:
        iteration: Number of iterations made.
        variables: Variables of the networks and the optimizers, or their values, in the caller's order.
        recording: Histograms so far.
        history: Rows of the history so far.
    """

    iteration: int
    variables: Sequence[Any]
    recording: Recording
    history: list[dict[str, float]]


class Checkpoints:
    """The checkpoints of a run, one file per iteration, in a folder that is created with the first one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: list[int] = []  # iterations written here or found undamaged: no other file is ever deleted
        self._saved, self._cost = time.perf_counter(), 0.0

    def is_due(self) -> bool:
        """Whether `SECONDS` have passed since the last checkpoint, and 100 times the time that writing it took."""
        return time.perf_counter() - self._saved > max(SECONDS, 100 * self._cost)

    def save(self, state: State) -> None:
        """Write a checkpoint, and delete all but the newest `KEPT` of this run."""
        began = time.perf_counter()
        arrays = {f"{_VARIABLE}{i}": np.asarray(value) for i, value in enumerate(state.variables)}
        arrays |= {_RECORDING + name: array for name, array in state.recording.arrays().items()}
        arrays |= {"history": np.asarray(json.dumps(state.history))}
        self.folder.mkdir(exist_ok=True)
        write_arrays(self._path(state.iteration), arrays)
        self._kept = [i for i in self._kept if i < state.iteration] + [state.iteration]
        while len(self._kept) > KEPT:
            self._path(self._kept.pop(0)).unlink(missing_ok=True)
        self._saved = time.perf_counter()
        self._cost = self._saved - began

    def newest(self, most: int) -> State | None:
        """Read the newest undamaged checkpoint of at most `most` iterations; None if there is no checkpoint.

        Raises:
            Refused: if there are checkpoints, but no such one.
        """
        found = sorted(int(path.stem) for path in self.folder.glob("*.npz") if path.stem.isdecimal())
        newest: State | None = None
        faults: list[str] = []
        for iteration in found:
            try:
                state = self._read(iteration)
            except Refused as error:
                faults.append(str(error))
                continue
            self._kept.append(iteration)
            newest = state if iteration <= most else newest
        if newest:
            for fault in faults:
                print(f"{fault}; resuming at iteration {newest.iteration}")
        elif found:
            raise Refused("; ".join(faults) or f"{self._path(found[0])} is beyond {most} iterations")
        return newest

    def _path(self, iteration: int) -> Path:
        return self.folder / f"{iteration}.npz"

    def _read(self, iteration: int) -> State:
        arrays = read_arrays(path := self._path(iteration))
        with readable(path, "checkpoint"):
            recording = {name.removeprefix(_RECORDING): a for name, a in arrays.items() if name.startswith(_RECORDING)}
            variables = [arrays[f"{_VARIABLE}{i}"] for i in range(sum(name.startswith(_VARIABLE) for name in arrays))]
            return State(iteration, variables, Recording.of_arrays(recording), json.loads(str(arrays["history"])))
