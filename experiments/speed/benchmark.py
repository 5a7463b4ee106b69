"""How fast is training? `python experiments/speed/benchmark.py [--names gaussian ...] [--rounds 5]`.

It times our training of ten presets, and the same training in other frameworks (`pip install '.[bench]'`). Each runs
in a process of its own. They are timed alternately, so that a ratio compares neighbours in time. Compiling is not
counted. Drawing random numbers is counted; each framework draws in its own way.

Each baseline is checked before it is timed (`Baseline.check`): from our initial weights and minibatches it must get our
losses, weights and EMAs, while learning rates and momentum change as in a whole run. A baseline that can run in several
ways is checked in each, and timed in the fastest. docs/speed.md has the differences and the results.
"""

import json
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, get_args

from gan_paper import run
from gan_paper.run.config import versions

import presets
import tyro
from presets import Baseline, Preset, Trained

PresetName = Literal[
    "gaussian", "vectors", "vectors-notebook", "uniform_to_gaussian", "sine", "mnist-released", "mnist-paper",
    "mnist_dense", "dcgan", "cifar10-conv-small",
]  # fmt: skip
BaselineName = Literal["notebook", "train_step", "torch", "jax", "jax_one_thread", "jax_flat"]
IMPLEMENTATIONS = {
    "ours": ("keras_baselines", "Ours"),
    "notebook": ("keras_baselines", "Notebook"),
    "train_step": ("keras_baselines", "TrainStep"),
    "torch": ("torch_baseline", "Eager"),
    "jax": ("jax_baseline", "Scan"),
    "jax_one_thread": ("jax_baseline", "Scan"),
    "jax_flat": ("jax_baseline", "Flat"),
}
"""The module and the class of our training and of each baseline."""


def main(
    names: tuple[PresetName, ...] = get_args(PresetName),
    baselines: tuple[BaselineName, ...] = get_args(BaselineName),
    rounds: int = 5,
    seconds: float = 1.5,
    data: Path | None = None,
    cifar10: Path | None = None,
    json_path: Path | None = None,
) -> None:
    """Time this project's training and that of other frameworks.

    Args:
        names: Presets to time: an experiment, and after a hyphen its preset if that is not the default.
        baselines: Baselines to time beside ours.
        rounds: Rounds; in each, everything is timed once.
        seconds: Approximate length of a turn, which has at least one compiled call.
        data: MNIST as an .npz file in Keras's layout [default: download it once].
        cifar10: CIFAR-10, likewise.
        json_path: File to which all times are written.

    Raises:
        ImportError: if a baseline is not installed.
        ValueError: if the images cannot be read.
        run.Refused: if a baseline does not train as ours does, or there is nothing to time.
    """
    if rounds < 1:
        raise run.Refused(f"--rounds must be at least 1, not {rounds}")
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        results[name] = timings(name, baselines, rounds, seconds, cifar10 if name.startswith("cifar10") else data)
        print(f"\n{name}\n{report(results[name])}", flush=True)
        if json_path:
            content = {"versions": versions(Path(__file__).parent), "cores": os.cpu_count(), "presets": results}
            json_path.write_text(json.dumps(content, indent=2) + "\n")


def timings(preset: str, baselines: Sequence[str], rounds: int, seconds: float, data: Path | None) -> dict[str, Any]:
    """Check the baselines of a preset, and time them alternately.

    Returns:
        By name, the `variant` that is timed, the iterations in its `turn`, and for each round the `seconds` and the
        `cpu_seconds` (of all threads) of an iteration.
    """
    timed: dict[str, dict[str, Any]] = {}
    processes, ours = {}, None
    with ExitStack() as stack:
        for name in ("ours", *baselines):
            if name == "notebook" and preset not in ("gaussian", "vectors-notebook"):
                continue  # it is timed only on the notebook's own layers
            if name.startswith("jax") and preset in presets.CONVOLUTIONAL:
                continue  # XLA's convolutions are slow in a loop
            process = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            ours, variant, iterations = process.submit(prepare, preset, name, data, seconds, ours).result()
            timed[name] = {"variant": variant, "turn": iterations, "seconds": [], "cpu_seconds": []}
            processes[name] = process
        for _ in range(rounds):
            for name, process in processes.items():
                wall, cpu = process.submit(pace, timed[name]["variant"], timed[name]["turn"]).result()
                timed[name]["seconds"].append(wall)
                timed[name]["cpu_seconds"].append(cpu)
    return timed


_prepared: dict[str, Baseline] = {}  # a baseline's variants, in its own process


def prepare(
    preset: str, name: str, data: Path | None, seconds: float, ours: Trained | None
) -> tuple[Trained, str, int]:
    """Check every variant of a baseline against our short training, and find the fastest.

    Returns:
        The result of our short training, the fastest variant, and the iterations in its turn.
    """
    if name in ("jax_one_thread", "jax_flat"):
        os.environ["NPROC"] = "1"  # XLA reads it as its number of threads
    module, kind = IMPLEMENTATIONS[name]
    baseline: type[Baseline] = getattr(import_module(module), kind)
    ours = ours or import_module(module).reference(Preset(preset, data, short=True))
    is_slow = preset in presets.CONVOLUTIONAL and name == "train_step"  # with XLA, its first variant
    variants = baseline.VARIANTS[1:] if is_slow else baseline.VARIANTS
    for variant in variants:
        baseline.check(Preset(preset, data, short=True), variant, ours)
        _prepared[variant] = made = baseline(Preset(preset, data), variant)
    # The first of the four calls compiles.
    paces = {variant: min(pace(variant, made.chunk)[0] for _ in range(4)) for variant in variants}
    fastest = min(paces, key=paces.__getitem__)
    return ours, fastest, made.chunk * max(1, round(seconds / paces[fastest] / made.chunk))


def pace(variant: str, iterations: int) -> tuple[float, float]:
    """Time a variant; return the seconds of an iteration, by the clock and of the processor."""
    began, used = time.perf_counter(), time.process_time()
    _prepared[variant].run(iterations)
    return (time.perf_counter() - began) / iterations, (time.process_time() - used) / iterations


def report(timed: dict[str, dict[str, Any]]) -> str:
    """Write a preset's table; "times ours" is a baseline's time over ours: median, least and greatest of the rounds."""
    rows: list[tuple[Any, ...]] = [("", "ms an iteration", "times ours", "ms of processor", "variant")]
    for name, baseline in timed.items():
        ratios = [theirs / our for theirs, our in zip(baseline["seconds"], timed["ours"]["seconds"], strict=True)]
        ratio = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"
        wall, cpu = (1e3 * statistics.median(baseline[column]) for column in ("seconds", "cpu_seconds"))
        rows.append((name, wall, ratio, cpu, baseline["variant"]))
    return run.table(rows)


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
