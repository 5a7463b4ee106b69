"""One run in a process that serves many, perhaps on another machine; and its folder's way back, as bytes."""

import contextlib
import importlib
import io
import os
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper.runs import files, provenance
from gan_paper.runs.folder import CONFIG, LOCK, Folder, Refused
from gan_paper.runs.run import Run
from gan_paper.runs.script import quiet_tensorflow
from gan_paper.runs.settings import FitSettings, Settings


class Task(NamedTuple):
    """What a worker is to do, in plain values.

    Attributes:
        experiment: The experiment's name; a script of `experiments/`, which the worker can import.
        values: Of all its settings that are no places.
        places: Of those that are.
        code: The digest of the code that the caller has.
        folder: Where to train, if the caller's disk is the worker's; else in a temporary folder.
        begun: The folder of a begun run to go on with, as `pack` gives it; nothing if there is none.
    """

    experiment: str
    values: dict[str, Any]
    places: dict[str, Any]
    code: str
    folder: Path | None = None
    begun: bytes = b""


class Outcome(NamedTuple):
    """How a run ended: `finished`, `diverged` or `refused`; what it said of that; and its folder if it is to travel."""

    status: str
    said: str = ""
    folder: bytes = b""


def train(task: Task) -> Outcome:
    """Train a run to its end, in silence. To be called by one thread of a process, always the same.

    Each operation of TensorFlow gets one thread, as many processes share the cores.

    Raises:
        OSError: if a file cannot be written.
        MemoryError: if there is too little memory.
    """
    os.environ["MPLBACKEND"] = "agg"
    try:
        script = importlib.import_module(task.experiment)
    except ModuleNotFoundError as error:
        if error.name != task.experiment:
            raise
        return Outcome("refused", f"a worker finds no {task.experiment}.py: its PYTHONPATH must name experiments/")
    if provenance.digest(script.Settings) != task.code:
        return Outcome("refused", f"a worker has other code ({provenance.digest(script.Settings)}, not {task.code})")
    with tempfile.TemporaryDirectory(prefix="gan-paper-") as temporary:
        folder = task.folder or Path(temporary) / "run"
        if task.begun:
            unpack(task.begun, folder)
        settings = script.Settings(
            **task.values, **task.places, output=folder, resume=(folder / CONFIG).exists(), overwrite=False
        )
        try:
            with contextlib.redirect_stdout(io.StringIO()), Run(task.experiment, settings) as run:
                if isinstance(settings, FitSettings):
                    _renew_keras()
                script.main(settings, run)
        except FloatingPointError as divergence:
            return Outcome("diverged", str(divergence))
        except Refused as refusal:
            return Outcome("refused", str(refusal))
        return Outcome("finished", "", b"" if task.folder else pack(folder))


def _renew_keras() -> None:
    # As if the process were new: names of layers count from the start again, and what earlier runs built is let go.
    quiet_tensorflow()
    import keras
    import tensorflow as tf

    from gan_paper.runs import training

    training.one_thread()
    tf.get_logger().setLevel("ERROR")  # it warns of functions that are built again and again, as here they are
    keras.utils.clear_session()


def pack(folder: Path) -> bytes:
    """A run's folder as bytes, a tar archive, without its lock."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != LOCK and not files.is_partial(path):
                tar.add(path, str(path.relative_to(folder)))
    return archive.getvalue()


def unpack(archive: bytes, folder: Path) -> None:
    """The inverse of `pack`, into a new folder.

    Raises:
        FileExistsError: if the folder is there.
        tarfile.TarError: if it is no archive, or one that would write elsewhere.
    """
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def land(archive: bytes, place: Path, experiment: str, settings: Settings) -> None:
    """Put a finished run's folder in its place, by one renaming; what a begun run of it left there goes.

    Args:
        archive: Of `pack`.
        place: Where it belongs.
        experiment: The experiment's name.
        settings: Of the run.

    Raises:
        ValueError: if a file is not what the run sealed.
        Refused: if the place has come to hold something else.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.partial-", dir=place.parent) as temporary:
        whole = Path(temporary) / place.name
        unpack(archive, whole)
        files.check_seal(whole)
        if place.exists():
            begun = Folder(place, experiment, replace(settings, output=place, resume=False, overwrite=True))
            begun.discard()
            begun.close()
        whole.rename(place)
    files.flush(place.parent)
