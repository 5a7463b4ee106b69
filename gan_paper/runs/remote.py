"""One run in a process that serves many, perhaps on another machine; its folder's way back; and the way there."""

import contextlib
import importlib
import io
import json
import logging
import os
import random
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_paper.runs import files, provenance
from gan_paper.runs.folder import CONFIG, LOCK, Folder, Refused
from gan_paper.runs.run import Run
from gan_paper.runs.script import quiet_tensorflow
from gan_paper.runs.settings import FitSettings, Settings

if TYPE_CHECKING:
    from distributed import Client


SECONDS = 5
"""In which a scheduler has to answer."""
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""What a process on this machine begins with: Ctrl-C is for the caller, which then ends them all."""


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
            with _own_random(), contextlib.redirect_stdout(io.StringIO()), Run(task.experiment, settings) as run:
                if isinstance(settings, FitSettings):
                    _renew_keras()
                script.main(settings, run)
        except FloatingPointError as divergence:
            return Outcome("diverged", str(divergence))
        except Refused as refusal:
            return Outcome("refused", str(refusal))
        return Outcome("finished", "", b"" if task.folder else pack(folder))


@contextlib.contextmanager
def _own_random() -> Iterator[None]:
    # Keras draws the seeds of initial weights from the module `random`, as `layers.Dropout` does, and so do Dask's own
    # threads from time to time: between a run's seeding and its use. So this thread gets a generator of its own.
    thread, own = threading.get_ident(), random.Random()
    shared = {name: getattr(random, name) for name in ("seed", "randint", "getrandbits")}

    def of_thread(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            return (getattr(own, name) if threading.get_ident() == thread else shared[name])(*arguments)

        return call

    for name in shared:
        setattr(random, name, of_thread(name))
    try:
        yield
    finally:
        for name, function in shared.items():
            setattr(random, name, function)


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
    """Put a finished run's folder, as `pack` gave it, in its place, by one renaming; a begun run's that is there goes.

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


@contextlib.contextmanager
def connect(address: str | None, file: Path | None, workers: int, retries: int) -> "Iterator[Client]":
    """A client of a running scheduler, or of one of our own with processes on this machine.

    Args:
        address: Of the running scheduler.
        file: Or the file that it wrote its address to.
        workers: Processes of our own, with one thread each.
        retries: How often our own scheduler gives a run away again whose worker died.

    Raises:
        Refused: if Dask is not installed, both are named, no scheduler answers, or the file is none.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
        from distributed.comm import parse_address
        from distributed.comm.registry import get_backend
        from distributed.gc import disable_gc_diagnosis
    except ModuleNotFoundError:
        raise Refused("sweep.py must have Dask installed: pip install '.[sweep]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if address and file:
        raise Refused("--scheduler-file must be left out with --scheduler")
    try:
        if file:
            address = json.loads(files.read_text(file))["address"]
        if address:
            get_backend(parse_address(address)[0])  # a client of an unknown kind of address would not end in peace
            client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        what = f"--scheduler-file {file}" if file else f"--scheduler {address}"
        reason = "" if isinstance(error, TimeoutError) or not str(error) else f": {str(error).splitlines()[0]}"
        raise Refused(f"{what} leads to no scheduler that answers within {SECONDS} seconds{reason}") from None
    if address:
        with client:
            yield client
        return
    dask.config.set({"distributed.scheduler.allowed-failures": retries})
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=0, dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL, preload=[DEAF],
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):  # fmt: skip
        # A Ctrl-C that falls into a callback of the garbage collector is lost: Python raises nothing out of these.
        disable_gc_diagnosis(force=True)
        yield client
