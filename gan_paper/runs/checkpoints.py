"""A run's checkpoints: each a sealed folder of its own, put in place by one renaming, so whole or not there at all."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from gan_paper import files

KEPT = 2
"""How many checkpoints stay: the newest, and the one before it should the newest be damaged."""

SECONDS = 10.0
"""The least time from one checkpoint to the next."""


class Checkpoints:
    """The checkpoints in a folder, by iteration.

    Args:
        folder: Where they are; made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0
        self._saved, self._cost = time.perf_counter(), 0.0

    def save(self, iteration: int, write: Callable[[Path], None]) -> None:
        """Make a checkpoint, and forget the oldest, and those that lie ahead, which were damaged.

        Args:
            iteration: That training is at.
            write: Writes its files into a folder.
        """
        began = time.perf_counter()
        self.clean()
        partial = self.folder / f"{iteration}.partial"
        self.folder.mkdir(exist_ok=True)  # but not the run's: if that went away, the run is to end
        partial.mkdir()
        try:
            write(partial)
            files.seal(partial)
            place = self._place(iteration)
            if place.exists():  # damaged, or the same: the run has come to it again
                shutil.rmtree(place)
            partial.rename(place)
            files.flush(self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        kept = [made for made in self.iterations() if made <= iteration][-KEPT:]
        for useless in set(self.iterations()) - set(kept):
            shutil.rmtree(self._place(useless))
        self._saved = time.perf_counter()
        self._cost = self._saved - began
        self.seconds += self._cost

    def is_due(self) -> bool:
        """Whether ten seconds have gone since the last one, and a hundred times as long as it took."""
        return time.perf_counter() - self._saved > max(SECONDS, 100 * self._cost)

    def iterations(self) -> list[int]:
        """The iterations that there are checkpoints of, whole or not, rising."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def newest(self) -> tuple[int, Path] | None:
        """The newest checkpoint that is whole, as its iteration and its folder; None if none was ever made.

        Raises:
            ValueError: if there are some, and all are damaged.
        """
        damage = ""
        for iteration in reversed(self.iterations()):
            try:
                files.check_seal(self._place(iteration))
            except ValueError as error:
                damage = damage or str(error)
                continue
            if damage:
                print(f"{damage}; going on from the checkpoint before it, of iteration {iteration}")
            return iteration, self._place(iteration)
        if damage:
            raise ValueError(damage)
        return None

    def clean(self) -> None:
        """Remove what a killed process left half-written."""
        for partial in self.folder.glob("*.partial"):
            shutil.rmtree(partial)

    def _place(self, iteration: int) -> Path:
        return self.folder / str(iteration)
