"""Kills every experiment at random moments and resumes it: `python tests/kill.py [EXPERIMENT ...] [--kills 20]`.

Half of the kills (SIGKILL all of them) come at a random time, half at a random one of the file operations by which a
run opens its folder, makes its checkpoints and writes its results. Then the same command with `--resume` must end with
the checkpoint (weights, optimizer slots, history, histograms) and the metrics of a run that was never stopped, to the
last bit. It takes hours for all, so no test runs it; `tests/test_survival.py` does the same with one quick experiment.
"""

import contextlib
import functools
import json
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import parzen, runs
from gan_paper.runs import checkpoints

import tyro
from numpy.typing import NDArray

EXPERIMENTS = Path(__file__).parent.parent / "experiments"

CASES = {
    "numpy_gan": ["numpy_gan", "--iterations", "2000"],
    "gaussian": ["gaussian", "--iterations", "1500"],
    "gaussian-notebook": ["gaussian", "--preset", "notebook", "--iterations", "200"],
    "uniform_to_gaussian": ["uniform_to_gaussian", "--iterations", "1500", "--record-every", "100"],
    "sine": ["sine", "--iterations", "1500", "--record-every", "100"],
    "figure1": ["figure1", "--iterations", "1500"],
    "mnist": ["mnist", "--m", "1000", "--iterations", "100", "--evaluate-every", "1"],
    "theory": ["theory", "--iterations", "100", "--samples", "100000"],
}
"""Each experiment, with so few iterations that a kill is likely to come where it matters."""

_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


@dataclass(frozen=True)
class Arguments:
    """Kill experiments, resume them, and compare."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="EXPERIMENT...")] = tuple(CASES)
    """Which ones."""
    kills: int = 20
    """How often each."""
    seed: int = 0
    """Of the moments."""
    data: Path | None = None
    """MNIST, for `mnist`, as its script takes it."""


def main(arguments: Arguments) -> None:
    """Kill, resume, compare; exit with 1 if a resumed run differs."""
    rows = []
    for name in arguments.names:
        command = [*CASES[name], *(["--data", str(arguments.data.resolve())] if name == "mnist" else [])]
        rng = random.Random(f"{name} {arguments.seed}")
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            operations = start(command, Path(folder) / "whole")
            seconds, whole = time.perf_counter() - began, outcome(Path(folder) / "whole")
            same, done = 0, []
            for kill in range(arguments.kills):
                run = Path(folder) / f"run{kill}"
                if kill % 2:
                    start(command, run, operation=rng.randrange(1, operations + 1))
                else:
                    start(command, run, seconds=rng.uniform(0, seconds))
                done.append(max(checkpoints.Checkpoints(run / "checkpoints").iterations(), default=0))
                start([*command, "--resume"], run)
                same += outcome(run) == whole
                print(f"{name} {kill}: killed at {done[-1]} or later, {same} of {kill + 1} the same", flush=True)
        rows.append((name, f"{same} of {arguments.kills}", " ".join(map(str, sorted(done)))))
    print(runs.table([("experiment", "the same", "last checkpoints when killed"), *rows]))
    sys.exit(any(not row[1].startswith(f"{arguments.kills} ") for row in rows))


def start(command: list[str], output: Path, seconds: float | None = None, operation: int = 0) -> int:
    """Run an experiment in a process of its own, and kill it after some seconds or at a file operation.

    Returns:
        How many file operations there were in the output folder, if it ended by itself.
    """
    count = output.with_suffix(".operations")
    child = [sys.executable, __file__, "--child", str(operation), str(count), *command, "--output", str(output)]
    with (
        output.with_suffix(".errors").open("w+") as errors,
        subprocess.Popen(child, cwd=output.parent, stdout=subprocess.DEVNULL, stderr=errors) as process,
    ):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()
        errors.seek(0)
        said = errors.read()
    killed = process.returncode == -signal.SIGKILL
    if process.returncode and not (killed and (operation or seconds)):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return 0 if killed else int(count.read_text())


def child(operation: int, count: Path, script: str, *flags: str) -> None:
    """Run a script with a checkpoint at every record; die at one of the file operations in its folder."""
    folder, seen = flags[flags.index("--output") + 1], 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if event in _OPERATIONS and folder in str(arguments[0]):
            seen += 1
            if seen == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    checkpoints.Checkpoints.is_due = lambda self: True  # type: ignore[method-assign]
    if script == "mnist":  # whose estimator takes most of the time
        for function in (parzen.validate, parzen.estimate):
            setattr(parzen, function.__name__, functools.partial(thinned, function))
    sys.argv = [script, *flags]
    sys.path.insert(0, str(EXPERIMENTS))
    runpy.run_path(str(EXPERIMENTS / f"{script}.py"), run_name="__main__")
    count.write_text(str(seen))


def thinned(function: Callable, points: NDArray, samples: NDArray, *rest: Any) -> Any:
    """The estimator, on every twentieth point and sample."""
    return function(points[::20], samples[::20], *rest)


def outcome(run: Path) -> tuple[str, dict]:
    """What a run ends with: the sums of its last checkpoint's files, and its metrics without the time they took."""
    newest = checkpoints.Checkpoints(run / "checkpoints").newest()
    metrics = json.loads((run / "metrics.json").read_text())
    del metrics["seconds"], metrics["iterations_per_second"]
    files = {"history.csv", "histograms.npz"} & {path.name for path in run.iterdir()}
    published = {name: (run / name).read_bytes() for name in files}
    return (newest[1] / "SHA256SUMS").read_text() if newest else "", {**metrics, **published}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(int(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
    else:
        main(tyro.cli(Arguments, description=__doc__))
