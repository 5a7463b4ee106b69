"""What does training cost? `python experiments/costs.py [--rounds 5] [--json PATH] [--picture PATH]`.

How the time of an iteration grows with the minibatch size m, the width of the networks, the size n of an example and
the updates k of D: one of them at a time, around m = 128, width 64, n = 8, k = 1. How the peak memory of a process
grows with the iterations that it makes, and with the histograms that it records. And what the seconds from the start of
a process to the end of its first iteration are.

A slope is the exponent in time ~ value^slope, by least squares over the upper half of the values: below, a fixed cost
hides it. The bare matrix products would grow with slope 1 in m, n and k, and 2 in the width.
"""

import contextlib
import io
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro
from benchmark import STYLE, Measurement, duration, setting

from gan_paper import runs
from gan_paper.distributions import Gaussian, Uniform

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gan_paper.algorithm1 import GAN

P_DATA, P_Z, NOISE_SIZE = Gaussian(4, 1.25), Uniform(-1, 1), 16
CALLS = 4  # of `train_step` a turn; the first is not timed, for which nothing has been drawn ahead


@dataclass(frozen=True)
class Game:
    """Networks of two hidden layers, and how they are trained: by plain descent."""

    m: int = 128
    width: int = 64
    n: int = 8
    k: int = 1

    @property
    def per_call(self) -> int:
        """Iterations in a compiled call: those of some tenths of a second, at most 1,000."""
        weights = (NOISE_SIZE + 2 * self.n + 2 * self.width) * self.width
        return max(4, min(1000, 2 * 10**10 // (6 * self.m * (self.k + 1) * weights)))

    def gan(self) -> "GAN":
        """The game, compiled."""
        import keras
        from keras.layers import Dense

        from gan_paper.algorithm1 import GAN

        def network(inputs: int, *last: Any) -> keras.Sequential:
            hidden = [Dense(self.width, activation="relu") for _ in range(2)]
            return keras.Sequential([keras.Input((inputs,)), *hidden, *last])

        keras.utils.set_random_seed(0)
        gan = GAN(network(NOISE_SIZE, Dense(self.n)), network(self.n, Dense(1, activation="sigmoid")), P_Z)
        gan.compile(keras.optimizers.SGD(1e-4), keras.optimizers.SGD(1e-4), k=self.k)
        return gan


VALUES = {
    "m": (16, 64, 256, 1024, 4096),
    "width": (16, 32, 64, 128, 256, 512, 1024),
    "n": (1, 8, 64, 256, 1024, 4096),
    "k": (1, 2, 4, 8),
}
LABELS = {"m": "minibatch size m", "width": "width", "n": "size n of an example", "k": "updates k of D"}

LENGTHS = (2_000, 8_000, 32_000)  # iterations, of which 4 are recorded
RECORDS = (10, 1_000, 2_000, 4_000)  # in as many iterations


def main(arguments: Measurement) -> None:
    """Measure, print, write."""
    results = {"experiment": "costs", **setting(), "rounds": arguments.rounds}
    print(f"{results['cpu']}, {results['cores']} cores, load {os.getloadavg()[0]:.1f}")
    startup = start_up(arguments.rounds)
    print("\nfrom the start of a process to the end of its first iteration\n" + report_of_startup(startup), flush=True)
    memory = {
        "iterations": peaks("memory over iterations", [(length, 4) for length in LENGTHS], LENGTHS),
        "records": peaks("memory over records", [(records, records) for records in RECORDS], RECORDS),
    }
    print("\npeak memory\n" + report_of_memory(memory), flush=True)
    times = grow(arguments.rounds)
    print("\ntime of an iteration\n" + report_of_times(times))
    results["costs"] = {"startup": startup, "memory": memory, "times": times}
    arguments.write(results, "costs", picture)


def grow(rounds: int) -> dict[str, dict[str, Any]]:
    """The seconds of an iteration, by what is varied: the values, the seconds of every round at each, the slope."""
    varied = {name: [replace(Game(), **{name: value}) for value in values] for name, values in VALUES.items()}
    games = list(dict.fromkeys(game for series in varied.values() for game in series))
    seconds: dict[Game, list[float]] = {game: [] for game in games}
    gans = {game: game.gan() for game in games}
    with runs.progress("time of an iteration") as tick:
        for turn in range((rounds + 1) * len(games)):
            tick(turn, (rounds + 1) * len(games))
            game = games[turn % len(games)]
            timed = seconds_per_iteration(gans[game], game)
            if turn >= len(games):  # the first round compiles
                seconds[game].append(timed)
    return {
        name: {
            "values": VALUES[name],
            "seconds": [seconds[game] for game in series],
            "slope": slope(VALUES[name], [statistics.median(seconds[game]) for game in series]),
        }
        for name, series in varied.items()
    }


def seconds_per_iteration(gan: "GAN", game: Game) -> float:
    """The median over calls of `train_step`, with all that `fit` does between them."""
    import keras

    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    gan.fit(P_DATA, batch_size=game.m, steps_per_epoch=game.per_call, epochs=CALLS, verbose=0, callbacks=[clock])
    return statistics.median(np.diff(ends)) / game.per_call


def slope(values: Sequence[float], seconds: Sequence[float]) -> float:
    """Of the logarithms, over the upper half of the values."""
    half = len(values) // 2
    return float(np.polyfit(np.log(values[half:]), np.log(seconds[half:]), 1)[0])


def peaks(label: str, trainings: Sequence[tuple[int, int]], values: Sequence[int]) -> dict[str, Any]:
    """The peak memory of a process for each training, in MB, and what each value adds, in kB, by least squares."""
    found = []
    with runs.progress(label) as tick:
        for i, training in enumerate(trainings):
            tick(i, len(trainings))
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                found.append(pool.submit(peak, *training).result())
    return {"values": values, "megabytes": found, "slope": float(np.polyfit(values, found, 1)[0] * 1000)}


def peak(iterations: int, records: int) -> float:
    """The peak memory of this process, in MB, once it has trained."""
    import resource

    runs.quiet_tensorflow()
    from gan_paper.histograms import Recording
    from gan_paper.runs import training

    # Minibatches so large that a call takes the memory that a call may take, however long the run is.
    game = replace(Game(), m=16 if records == iterations else 1024)
    recording = Recording({"entries": np.linspace(-6, 14, 65)})
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        settings = runs.Settings("memory", 0, iterations, Path(folder) / "run")
        with runs.Run("costs", settings) as run:
            recorder = training.Recorder(run, recording, samples=1000)
            training.train(game.gan(), P_DATA, run, recorder, batch_size=game.m, record_every=iterations // records)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def start_up(rounds: int) -> dict[str, Any]:
    """What the seconds to the first iteration of preset `scalar` are, and those of `import tensorflow` alone.

    Returns:
        `phases`: by name, the seconds of every round; `import`: those of a process that imports TensorFlow; `ratio`:
        in each round, all phases over the import and the phase that compiles.
    """
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])}

    def process(code: str) -> tuple[float, str]:
        began = time.time()
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        return began, done.stdout.decode()

    phases: dict[str, list[float]] = {}
    alone, ratio = [], []
    with runs.progress("start-up") as tick:
        for i in range(rounds):
            tick(i, rounds)
            began, stamp = process("import time, tensorflow; print(time.time())")
            alone.append(float(stamp) - began)
            began, stamps = process("import costs; costs.first_iteration()")
            last = began
            for name, stamp in json.loads(stamps):
                phases.setdefault(name, []).append(stamp - last)
                last = stamp
            ratio.append((last - began) / (alone[-1] + phases[COMPILING][-1]))
    return {"phases": phases, "import": alone, "ratio": ratio}


