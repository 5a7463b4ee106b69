"""How long is a whole command? `python experiments/speed/commands.py [--rounds 5]`.

It times the default run of `gaussian.py`, and the same method as a user of JAX writes it (`gaussian_jax.py`). Importing
and compiling are counted. Ours also records, saves, draws and compares with the reference. `import tensorflow` is a
part of ours. The commands run alternately, each round with a new seed.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gan_paper import run
from gan_paper.run.config import versions

import tyro

HERE = Path(__file__).parent
COMMANDS: dict[str, list[Any]] = {
    "gaussian.py": [HERE.parent / "gaussian.py", "--output", "run", "--seed"],
    "JAX jit + scan": [HERE / "gaussian_jax.py"],
    "import tensorflow": ["-c", "import tensorflow; print('wasserstein 0')"],
}  # the arguments of `python` before the round's seed


def main(rounds: int = 5, json_path: Path | None = None) -> None:
    """Time whole commands, ours beside JAX's.

    Args:
        rounds: Rounds; in each, every command runs once.
        json_path: File to which all measurements are written.

    Raises:
        run.Refused: if there is no round.
    """
    if rounds < 1:
        raise run.Refused(f"--rounds must be at least 1, not {rounds}")
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in COMMANDS}
    for seed in range(rounds):
        for name in COMMANDS:
            measured[name].append(time_command(name, seed))
    columns = {"answer": "seconds to the answer", "total": "seconds in all", "memory": "peak GB"}
    rows: list[tuple[Any, ...]] = [("", *columns.values(), "greatest distance")]
    for name, runs in measured.items():
        medians = (statistics.median(of[column] for of in runs) for column in columns)
        rows.append((name, *medians, max(of["distance"] for of in runs)))
    print(run.table(rows))
    if json_path:
        json_path.write_text(json.dumps({"versions": versions(HERE), "commands": measured}, indent=2) + "\n")


def time_command(name: str, seed: int) -> dict[str, float]:
    """Run a command in an empty folder.

    Returns:
        `answer`, the seconds until it prints the distance; `distance`, in standard deviations; `total`, the seconds
        until it ends; `memory`, its peak in GB.

    Raises:
        RuntimeError: if it fails.
    """
    command = [sys.executable, *map(str, COMMANDS[name]), str(seed)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in process.stdout or ():
            if line.startswith("wasserstein"):
                answer, distance = time.perf_counter() - began, float(line.split()[1])
        _, status, used = os.wait4(process.pid, 0)
        total = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{name} failed: {' '.join(command)}")
    return {"answer": answer, "distance": distance, "total": total, "memory": used.ru_maxrss / 1e6}


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
