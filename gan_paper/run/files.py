"""Reading and writing files, checkpoints among them: nothing is half-written, nothing in a file is executed."""

import contextlib
import errno
import io
import json
import math
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper.metrics import Recording
from gan_paper.run.config import Refused

import numpy as np
from numpy.typing import NDArray

KEPT = 2
"""How many checkpoints stay: the newest, and the one before it should the newest be damaged."""
SECONDS = 10.0
"""The least time from one checkpoint to the next."""
LARGEST = 2 << 30
"""Bytes that the arrays of one file may take in memory: checkpoints of CIFAR-10's `full` take 1.4 GB."""
LARGEST_TEXT = 16 << 20
"""Bytes of a text file that is read."""
_RECORDING, _VARIABLE = "recording_", "variable_"


def write(path: Path, content: bytes | memoryview) -> None:
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
            temporary.chmod(0o644)  # a temporary file is its owner's alone
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:  # what fails in writing, rather than in opening, does not say where
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    with contextlib.suppress(OSError):  # Windows opens no folder, and some network disks flush none
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write(path, text.encode())


def write_arrays(path: Path, arrays: Mapping[str, NDArray], compress: bool = False) -> None:
    """Write an `.npz` file, whole or not at all.

    Raises:
        OSError: if it cannot be written, or would be larger than what is read.
    """
    if sum(array.nbytes for array in arrays.values()) > LARGEST:
        raise OSError(errno.EFBIG, f"its arrays would take more than {LARGEST >> 30} GB; record less often", str(path))
    content = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(content, allow_pickle=False, **arrays)
    write(path, content.getbuffer())


@contextlib.contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever goes wrong in reading a regular file into a refusal of one line that names it."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("not a regular file")
        yield
    except FileNotFoundError:
        raise Refused(f"{path} does not exist") from None
    except Exception as error:  # damaged and foreign files make the standard library and NumPy raise nearly anything
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or "it ends too early"
        raise Refused(f"{path} is not a readable {kind} ({reason})") from None


def read_text(path: Path) -> str:
    """A text file in UTF-8, of at most 16 MB.

    Raises:
        Refused: if it cannot be read, in one line that names it.
    """
    with readable(path, "text file"), path.open("rb") as file:
        content = file.read(LARGEST_TEXT + 1)
        if len(content) > LARGEST_TEXT:
            raise ValueError("larger than 16 MB")
        return content.decode()


def read_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of an `.npz` file, of at most `LARGEST` bytes.

    Raises:
        Refused: if it cannot be read, in one line that names it.
    """
    arrays: dict[str, NDArray] = {}
    with readable(path, ".npz file of plain arrays"), zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                # A few bytes may claim, or be unpacked to, any number of entries. Text takes some 100 bytes an entry.
                version = np.lib.format.read_magic(file)
                first = version == (1, 0)
                read_header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
                shape, _, dtype = read_header(file)
                size = math.prod(shape) * max(dtype.itemsize, 8 if dtype.kind in "biuf" else 100)
                if size + sum(array.nbytes for array in arrays.values()) > LARGEST:
                    raise ValueError(f"it would take more than {LARGEST >> 30} GB")
                file.seek(0)
                arrays[member.removesuffix(".npy")] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


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

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
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
        self._own = [i for i in self._own if i < state.iteration] + [state.iteration]
        while len(self._own) > KEPT:
            self._path(self._own.pop(0)).unlink(missing_ok=True)
        self._saved = time.perf_counter()
        self._cost = self._saved - began

    def newest(self, most: int) -> State | None:
        """The state in the newest whole checkpoint of at most so many iterations; None if there is no checkpoint.

        Raises:
            Refused: if there are some, and none is whole and of these settings.
        """
        found = sorted(int(path.stem) for path in self.folder.glob("*.npz") if path.stem.isdecimal())
        faults: list[str] = []
        newest: State | None = None
        for iteration in found:
            try:
                state = self._read(iteration)
            except Refused as error:
                faults.append(str(error))
                continue
            self._own.append(iteration)
            newest = state if iteration <= most else newest
        if newest is None:
            if found:
                raise Refused("; ".join(faults) or f"{self._path(found[0])} is beyond {most} iterations")
            return None
        for fault in faults:
            print(f"{fault}; resuming at iteration {newest.iteration}")
        return newest

    def _path(self, iteration: int) -> Path:
        return self.folder / f"{iteration}.npz"

    def _read(self, iteration: int) -> State:
        arrays = read_arrays(path := self._path(iteration))
        with readable(path, "checkpoint"):
            if str(arrays["settings"]) != self._settings:
                raise ValueError("it is of a run with other settings")
            recording = {name.removeprefix(_RECORDING): a for name, a in arrays.items() if name.startswith(_RECORDING)}
            variables = [arrays[f"{_VARIABLE}{i}"] for i in range(sum(name.startswith(_VARIABLE) for name in arrays))]
            history = json.loads(str(arrays["history"]))
            return State(iteration, variables, Recording.of_arrays(recording), history)