COMPILING = "tracing and compiling the training, and its first iteration"


def first_iteration() -> None:
    """Train once, as `gaussian.py` does; print the names of the phases and the times when they ended, as JSON."""
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
    gan = gaussian.make_gan(settings, p_data.sample((100_000,), seed=0))
    ended("the networks")
    gan.fit(p_data, batch_size=settings.m, steps_per_epoch=1, verbose=0)
    ended(COMPILING)
    print(json.dumps(stamps))


def report_of_startup(startup: Mapping[str, Any]) -> str:
    """Its table."""
    rows = [("", "median", "least", "greatest")]
    parts = {**startup["phases"], "import tensorflow, in a process of its own": startup["import"]}
    for name, seconds in parts.items():
        rows.append((name, *(duration(figure(seconds)) for figure in (statistics.median, min, max))))
    ratio = startup["ratio"]
    together = f"all of it over `import tensorflow` and compiling: {statistics.median(ratio):.2f}"
    return f"{runs.table(rows)}\n{together} ({min(ratio):.2f} to {max(ratio):.2f})"


def report_of_memory(memory: Mapping[str, Any]) -> str:
    """Its table."""
    rows: list[Sequence[Any]] = [("over", "values", "MB", "kB for each, by least squares")]
    for name, series in memory.items():
        values, found = (", ".join(f"{value:,.0f}" for value in series[key]) for key in ("values", "megabytes"))
        rows.append((name, values, found, f"{series['slope']:.2g}"))
    return runs.table(rows)


