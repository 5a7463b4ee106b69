"""Kills experiments at random moments and resumes them: `python tests/kill.py [EXPERIMENT ...] [--kills 20]`.

Each run is ended once, by SIGKILL, SIGTERM or SIGINT, at a random moment. It has a checkpoint at every record, so it
spends much of its time writing files. Then the same command with `--resume` must end with the bits of a run that was
never stopped. No test runs this, since it takes long; `tests/test_run.py` does the same with one quick experiment.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

from gan_paper import run
from gan_paper.run import files

import tyro

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CASES = {
    "numpy_gan": ["--iterations", "3000"],
    "gaussian": ["--iterations", "1500"],
    "sine": ["--iterations", "2000", "--record-every", "100"],
    "mnist": ["--iterations", "100", "--record-every", "10", "--evaluate-every", "100"],
}
"""The flags of each experiment: so few iterations that a kill is likely to come at a critical moment."""
CHILD = (  # runs the script that its arguments name, with a checkpoint at every record
    "import runpy, sys; from gan_paper.run import files; files.Checkpoints.is_due = lambda checkpoints: True; "
    f"sys.argv.pop(0); sys.path.insert(0, {str(EXPERIMENTS)!r}); runpy.run_path(sys.argv[0], run_name='__main__')"
)


def main(
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ("gaussian", "sine", "mnist"),
    kills: int = 20,
    seed: int = 0,
    data: Path | None = None,
) -> bool:
    """Kill and resume runs of each experiment, and print what differs; return whether nothing does.

    Args:
        names: Experiments.
        kills: The number of runs of each that are killed.
        seed: The seed of the moments and the signals.
        data: MNIST's file for `mnist`, as its script takes it.
    """
    same = 0
    for name in names:
        flags = ["--data", str(data.resolve())] if name == "mnist" and data else []
        command, rng = [name, *CASES[name], *flags], random.Random(f"{name} {seed}")
        with tempfile.TemporaryDirectory() as temporary:
            whole = Path(temporary) / "whole"
            began = time.perf_counter()
            run_whole(command, whole)
            seconds = time.perf_counter() - began
            for kill in range(kills):
                folder, number, moment = whole.with_name(f"run{kill}"), rng.choice(SIGNALS), rng.uniform(0, seconds)
                with start(command, folder) as process:
                    time.sleep(moment)
                    process.send_signal(number)
                    process.communicate(timeout=600)
                reached = max(iterations(folder), default="none")
                run_whole([*command, "--resume"], folder)
                differing = [part for part, value in outcome(folder).items() if value != outcome(whole)[part]]
                same += not differing
                told = f"differs in {', '.join(differing)}" if differing else "the same"
                how = f"{number.name} after {moment:.1f} of {seconds:.1f} s, status {process.returncode}"
                print(f"{name} {kill}: {how}, newest checkpoint {reached}: {told}", flush=True)
    print(f"{same} of {kills * len(names)} resumed runs have the bits of one that was never stopped")
    return same == kills * len(names)


def start(command, folder):
    """Start an experiment in a process of its own, with this output folder."""
    script, *flags = command
    child = [sys.executable, "-c", CHILD, str(EXPERIMENTS / f"{script}.py"), *flags, "--output", str(folder)]
    return subprocess.Popen(child, cwd=folder.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def run_whole(command, folder):
    with start(command, folder) as process:
        _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {errors}")


def iterations(folder):
    """The iterations of a run's checkpoints."""
    return sorted(int(path.stem) for path in (folder / "checkpoints").glob("*.npz") if path.stem.isdecimal())


def outcome(folder):
    """The results of a finished run, to the last bit, without the times it took."""
    newest = files.read_arrays(folder / "checkpoints" / f"{iterations(folder)[-1]}.npz")
    metrics = {name: value for name, value in run.read_metrics(folder).items() if "second" not in name}
    return {
        "checkpoint": {name: array.tobytes() for name, array in newest.items()},
        "metrics": json.dumps(metrics),
        **{name: (folder / name).read_bytes() for name in ("history.csv", "histograms.npz")},
    }


if __name__ == "__main__":
    sys.exit(not tyro.cli(main, description=__doc__))
