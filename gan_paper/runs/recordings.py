"""Recordings in files: a run's `histograms.npz`, and references."""

from pathlib import Path

import numpy as np

from gan_paper.measure.recording import Recording
from gan_paper.runs import files


def save(recording: Recording, path: Path) -> None:
    """Write a recording as an `.npz` file."""
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **recording.arrays())


def load(path: Path) -> Recording:
    """Read what `save` wrote; nothing in the file is executed.

    Raises:
        ValueError: if there is no such file or it is no recording, in one line that names it.
    """
    arrays = files.read_arrays(path)
    try:
        return Recording.of_arrays(arrays)
    except (KeyError, IndexError, ValueError, TypeError, OverflowError) as error:
        detail = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} holds no recorded histograms: {detail}") from None


def of_run(folder: Path) -> Recording:
    """The recording in a run's folder; if the run is finished, the one that it finished with.

    Raises:
        ValueError: if there is none or it is damaged, in one line that names it.
    """
    path = folder / "histograms.npz"
    if (folder / files.SEAL).exists():
        files.check_seal(folder, [path.name])
    return load(path)