def report_of_times(times: Mapping[str, Any]) -> str:
    """Its table."""
    rows: list[Sequence[Any]] = [("over", "values", "medians", "slope")]
    for name, series in times.items():
        medians = ", ".join(duration(statistics.median(seconds)) for seconds in series["seconds"])
        rows.append((LABELS[name], ", ".join(map(str, series["values"])), medians, f"{series['slope']:.2f}"))
    return runs.table(rows)


def picture(costs: Mapping[str, Any]) -> "Figure":
    """Time against m, width, n and k, each with the line of its slope; peak memory against iterations and records."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 3, figsize=(7.5, 4.2), layout="constrained")
        for ax, (name, series) in zip(axes.flat, costs["times"].items(), strict=False):
            values = np.asarray(series["values"], float)
            medians = np.array([statistics.median(seconds) for seconds in series["seconds"]])
            spread = np.array([(min(seconds), max(seconds)) for seconds in series["seconds"]]).T
            ax.errorbar(values, medians, np.abs(spread - medians), fmt="o-", color="tab:green", markersize=3)
            upper = values[len(values) // 2 :]
            line = medians[-1] * (upper / upper[-1]) ** series["slope"]
            ax.plot(upper, line, "--", color="0.4", label=f"slope {series['slope']:.2f}")
            ax.set(xscale="log", yscale="log", xlabel=LABELS[name], ylabel="seconds an iteration")
            ax.set_xticks(values, [f"{value:.0f}" for value in values])
            ax.xaxis.minorticks_off()
            ax.legend(frameon=False, loc="upper left")
        labels = {"iterations": "iterations, 4 of them recorded", "records": "recorded histograms, one an iteration"}
        for ax, (name, series) in zip(axes.flat[4:], costs["memory"].items(), strict=True):
            ax.plot(series["values"], series["megabytes"], "o-", color="tab:blue", markersize=3)
            ax.set(xlabel=labels[name], ylabel="peak memory (MB)", ylim=(0, 1.25 * max(series["megabytes"])))
            ax.annotate(f"{series['slope']:+.2g} kB for each", (0.95, 0.1), xycoords="axes fraction", ha="right")
    return figure


if __name__ == "__main__":
    with runs.exit_statuses():
        arguments = tyro.cli(Measurement, description=__doc__)
        runs.quiet_tensorflow()
        main(arguments)
