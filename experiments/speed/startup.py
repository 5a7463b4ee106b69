"""The seconds from the start of a process to the end of its first iteration; `costs.py` measures and prints them.

`python -m startup` is such a process: it trains once, as preset `scalar` of `gaussian.py` does, and prints when each
phase ended.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from gan_paper import runs

from measurement import duration, environment

COMPILING = "tracing and compiling the training, and its first iteration"


def measure(rounds: int) -> dict[str, Any]:
    """Start both processes in each round: the one that trains, and one that only imports TensorFlow.

    Returns:
        `phases` has, by name, the seconds of every round. `import` has those of the process that imports TensorFlow.
        `ratio` is, in each round, all phases over the import and the phase that compiles.
    """
    phases: dict[str, list[float]] = {}
    alone, ratio = [], []
    with runs.progress("start-up") as tick:
        for i in range(rounds):
            tick(i, rounds)
            began, stamp = _process("-c", "import time, tensorflow; print(time.time())")
            alone.append(float(stamp) - began)
            began, stamps = _process("-m", "startup")
            last = began
            for name, stamp in json.loads(stamps):
                phases.setdefault(name, []).append(stamp - last)
                last = stamp
            ratio.append((last - began) / (alone[-1] + phases[COMPILING][-1]))
    return {"phases": phases, "import": alone, "ratio": ratio}


def _process(*arguments: str) -> tuple[float, str]:
    began = time.time()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return began, done.stdout.decode()


def report(startup: Mapping[str, Any]) -> str:
    """Write the table of what `measure` found."""
    rows = [("", "median", "least", "greatest")]
    parts = {**startup["phases"], "import tensorflow, in a process of its own": startup["import"]}
    for name, seconds in parts.items():
        rows.append((name, *(duration(figure(seconds)) for figure in (statistics.median, min, max))))
    ratio = startup["ratio"]
    together = f"all of it over `import tensorflow` and compiling: {statistics.median(ratio):.2f}"
    return f"{runs.table(rows)}\n{together} ({min(ratio):.2f} to {max(ratio):.2f})"


def main() -> None:
    """Train once; print the names of the phases and the times when they ended, as JSON."""
    import gaussian

    stamps: list[tuple[str, float]] = []

    def ended(name: str) -> None:
        stamps.append((name, time.time()))

    settings = runs.parse(gaussian.PRESETS, [])
    ended("Python, and the command line")
    runs.quiet_tensorflow()
    import tensorflow  # noqa: F401

    ended("import tensorflow, and Keras with it")
    from gan_paper.runs import report, training  # noqa: F401

    ended("this project")
    p_data, _ = gaussian.TARGETS["scalar"]
    gan = gaussian.make_gan(settings)
    ended("the networks")
    gan.fit(p_data, batch_size=settings.m, steps_per_epoch=1, verbose=0)
    ended(COMPILING)
    print(json.dumps(stamps))


if __name__ == "__main__":
    main()
