"""How fast is training? `python experiments/speed/benchmark.py [--presets gaussian ...] [--rounds 5] [--json PATH]`.

It times our training of eight presets, and that of other frameworks (`pip install '.[bench]'`), each in a process of
its own, alternately, round after round. So a ratio compares neighbours in time. Compiling is not counted. Drawing random
numbers is; each framework draws in its own way.

Before it is timed, each baseline is checked (`Baseline.check`): on our initial weights and our minibatches it must come
to our losses, our weights and our EMAs, while learning rates and momentum change as in a whole run. A baseline that can
run in several ways is checked in each, and timed in the fastest. docs/speed.md says what differs, and has the results.
"""

import json
import math
import os
import statistics
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, get_args

import matplotlib as mpl
import presets
import tyro
from baseline import Baseline, Differs, Trained
from machine import duration, machine, table
from matplotlib.figure import Figure

PresetName = Literal[
    "gaussian", "vectors", "vectors-notebook", "uniform_to_gaussian", "sine", "mnist-released", "mnist-paper",
    "mnist_dense",
]  # fmt: skip
BaselineName = Literal["notebook", "train_step", "torch", "jax", "jax_one_thread"]
CLASSES = {
    "ours": ("keras_baselines", "Ours"),
    "notebook": ("keras_baselines", "Notebook"),
    "train_step": ("keras_baselines", "TrainStep"),
    "torch": ("torch_baseline", "Eager"),
    "jax": ("jax_baseline", "Scan"),
    "jax_one_thread": ("jax_baseline", "Scan"),
}
"""The modules and the classes of our training and of the baselines."""


@dataclass(frozen=True)
class Arguments:
    """Time this project's training and that of other frameworks."""

    presets: tuple[PresetName, ...] = get_args(PresetName)
    """Presets to time: an experiment, and after a hyphen its preset if that is not the default."""
    baselines: tuple[BaselineName, ...] = get_args(BaselineName)
    """Baselines to time beside ours."""
    rounds: int = 5
    """Rounds; in each, everything is timed once."""
    seconds: float = 1.5
    """Seconds that a turn lasts, about; it is one iteration, or one compiled call, at least."""
    data: Path | None = None
    """MNIST as an .npz file in Keras's layout [default: download it once]."""
    json: Path | None = None
    """File for all times."""
    picture: Path | None = None
    """File for the figure."""


def main(arguments: Arguments) -> None:
    """Time the presets one after the other; print and write what is known after each.

    Raises:
        SystemExit: with status 1 if a baseline is not installed, or differs from ours.
    """
    results: dict[str, Any] = {"experiment": "benchmark", **machine(), "presets": {}}
    for preset in arguments.presets:
        try:
            presets.make(preset, arguments.data)
        except ValueError as error:
            print(f"\n{preset} is skipped: {error}")
            continue
        results["presets"][preset] = measured = measure(preset, arguments)
        print(f"\n{preset}\n{report(measured)}", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=2) + "\n")
        if arguments.picture:
            draw(results["presets"]).savefig(arguments.picture)
    if any(measured["left_out"] for measured in results["presets"].values()):
        sys.exit(1)


def measure(preset: str, arguments: Arguments) -> dict[str, Any]:
    """Check the baselines of a preset, and time them alternately.

    Returns:
        `baselines` has, by name, what `prepare` says, and the seconds an iteration, round by round; `left_out` has the
        reasons why others are not timed.
    """
    timed: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    ours = None
    with ExitStack() as stack:
        processes = {}
        for name in ("ours", *arguments.baselines):
            if name == "notebook" and preset not in ("gaussian", "vectors-notebook"):
                continue  # it is timed on the notebook's own layers
            process = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            try:
                work = process.submit(prepare, preset, name, arguments.data, arguments.seconds, ours)
                ours, facts = work.result()
                timed[name], processes[name] = {**facts, "seconds": []}, process
            except (Differs, ImportError) as error:
                left_out[name] = str(error)
        for _ in range(arguments.rounds):
            for name, process in processes.items():
                timed[name]["seconds"].append(process.submit(turn, timed[name]["turn"]).result())
    return {"baselines": timed, "left_out": left_out}


_prepared: list[Baseline] = []  # in a baseline's own process


