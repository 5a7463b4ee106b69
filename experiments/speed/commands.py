"""How long is a whole command? `python experiments/speed/commands.py [--rounds 5] [--json PATH]`.

It times the default run of `gaussian.py`, and the same method as users of PyTorch and of JAX write it (`commands/`):
the same networks, optimizers, schedules, EMAs and number of iterations, up to the Wasserstein-1 distance of 1,000,000
samples. Importing and compiling are counted. Ours also records, saves, draws and compares with the reference. Commands
run alternately, each round with another seed. `import tensorflow` shows how much is not this project's.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro
from machine import duration, machine, table

HERE = Path(__file__).parent
COMMANDS = {
    "gaussian.py": [HERE.parent / "gaussian.py", "--output", "run", "--seed"],
    "PyTorch, eager": [HERE / "commands" / "gaussian_torch.py"],
    "JAX, jit and scan": [HERE / "commands" / "gaussian_jax.py"],
    "import tensorflow": ["-c", "import tensorflow; print('wasserstein 0')"],
}
"""What is typed between `python` and the round's seed."""


@dataclass(frozen=True)
class Arguments:
    """Time whole commands, ours beside those of other frameworks."""

    rounds: int = 5
    """Rounds; in each, every command runs once."""
    json: Path | None = None
    """File for all measurements."""


def main(arguments: Arguments) -> None:
    """Time, print, write."""
    rounds = [{name: run(name, seed) for name in COMMANDS} for seed in range(arguments.rounds)]
    measured = {name: [of[name] for of in rounds] for name in COMMANDS}
    rows = [("", "answer after", "whole command", "greatest distance", "peak memory")]
    for name, runs in measured.items():
        answer, total, memory = (statistics.median(run[key] for run in runs) for key in ("answer", "total", "memory"))
        distance = max(run["distance"] for run in runs)
        rows.append((name, duration(answer), duration(total), f"{distance:.4f}", f"{memory / 1e9:.2f} GB"))
    print(table(rows))
    if arguments.json:
        results = {"experiment": "commands", **machine(), "commands": measured}
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


def run(name: str, seed: int) -> dict[str, float]:
    """Run a command in an empty folder.

    Returns:
        `answer`, the seconds until it prints the distance, and `distance`, in standard deviations; `total`, the seconds
        until it ends; `memory`, its peak in bytes.

    Raises:
        RuntimeError: if it fails, or does not print the distance.
    """
    typed, answer, distance = [sys.executable, *map(str, COMMANDS[name]), str(seed)], None, 0.0
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = subprocess.Popen(typed, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout
        for line in process.stdout:
            if "wasserstein" in line.split()[:2]:  # of our table's rows, the first one with the distance
                answer = answer or time.perf_counter() - began
                distance = distance or float(line.split()[-1])
        _, status, used = os.wait4(process.pid, 0)
        total = time.perf_counter() - began
    if status or answer is None:
        raise RuntimeError(f"{name} failed, or did not print the distance: {' '.join(typed)}")
    return {"answer": answer, "distance": distance, "total": total, "memory": used.ru_maxrss * 1024}


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
