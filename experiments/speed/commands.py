"""How long is the wait? `python experiments/speed/commands.py [--rounds 5] [--json PATH]`.

Whole commands, from the shell's prompt: the default run of `gaussian.py`, and the same method as users of PyTorch and
of JAX write it (`contenders/commands`). They have the same networks, rules, schedules, averages and numbers of
iterations, and end with the Wasserstein-1 distance of 1,000,000 samples. Ours also records, saves, draws and compares.
Importing and compiling are counted. The commands take turns, round after round, with another seed in each.

`import` only imports TensorFlow: of the seconds and of the memory, that much is not this project's.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper import runs

import tyro
from measurement import Measurement, duration, environment, setting

HERE = Path(__file__).parent
ANSWER = "match wasserstein"
"""How the line begins that answers."""


class Command(NamedTuple):
    """What is typed, after `python`; `{seed}` is the round's. `package` is what must be installed for it."""

    label: str
    arguments: Sequence[str]
    package: str


COMMANDS = {
    "ours": Command(
        "gaussian.py", (str(HERE.parent / "gaussian.py"), "--seed", "{seed}", "--output", "run"), "tensorflow"
    ),
    "torch": Command("PyTorch, eager", (str(HERE / "contenders/commands/gaussian_torch.py"), "{seed}"), "torch"),
    "jax": Command("JAX, jit and scan", (str(HERE / "contenders/commands/gaussian_jax.py"), "{seed}"), "optax"),
    "import": Command("import tensorflow", ("-c", f"import tensorflow; print('{ANSWER} 0')"), "tensorflow"),
}


@dataclass(frozen=True)
class Arguments(Measurement):
    """Time whole commands, ours beside others."""


def main(arguments: Arguments) -> None:
    """Time, print, write."""
    measured: dict[str, list[dict[str, float]]] = {}
    with runs.progress("commands") as tick:
        for turn in range(arguments.rounds * len(COMMANDS)):
            tick(turn, arguments.rounds * len(COMMANDS))
            name, command = list(COMMANDS.items())[turn % len(COMMANDS)]
            if importlib.util.find_spec(command.package):
                measured.setdefault(name, []).append(run(command, turn // len(COMMANDS)))
    results = {"experiment": "commands", **setting(), "commands": measured}
    print(report(measured))
    arguments.write(results, "commands", picture)


def run(command: Command, seed: int) -> dict[str, float]:
    """Run a command in an empty folder.

    Returns:
        `answer`, the seconds until the distance is printed, and `distance`, in standard deviations; `total`, the
        seconds until the command has ended; `memory`, its peak in bytes.

    Raises:
        runs.Refused: if it fails.
    """
    typed = [sys.executable, *(argument.format(seed=seed) for argument in command.arguments)]
    with tempfile.TemporaryDirectory() as folder:
        began, answer, distance = time.perf_counter(), float("nan"), float("nan")
        process = subprocess.Popen(
            typed, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout
        for line in process.stdout:
            if line.startswith(ANSWER):
                answer, distance = time.perf_counter() - began, float(line.split()[2])
        _, status, used = os.wait4(process.pid, 0)
        total = time.perf_counter() - began
    if status or answer != answer:
        raise runs.Refused(f"{command.label} failed, or gave no answer: {' '.join(typed)}")
    return {"answer": answer, "distance": distance, "total": total, "memory": used.ru_maxrss * 1024}


def report(measured: dict[str, list[dict[str, float]]]) -> str:
    """The table: medians over the rounds, and the ratios of the rounds' answers to ours."""
    rows: list[Sequence[Any]] = [("", "answer", "times ours", "whole command", "distance, greatest", "peak memory")]
    for name, turns in measured.items():
        columns = {key: [turn[key] for turn in turns] for key in turns[0]}
        ratio = statistics.median(
            theirs / ours["answer"] for theirs, ours in zip(columns["answer"], measured["ours"], strict=True)
        )
        seconds = (duration(statistics.median(columns[key])) for key in ("answer", "total"))
        answer, total = seconds
        memory = f"{statistics.median(columns['memory']) / 1e9:.2f} GB"
        rows.append((COMMANDS[name].label, answer, f"{ratio:.2f}", total, max(columns["distance"]), memory))
    return runs.table(rows)


def picture(measured: dict[str, list[dict[str, float]]]) -> Any:
    """Draw a bar for each command: the median seconds until it answers."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from measurement import STYLE

    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(3.9, 1.6), layout="constrained")
        labels = [COMMANDS[name].label for name in measured]
        ax.barh(labels, [statistics.median(turn["answer"] for turn in turns) for turns in measured.values()])
        ax.invert_yaxis()
        ax.set_xlabel("seconds until the answer")
    return figure


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
