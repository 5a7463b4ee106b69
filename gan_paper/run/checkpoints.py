"""A run's checkpoints: one `.npz` file each, put in place by one renaming, so whole or not there at all."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper.metrics.histograms import Recording
from gan_paper.run import files

import numpy as np
from numpy.typing import NDArray

KEPT = 2
"""How many checkpoints stay: the newest, and the one before it should the newest be damaged."""
SECONDS = 10.0
"""The least time from one checkpoint to the next."""
_RECORDING, _VARIABLE = "recording_", "variable_"


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
        files.write_arrays(self._path(state.iteration), arrays)
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
        arrays = files.read_arrays(path)
        with files.readable(path, "checkpoint"):
            if str(arrays["settings"]) != self._settings:
                raise ValueError("it is of a run with other settings")
            names = {name: name.removeprefix(_RECORDING) for name in arrays if name.startswith(_RECORDING)}
            recording = Recording.of_arrays({short: arrays[name] for name, short in names.items()})
            count = sum(name.startswith(_VARIABLE) for name in arrays)
            variables = [arrays[f"{_VARIABLE}{i}"] for i in range(count)]
            return State(iteration, variables, recording, json.loads(str(arrays["history"])))
