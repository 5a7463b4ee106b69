"""Trains a sweep's runs in processes of this machine, or on the workers of a Dask cluster."""

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import gan_paper
from gan_paper import run
from gan_paper.run.files import read_text


class Planned(NamedTuple):
    """A planned run.

    Attributes:
        flags: Flags of its script, without the folder.
        config: The config that the flags give.
        folder: Its folder.
    """

    flags: Sequence[str]
    config: run.Config
    folder: Path


Result = tuple[int, str, bytes]
"""A script's exit status, the last line of its error stream and, from a cluster, a finished run's archive."""
Submit = Callable[[Planned], "Future[Result]"]


def run_script(script: Path, flags: Sequence[str], is_stopped: Callable[[], bool]) -> tuple[int, str]:
    """Run an experiment's script in its own process; return its exit status and the last line of its error stream."""
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "PYTHONUTF8": "1"}
    command, nowhere, pipe = [sys.executable, str(script), *flags], subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, stdout=nowhere, stderr=pipe, encoding="utf-8", errors="replace"
    ) as process:
        while not is_stopped():
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, errors = process.communicate(timeout=0.5)
                break
        else:
            process.terminate()
            _, errors = process.communicate()
    return process.returncode, (errors.splitlines() or [f"exit status {process.returncode}"])[-1]


@contextlib.contextmanager
def this_machine(workers: int, script: Path) -> Iterator[Submit]:
    """Yield a function that submits a run to `workers` processes on this machine; they end with the block."""
    stop, executor = threading.Event(), ThreadPoolExecutor(workers)

    def train_here(one: Planned) -> Result:
        resume = ["--resume"] if (one.folder / "config.json").exists() else []
        return *run_script(script, [*one.flags, "--output", str(one.folder), *resume], stop.is_set), b""

    try:
        yield lambda one: executor.submit(train_here, one)
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def cluster(where: str, script: Path) -> Iterator[Submit]:
    """Yield a function that submits a run to the workers of a Dask cluster; their processes end with the block.

    Raises:
        run.Refused: if Dask is not installed, no scheduler answers, or a run was started on this machine.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        from distributed import Client  # of the extra `sweep`, which a sweep on one machine does not need
        from distributed.comm import parse_address
        from distributed.comm.registry import get_backend

        address = json.loads(read_text(Path(where)))["address"] if Path(where).is_file() else where
        get_backend(parse_address(address)[0])  # otherwise an unknown kind of address is noticed too late
        client = Client(address, timeout=10, set_as_default=False)
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        raise run.Refused(f"--scheduler {where} leads to no Dask scheduler that answers: {error}") from None
    code = digest(script.parent)

    def submit(one: Planned) -> "Future[Result]":
        if one.folder.exists():
            raise run.Refused(f"{one.folder} is there already: finish it without --scheduler, or delete it yourself")
        return executor.submit(train_there, script.stem, code, one.flags)

    with client:
        executor = client.get_executor(pure=False)
        try:
            yield submit
        finally:
            executor.shutdown(wait=False)  # this cancels the remaining runs


def digest(experiments: Path) -> str:
    """A digest of this project's code: of gan_paper, and of a folder of experiments."""
    package = Path(gan_paper.__file__).parent
    found = [path for folder in (package, experiments) for path in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in found)).hexdigest()


def train_there(experiment: str, code: str, flags: Sequence[str]) -> Result:
    """Train a run on a worker of a cluster, in a temporary folder.

    Raises:
        run.Refused: if the worker has no such experiment on its PYTHONPATH, or other code.
    """
    from distributed import get_worker

    spec = importlib.util.find_spec(experiment)
    if not (spec and spec.origin and digest(Path(spec.origin).parent) == code):
        raise run.Refused(f"worker {socket.gethostname()} has no {experiment}.py on its PYTHONPATH, or other code")
    worker = get_worker()
    key = worker.get_current_task()

    def is_cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    with tempfile.TemporaryDirectory(prefix="gan-paper-") as temporary:
        folder = Path(temporary) / "run"
        status, line = run_script(Path(spec.origin), [*flags, "--output", str(folder)], is_cancelled)
        return status, line, b"" if status else Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()
