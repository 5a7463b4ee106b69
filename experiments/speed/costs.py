"""What does training cost? `python experiments/speed/costs.py [--rounds 5] [--json PATH] [--picture PATH]`.

The time of an iteration grows with the minibatch size m, the width of the networks, the size n of an example and the
updates k of D. One of them at a time is varied, around m = 128, width 64, n = 8, k = 1. The peak memory of a process is
measured against the iterations that it makes, and against the histograms that it records. The third cost is the start
of a process, up to the end of its first iteration (`startup.py`).

A slope is the exponent in time ~ value^slope, by least squares over the upper half of the values, since a fixed cost
hides it in the lower half. The bare matrix products would grow with slope 1 in m, n and k, and 2 in the width.
"""

import contextlib
import io
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_paper import runs
from gan_paper.distributions import Gaussian, Uniform

import numpy as np
import startup
import tyro
from measurement import STYLE, Measurement, duration, setting

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN

    from matplotlib.figure import Figure

P_DATA, P_Z, NOISE_SIZE = Gaussian(4, 1.25), Uniform(-1, 1), 16
CALLS = 4  # of `train_step` a turn; the first is not timed, since nothing has been drawn ahead for it


@dataclass(frozen=True)
class Perceptrons:
    """G and D, each of two hidden layers, and the settings of their training by plain descent."""

    m: int = 128
    width: int = 64
    n: int = 8
    k: int = 1

    @property
    def per_call(self) -> int:
        """The iterations in a compiled call: some tenths of a second, and at most 1,000."""
        weights = (NOISE_SIZE + 2 * self.n + 2 * self.width) * self.width
        return max(4, min(1000, 2 * 10**10 // (6 * self.m * (self.k + 1) * weights)))

    def gan(self) -> "GAN":
        """Build and compile the GAN."""
        from gan_paper.algorithm1 import GAN

        import keras
        from keras.layers import Dense

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
    """Measure the start, the memory and the time; print the tables, and write the files."""
    results = {"experiment": "costs", **setting(), "rounds": arguments.rounds}
    print(f"{results['cpu']}, {results['cores']} cores, load {os.getloadavg()[0]:.1f}")
    start = startup.measure(arguments.rounds)
    print("\nfrom the start of a process to the end of its first iteration\n" + startup.report(start), flush=True)
    memory = {
        "iterations": peaks("memory over iterations", [(length, 4) for length in LENGTHS], LENGTHS),
        "records": peaks("memory over records", [(records, records) for records in RECORDS], RECORDS),
    }
    print("\npeak memory\n" + report_of_memory(memory), flush=True)
    times = grow(arguments.rounds)
    print("\ntime of an iteration\n" + report_of_times(times))
    results["costs"] = {"startup": start, "memory": memory, "times": times}
    arguments.write(results, "costs", picture)


def grow(rounds: int) -> dict[str, dict[str, Any]]:
    """Time an iteration at every value of what is varied, by turns.

    Returns:
        `values`, the `seconds` of every round at each of them, and the `slope`, by what is varied.
    """
    varied = {name: [replace(Perceptrons(), **{name: value}) for value in values] for name, values in VALUES.items()}
    different = list(dict.fromkeys(perceptrons for series in varied.values() for perceptrons in series))
    seconds: dict[Perceptrons, list[float]] = {perceptrons: [] for perceptrons in different}
    gans = {perceptrons: perceptrons.gan() for perceptrons in different}
    with runs.progress("time of an iteration") as tick:
        for turn in range((rounds + 1) * len(different)):
            tick(turn, (rounds + 1) * len(different))
            perceptrons = different[turn % len(different)]
            timed = seconds_per_iteration(gans[perceptrons], perceptrons)
            if turn >= len(different):  # the first round compiles
                seconds[perceptrons].append(timed)
    return {
        name: {
            "values": VALUES[name],
            "seconds": [seconds[perceptrons] for perceptrons in series],
            "slope": slope(VALUES[name], [statistics.median(seconds[perceptrons]) for perceptrons in series]),
        }
        for name, series in varied.items()
    }


def seconds_per_iteration(gan: "GAN", perceptrons: Perceptrons) -> float:
    """Return the median over calls of `train_step`, with all that `fit` does between them."""
    import keras

    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    per_call = perceptrons.per_call
    gan.fit(P_DATA, batch_size=perceptrons.m, steps_per_epoch=per_call, epochs=CALLS, verbose=0, callbacks=[clock])
    return statistics.median(np.diff(ends)) / per_call


def slope(values: Sequence[float], seconds: Sequence[float]) -> float:
    """Fit a line to the logarithms over the upper half of the values; return its slope."""
    half = len(values) // 2
    return float(np.polyfit(np.log(values[half:]), np.log(seconds[half:]), 1)[0])


def peaks(label: str, trainings: Sequence[tuple[int, int]], values: Sequence[int]) -> dict[str, Any]:
    """Measure the peak memory of a process for each training.

    Args:
        label: The progress line's label.
        trainings: The iterations and the records of each.
        values: What is varied, for each training.

    Returns:
        `values`, `megabytes`, and `slope`: the kB that each value adds, by least squares.
    """
    found = []
    with runs.progress(label) as tick:
        for i, training in enumerate(trainings):
            tick(i, len(trainings))
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                found.append(pool.submit(peak, *training).result())
    return {"values": values, "megabytes": found, "slope": float(np.polyfit(values, found, 1)[0] * 1000)}


def peak(iterations: int, records: int) -> float:
    """Train in this process, and return its peak memory in MB."""
    import resource

    runs.quiet_tensorflow()
    from gan_paper.measure.recording import Recording
    from gan_paper.runs import training

    # Few records, so the iterations are varied: minibatches are so large that a call takes all the memory that it may.
    perceptrons = replace(Perceptrons(), m=16 if records == iterations else 1024)
    recording = Recording({"entries": np.linspace(-6, 14, 65)})
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        settings = runs.Settings("memory", 0, iterations, Path(folder) / "run")
        with runs.Run("costs", settings) as run:
            recorder = training.Recorder(run, recording, samples=1000)
            every = iterations // records
            training.train(perceptrons.gan(), P_DATA, run, recorder, batch_size=perceptrons.m, record_every=every)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def report_of_memory(memory: Mapping[str, Any]) -> str:
    """Write the table of the memory."""
    rows: list[Sequence[Any]] = [("over", "values", "MB", "kB for each, by least squares")]
    for name, series in memory.items():
        values, found = (", ".join(f"{value:,.0f}" for value in series[key]) for key in ("values", "megabytes"))
        rows.append((name, values, found, f"{series['slope']:.2g}"))
    return runs.table(rows)


def report_of_times(times: Mapping[str, Any]) -> str:
    """Write the table of the times."""
    rows: list[Sequence[Any]] = [("over", "values", "medians", "slope")]
    for name, series in times.items():
        medians = ", ".join(duration(statistics.median(seconds)) for seconds in series["seconds"])
        rows.append((LABELS[name], ", ".join(map(str, series["values"])), medians, f"{series['slope']:.2f}"))
    return runs.table(rows)


def picture(costs: Mapping[str, Any]) -> "Figure":
    """Draw time against m, width, n and k with the lines of their slopes, and memory against iterations and records."""
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
