"""Runs of experiments, from the command line to the exit status: data, networks, training, metrics, figures.

Importing this module does not import TensorFlow: the NumPy experiment and the tools that read runs work without it.
"""

import contextlib
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "agg")  # figures go to files

from gan_paper.run import files
from gan_paper.run.config import Config as Config
from gan_paper.run.config import Refused as Refused
from gan_paper.run.config import load_experiment as load_experiment
from gan_paper.run.config import parse as parse
from gan_paper.run.folder import Folder as Folder
from gan_paper.run.folder import find_reference as find_reference
from gan_paper.run.folder import read_config as read_config
from gan_paper.run.folder import read_history as read_history
from gan_paper.run.folder import read_metrics as read_metrics
from gan_paper.run.folder import read_recording as read_recording
from gan_paper.run.folder import save_figure as save_figure
from gan_paper.run.folder import verdict as verdict


def main() -> None:
    """Run the experiment whose script calls this.

    Exit statuses: 0 finished; 2 the command asks for something that cannot be done; 3 training diverged, a file could
    not be written, or memory ran out; 130 stopped by Ctrl-C; 143 stopped by SIGTERM.
    """
    experiment: Any = sys.modules["__main__"]
    with exit_statuses():
        train(experiment, parse(experiment.PRESETS, description=inspect.getdoc(experiment)))


def train(experiment: Any, config: Config) -> Folder:
    """Train an experiment, evaluate it, print the table and plot; the files go into the run's folder.

    Args:
        experiment: A module with `PRESETS`, `data`, `make_gan`, `evaluate` and `plot`; see `experiments/gaussian.py`.
        config: Configuration of the run.

    Raises:
        Refused: if the config asks for something that cannot be done; nothing is written then.
    """
    from gan_paper.run import recorder  # imports TensorFlow

    began, name = time.perf_counter(), Path(experiment.__file__).stem
    folder = Folder(name, experiment.PRESETS, config)
    try:
        x, gan = experiment.data(config), experiment.make_gan(config)
        pair = x if isinstance(x, tuple) else (x, None)  # (x, c) for a conditional GAN
        gan.minibatches(pair[0], config.m, config.seed, pair[1])
    except ValueError as error:
        raise Refused(f"{name}: {error}") from None
    if not (hasattr(experiment, "recording") or hasattr(x, "cdf")):
        raise Refused(f"{name}: data that are no distribution on the real line need a function recording(config)")
    recording = experiment.recording(config) if hasattr(experiment, "recording") else recorder.of_line(x)
    callbacks = experiment.callbacks(gan, config) if hasattr(experiment, "callbacks") else []
    with folder.opened() as state:
        training = time.perf_counter()
        if hasattr(x, "cdf"):
            folder.save_reference(x, recording)
        made = recorder.fit(gan, x, folder, recording, callbacks, state)
        seconds = time.perf_counter() - training
        metrics = experiment.evaluate(gan, config)
        metrics |= {"train_seconds": seconds, "iterations_per_second": made / seconds}
        if not made and (folder.path / "metrics.json").exists():  # a finished run, of which the figures are drawn again
            before = read_metrics(folder.path)
            metrics |= {name: before[name] for name in ("train_seconds", "iterations_per_second")}
        finish(folder, metrics, began, experiment)
    return folder


def finish(folder: Folder, metrics: Mapping[str, Any], began: float, experiment: Any) -> None:
    """Print the table of a trained run, plot, and write `metrics.json`, which says that the run is finished.

    Args:
        folder: The run's folder.
        metrics: Metrics of the trained networks, by name.
        began: Start of the run, by `time.perf_counter`.
        experiment: The module whose `plot` draws the figures; its `measure`, if any, adds metrics from the folder.
    """
    config = folder.config
    row = {"experiment": folder.content["experiment"], "preset": config.preset, "seed": config.seed}
    row |= {"iterations": config.iterations, **metrics}
    row |= experiment.measure(folder) if hasattr(experiment, "measure") else {}
    row["seconds"] = time.perf_counter() - began
    references = Path(inspect.getfile(type(config))).parent.parent / "figures" / "reference"
    row["reference"] = verdict(folder.recording, find_reference(folder.path, references), row)
    print(table([*row.items()]), flush=True)
    experiment.plot(folder)
    row["seconds"] = time.perf_counter() - began
    path = folder.path / "metrics.json"
    files.write_text(path, json.dumps(row, indent=2, default=lambda number: number.item()) + "\n")
    print("written:", *map(str, [*folder.written, path]), sep="\n  ")


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Format rows as aligned columns, floats with four significant digits."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


@contextlib.contextmanager
def exit_statuses() -> Iterator[None]:
    """Turn the exception or signal that stops a script into one line on standard error and an exit status."""
    signals: list[int] = []

    def stop(number: int, frame: Any) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ended: BaseException = KeyboardInterrupt()  # in case a library swallowed the interruption
    try:
        yield
        if not signals:
            return
    except BaseException as error:
        ended = error
    notes = getattr(ended, "__notes__", [])
    match ended:
        case BaseException() if signals:  # TensorFlow may have turned the interruption into any exception
            status, message = 128 + signals[0], "stopped"
        case Refused():
            status, message, notes = 2, str(ended), []
        case FloatingPointError():
            status, message = 3, str(ended)
        case MemoryError():
            status, message = 3, "out of memory"
        case OSError():  # a full disk, or a folder that was deleted
            status, message = 3, f"{ended.filename}: {ended.strerror}" if ended.filename else str(ended)
        case _:
            raise ended
    print(f"{Path(sys.argv[0]).name}: {'; '.join([message, *notes])}", file=sys.stderr)
    sys.exit(status)