def prepare(
    preset: str, name: str, data: Path | None, seconds: float, ours: Trained | None
) -> tuple[Trained, dict[str, Any]]:
    """Check every variant of a baseline, and keep the fastest for `turn`.

    Args:
        preset: The preset.
        name: The baseline.
        data: MNIST's file, or None.
        seconds: A turn lasts about this long.
        ours: What our short training came to; None: it is to be made.

    Returns:
        What our short training came to; and `variant`, the fastest, `differences`, the greatest from ours, and `turn`,
        the iterations in a turn.
    """
    if name == "jax_one_thread":
        os.environ["NPROC"] = "1"  # XLA reads it
    module, kind = CLASSES[name]
    baseline: type[Baseline] = getattr(import_module(module), kind)
    if ours is None:
        ours = import_module(module).reference(presets.make(preset, data, short=True))
    checks = [baseline.check(presets.make(preset, data, short=True), variant, ours) for variant in baseline.VARIANTS]
    variants = {variant: baseline(presets.make(preset, data), variant) for variant in baseline.VARIANTS}
    # Alternately: load from elsewhere, while one variant is timed, would make that one seem slow.
    paces = [{variant: pace(it, seconds / 4) for variant, it in variants.items()} for _ in range(3)]
    medians = {variant: statistics.median(of[variant] for of in paces) for variant in variants}
    fastest = min(medians, key=medians.__getitem__)
    _prepared[:] = [variants[fastest]]
    calls = max(1, math.ceil(seconds / medians[fastest] / variants[fastest].chunk))
    return ours, {
        "variant": fastest,
        "differences": {key: max(check[key] for check in checks) for key in checks[0]},
        "turn": calls * variants[fastest].chunk,
    }


def pace(baseline: Baseline, at_least: float) -> float:
    """Compile, then time ever more iterations until they take long enough; return the seconds of an iteration."""
    iterations, elapsed = baseline.chunk, 0.0
    baseline.run(iterations)
    while elapsed < at_least:
        elapsed = iterations * time_of(baseline, iterations)
        iterations *= 2
    return 2 * elapsed / iterations


def turn(iterations: int) -> float:
    """Time the prepared baseline; return the seconds of an iteration."""
    return time_of(_prepared[0], iterations)


def time_of(baseline: Baseline, iterations: int) -> float:
    """Return the seconds of an iteration."""
    began = time.perf_counter()
    baseline.run(iterations)
    return (time.perf_counter() - began) / iterations


def report(measured: Mapping[str, Any]) -> str:
    """Write a preset's table, and below it the baselines that are left out.

    A ratio is the median over the rounds of a baseline's time over ours, with the least and the greatest.
    """
    rows = [("", "median", "least", "greatest", "times ours", "greatest differences", "variant")]
    ours = measured["baselines"]["ours"]["seconds"]
    for name, baseline in measured["baselines"].items():
        times = [duration(figure(baseline["seconds"])) for figure in (statistics.median, min, max)]
        ratios = [theirs / our for theirs, our in zip(baseline["seconds"], ours, strict=True)]
        ratio = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"
        differences = ", ".join(f"{key} {value:.0e}" for key, value in baseline["differences"].items())
        rows.append((name, *times, ratio, differences, baseline["variant"]))
    return "\n".join([table(rows), *(f"{name} is left out: {why}" for name, why in measured["left_out"].items())])


def draw(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a panel for each preset: a dot is a median time, its bar goes from the least to the greatest."""
    with mpl.rc_context({"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.8, 1 + len(results)), layout="constrained")
        for i, (preset, measured) in enumerate(results.items()):
            ax = figure.add_subplot((len(results) + 1) // 2, 2, i + 1)
            for y, (name, baseline) in enumerate(measured["baselines"].items()):
                times, colour = baseline["seconds"], "tab:green" if name == "ours" else "tab:blue"
                median = statistics.median(times)
                ax.plot([min(times), max(times)], [y, y], color=colour, linewidth=2.5, alpha=0.4)
                ax.plot(median, y, "o", color=colour, markersize=4)
                ax.annotate(duration(median), (max(times), y), (4, 0), textcoords="offset points", va="center", size=6)
            names = list(measured["baselines"])
            ax.set_yticks(range(len(names)), names)
            ax.set(title=preset, xscale="log", xlabel="seconds an iteration", ylim=(len(names) - 0.5, -0.5))
            ax.margins(x=0.18)
    return figure


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
