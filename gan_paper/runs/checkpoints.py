"""A run's checkpoints: each a sealed folder of its own, put in place by one renaming, so whole or not there at all."""

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from gan_paper.runs import files

KEPT = 2
"""How many checkpoints stay: the newest, and the one before it should the newest be damaged."""

SECONDS = 10.0
"""The least time from one checkpoint to the next."""


class Checkpoints:
    """The checkpoints in a folder, by iteration; it is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0
        self._saved, self._cost = time.perf_counter(), 0.0

    def save(self, iteration: int, write: Callable[[Path], None]) -> None:
        """Make a checkpoint of what `write` puts into a folder; forget the oldest, and damaged ones that lie ahead."""
        began = time.perf_counter()
        self.clean()
        partial = self.folder / f"{iteration}.partial"
        self.folder.mkdir(exist_ok=True)  # but not the run's: if that went away, the run is to end
        partial.mkdir()
        try:
            write(partial)
            files.seal(partial)
            place = self.folder / str(iteration)
            if place.exists():  # damaged, or the same: the run has come to it again
                _remove(place)
            partial.rename(place)
            files.flush(self.folder)
        finally:
            with contextlib.suppress(OSError):
                _remove(partial)
        kept = [made for made in self.iterations() if made <= iteration][-KEPT:]
        for useless in set(self.iterations()) - set(kept):
            _remove(self.folder / str(useless))
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
            folder = self.folder / str(iteration)
            try:
                files.check_seal(folder)
            except ValueError as error:
                damage = damage or str(error)
                continue
            if damage:
                print(f"{damage}; going on from the checkpoint before it, of iteration {iteration}")
            return iteration, folder
        if damage:
            raise ValueError(damage)
        return None

    def clean(self) -> None:
        """Remove what a killed process left half-written."""
        for partial in self.folder.glob("*.partial"):
            _remove(partial)

    def foreign(self) -> list[Path]:
        """What lies in the folder that no run wrote."""
        found = []
        for place in sorted(self.folder.iterdir()):
            is_ours = place.name.removesuffix(".partial").isdecimal() and place.is_dir() and not place.is_symlink()
            found += [path for path in sorted(place.iterdir()) if not _is_ours(path)] if is_ours else [place]
        return found

    def remove(self) -> None:
        """Remove all of them."""
        if self.folder.is_dir():
            for place in self.folder.iterdir():
                _remove(place)
            self.folder.rmdir()


def _is_ours(path: Path) -> bool:
    # TensorFlow and NumPy add to the name of the weights; on the way TensorFlow makes a folder, too.
    ours = path.name in (files.SEAL, "history.csv", "histograms.npz") or path.name.startswith("weights")
    return (ours or files.is_partial(path)) and not path.is_symlink()


def _remove(checkpoint: Path) -> None:
    """Remove a checkpoint's files, and its folder, if it holds no other."""
    for path in checkpoint.iterdir():
        if _is_ours(path):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with contextlib.suppress(OSError):  # it holds something
        checkpoint.rmdir()
