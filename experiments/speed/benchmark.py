"""How fast is training? `python experiments/speed/benchmark.py [--names gaussian ...] [--rounds 5]`.

It times our training of eight presets, and that of other frameworks (`pip install '.[bench]'`), each in a process of
its own, alternately, round after round: a ratio compares neighbours in time. Compiling is not counted. Drawing random
numbers is counted; each framework draws in its own way.

Before it is timed, each baseline is checked (`Baseline.check`): on our initial weights and our minibatches it must come
to our losses, our weights and our EMAs, while learning rates and momentum change as in a whole run. A baseline that can
run in several ways is checked in each, and timed in the fastest. docs/speed.md says what differs, and has the results.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, get_args

from gan_paper import run
from gan_paper.run.config import versions

import matplotlib as mpl
import presets
import tyro
from baseline import Baseline, Differs, Trained
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


def main(
    names: tuple[PresetName, ...] = get_args(PresetName),
    baselines: tuple[BaselineName, ...] = get_args(BaselineName),
    rounds: int = 5,
    seconds: float = 1.5,
    data: Path | None = None,
    json_path: Path | None = None,
    picture: Path | None = None,
) -> None:
    """Time this project's training and that of other frameworks.

    Args:
        names: Presets to time: an experiment, and after a hyphen its preset if that is not the default.
        baselines: Baselines to time beside ours.
        rounds: In each, everything is timed once; at least 1.
        seconds: How long a turn lasts, about; it is one compiled call at least.
        data: MNIST as an .npz file in Keras's layout [default: download it once].
        json_path: File for all times.
        picture: File for the figure.

    Raises:
        run.Refused: if there is no round.
        SystemExit: with status 1 if a baseline is not installed, or differs from ours.
    """
    if rounds < 1:
        raise run.Refused(f"--rounds must be at least 1, not {rounds}")
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            presets.make(name, data)
        except (OSError, ValueError, run.Refused) as error:  # MNIST cannot be read
            print(f"\n{name} is skipped: {error}")
            continue
        results[name] = measure(name, baselines, rounds, seconds, data)
        print(f"\n{name}\n{report(results[name])}", flush=True)
        if json_path:
            content = {"versions": versions(Path(__file__).parent), "cores": os.cpu_count(), "presets": results}
            json_path.write_text(json.dumps(content, indent=2) + "\n")
        if picture:
            draw(results).savefig(picture)
    if any(measured["left_out"] for measured in results.values()):
        sys.exit(1)


def measure(preset: str, baselines: Sequence[str], rounds: int, seconds: float, data: Path | None) -> dict[str, Any]:
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
        for name in ("ours", *baselines):
            if name == "notebook" and preset not in ("gaussian", "vectors-notebook"):
                continue  # it is timed on the notebook's own layers
            process = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            try:
                work = process.submit(prepare, preset, name, data, seconds, ours)
                ours, facts = work.result()
                timed[name], processes[name] = {**facts, "seconds": []}, process
            except (Differs, ImportError) as error:
                left_out[name] = str(error)
        for _ in range(rounds):
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
    # Of four, the first compiles.
    paces = {name: min(pace(variant, variant.chunk) for _ in range(4)) for name, variant in variants.items()}
    fastest = min(paces, key=paces.__getitem__)
    _prepared[:] = [variants[fastest]]
    calls = max(1, round(seconds / paces[fastest] / variants[fastest].chunk))
    differences = {key: max(check[key] for check in checks) for key in checks[0]}
    return ours, {"variant": fastest, "differences": differences, "turn": calls * variants[fastest].chunk}


def turn(iterations: int) -> float:
    """Time the prepared baseline."""
    return pace(_prepared[0], iterations)


def pace(baseline: Baseline, iterations: int) -> float:
    """Return the seconds of an iteration."""
    began = time.perf_counter()
    baseline.run(iterations)
    return (time.perf_counter() - began) / iterations


def report(measured: Mapping[str, Any]) -> str:
    """Write a preset's table, and below it the baselines that are left out.

    "times ours" is the median over the rounds of a baseline's time over ours, with the least and the greatest.
    """
    rows: list[tuple[Any, ...]] = [("", "ms an iteration", "times ours", "variant", "greatest differences")]
    ours = measured["baselines"]["ours"]["seconds"]
    for name, baseline in measured["baselines"].items():
        ratios = [theirs / our for theirs, our in zip(baseline["seconds"], ours, strict=True)]
        ratio = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"
        differences = ", ".join(f"{key} {value:.0e}" for key, value in baseline["differences"].items())
        rows.append((name, 1e3 * statistics.median(baseline["seconds"]), ratio, baseline["variant"], differences))
    return "\n".join([run.table(rows), *(f"{name} is left out: {why}" for name, why in measured["left_out"].items())])


def draw(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a panel for each preset: a dot is a median time, its bar goes from the least to the greatest."""
    with mpl.rc_context({"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.8, 1 + len(results)), layout="constrained")
        for i, (preset, measured) in enumerate(results.items()):
            ax = figure.add_subplot((len(results) + 1) // 2, 2, i + 1)
            for y, baseline in enumerate(measured["baselines"].values()):
                times, colour = [1e3 * seconds for seconds in baseline["seconds"]], "tab:blue" if y else "tab:green"
                ax.plot([min(times), max(times)], [y, y], color=colour, linewidth=2.5, alpha=0.4)
                ax.plot(statistics.median(times), y, "o", color=colour, markersize=4)
                ax.annotate(f"{statistics.median(times):.3g}", (max(times), y), (4, -3), textcoords="offset points")
            names = list(measured["baselines"])
            ax.set_yticks(range(len(names)), names)
            ax.set(title=preset, xscale="log", xlabel="milliseconds an iteration", ylim=(len(names) - 0.5, -0.5))
            ax.margins(x=0.18)
    return figure


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
