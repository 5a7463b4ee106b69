"""A run's folder: one process at a time writes it, and none clears it. Functions that read its files."""

import contextlib
import csv
import inspect
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_paper.distributions import Distribution
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import compare
from gan_paper.plots import as_gif
from gan_paper.run import files
from gan_paper.run.config import LAYOUT, Config, Refused, flag, folder_name, versions

import filelock
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

OWN = "reference.npz"
"""File in the folder of a run on one-dimensional data: the exact p_data over the run's bins."""


class Folder:
    """The folder of one run. Nothing in it is written or changed before `opened`.

    Args:
        experiment: Name of the experiment.
        presets: Presets of the experiment.
        config: Configuration of the run.

    Attributes:
        path: Path of the folder.
        content: Content of `config.json`.
        written: Paths of the figures written.

    Raises:
        Refused: if the folder is not empty and the run is not to be resumed, or it holds no run with these settings.
    """

    def __init__(self, experiment: str, presets: Mapping[str, Config], config: Config) -> None:
        self.config: Any = config  # of its experiment's class
        self.path = config.output or Path("runs") / experiment / folder_name(config, presets)
        self.content: dict[str, Any] = {
            "experiment": experiment,
            "preset": config.preset,
            "layout": LAYOUT,
            "settings": config.settings(),
            "versions": versions(Path(inspect.getfile(type(config))).parent),
        }
        self.written: list[Path] = []
        self.checkpoints = files.Checkpoints(self.path / "checkpoints")
        try:
            if not self._is_new():
                self._check()
        except OSError as error:
            raise Refused(f"--output {self.path} cannot be read as a folder: {error.strerror}") from None

    def _is_new(self) -> bool:
        # Hidden files do not count: they are the lock, and temporary files of a process that was killed.
        return not self.path.exists() or all(path.name.startswith(".") for path in self.path.iterdir())

    def _check(self) -> None:
        if not self.config.resume:
            raise Refused(
                f"--output {self.path} is not empty: add --resume to go on with the run in it, "
                "choose another --output, or delete it yourself"
            )
        before = read_config(self.path)
        for name in ("experiment", "layout", "preset"):
            if before[name] != self.content[name]:
                raise Refused(f"--resume must keep the run's {name}: {before[name]}, not {self.content[name]}")
        was, now = before["settings"], self.content["settings"]
        for name in {**was, **now}:
            if name != "iterations" and was.get(name) != now.get(name):
                raise Refused(f"--resume must keep the run's {flag(name)} {was.get(name)}, not {now.get(name)}")
        if was["iterations"] != now["iterations"]:
            print(f"{now['iterations']} iterations in place of {was['iterations']}: schedules follow the new length")
        versions_now = self.content["versions"]
        if changed := [name for name, found in versions_now.items() if before["versions"].get(name) != found]:
            print(f"resumed with another {', '.join(changed)}: the last bits may differ from an uninterrupted run's")
            self.content |= {"resumed_with": versions_now, "versions": before["versions"]}

    @contextlib.contextmanager
    def opened(self) -> Iterator[files.State | None]:
        """Create the folder, lock it against other processes, read the newest checkpoint, and write `config.json`.

        An exception that leaves the block gets a note that says how to resume.

        Yields:
            The state to resume from; None for a new run.

        Raises:
            Refused: if the folder cannot be written, another process has locked it, or no checkpoint in it fits.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.path / ".lock", timeout=0).acquire()
        except filelock.Timeout:
            raise Refused(f"--output {self.path} is in use by another process; one run needs one folder") from None
        except OSError as error:
            raise Refused(f"--output {self.path} cannot be written: {error.strerror or error}") from None
        with lock:
            if not (self.config.resume or self._is_new()):
                raise Refused(f"--output {self.path} was taken by another process; one run needs one folder")
            state = self.checkpoints.newest(self.config.iterations)
            if state and state.iteration % self.config.every:
                raise Refused(f"--record-every {self.config.every} must divide the last checkpoint's {state.iteration}")
            is_done = state and state.iteration == self.config.iterations
            if not (is_done and read_config(self.path)["settings"] == self.content["settings"]):
                (self.path / "metrics.json").unlink(missing_ok=True)  # the run is not finished any more
            files.write_text(self.path / "config.json", json.dumps(self.content, indent=2) + "\n")
            if state:  # a run may be killed between its checkpoint and its records
                self.save_records(state.recording, state.history)
            try:
                yield state
            except FloatingPointError as error:
                error.add_note(f"the last good checkpoint is in {self.path}; try smaller learning rates")
                raise
            except BaseException as error:
                error.add_note(f"the same command with --resume goes on with the run in {self.path}")
                raise

    def save_reference(self, p_data: Distribution, recording: Recording) -> None:
        """Write the run's own reference: the exact p_data over a recording's bins, with the recording's tolerance."""
        exact = Recording.exact(p_data, recording.edges[recording.main], recording.tolerance)
        files.write_arrays(self.path / OWN, exact.arrays(), compress=True)

    def save(self, state: files.State) -> None:
        """Save a checkpoint, if one is due or the run begins or ends, and with it the records."""
        if self.checkpoints.is_due() or state.iteration in (0, self.config.iterations):
            self.checkpoints.save(state)
            self.save_records(state.recording, state.history)

    def save_records(self, recording: Recording, history: Sequence[Mapping[str, float]]) -> None:
        """Write `histograms.npz` and `history.csv`."""
        files.write_arrays(self.path / "histograms.npz", recording.arrays(), compress=True)
        text = io.StringIO(newline="")
        names = dict.fromkeys(["iteration", *(name for row in history for name in row)])
        writer = csv.DictWriter(text, names, restval="nan")  # a callback may add a column in some epochs only
        writer.writeheader()
        writer.writerows(history)
        files.write_text(self.path / "history.csv", text.getvalue())

    @property
    def recording(self) -> Recording:
        """The histograms over training."""
        return read_recording(self.path)

    @property
    def history(self) -> dict[str, NDArray[np.float64]]:
        """The columns of `history.csv`."""
        return read_history(self.path)

    def save_figure(self, name: str, figure: Figure) -> None:
        """Write a figure as `NAME.png`, and as `NAME.pdf` if the config asks for it; both carry `config.json`."""
        self.written += save_figure(self.path / f"{name}.png", figure, self.content, self.config.pdf)

    def save_animation(self, name: str, frames: Sequence[NDArray[np.uint8]]) -> None:
        """Write frames (height, width, 3) as `NAME.gif`, 12 a second, with `config.json` as its comment."""
        self.written.append(self.path / f"{name}.gif")
        files.write(self.written[-1], as_gif(frames, json.dumps(self.content)))


def save_figure(path: Path, figure: Figure, content: Mapping[str, Any], pdf: bool = True) -> list[Path]:
    """Write a figure as a PNG of 200 dots per inch and, if `pdf`, as a vector PDF beside it; then close it.

    Both carry `content`, the configuration of the run, as JSON: the PNG as its description, the PDF as its subject.
    The same figure gives the same bytes. The PDF embeds its fonts. Returns the paths written.
    """
    title, text = f"{content.get('experiment')}: {path.stem}", json.dumps(content, default=str)
    metadata: dict[str, dict[str, Any]] = {".png": {"Title": title, "Description": text}}
    if pdf:
        metadata[".pdf"] = {"Title": title, "Subject": text, "CreationDate": None}
    with plt.rc_context({"pdf.fonttype": 42}):  # TrueType, which journals ask for
        for suffix, carried in metadata.items():
            drawn = io.BytesIO()
            figure.savefig(drawn, format=suffix[1:], dpi=200, metadata=carried)
            files.write(path.with_suffix(suffix), drawn.getvalue())
    plt.close(figure)
    return [path.with_suffix(suffix) for suffix in metadata]


def read_config(folder: Path) -> dict[str, Any]:
    """Read the `config.json` of a run: `experiment`, `preset`, `layout`, `settings` and `versions`.

    Raises:
        Refused: if it cannot be read, or is not the file of a run.
    """
    return _read_json(folder / "config.json", experiment=str, preset=str, layout=int, settings=dict, versions=dict)


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read the `metrics.json` of a finished run: a flat dict.

    Raises:
        Refused: if the run is not finished, or the file is damaged.
    """
    return _read_json(folder / "metrics.json", experiment=str, preset=str, seed=int, iterations=int)


def _read_json(path: Path, **kinds: type) -> dict[str, Any]:
    text = files.read_text(path)
    with files.readable(path, "file of a run of this version"):
        content = json.loads(text)
        for name, kind in kinds.items():
            if not isinstance(content, dict) or not isinstance(content.get(name), kind):
                raise ValueError(f"it holds no {name}")
        return content


def read_recording(folder: Path) -> Recording:
    """Read the recording in a run's folder or, given an `.npz` file, a reference.

    Raises:
        Refused: if there is none, or it is damaged.
    """
    path = folder if folder.suffix == ".npz" else folder / "histograms.npz"
    arrays = files.read_arrays(path)
    with files.readable(path, "recording"):
        return Recording.of_arrays(arrays)


def read_history(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Read the columns of a run's `history.csv`, by name.

    Raises:
        Refused: if it cannot be read.
    """
    text = files.read_text(path := folder / "history.csv")
    with files.readable(path, "history"):
        names, *rows = csv.reader(io.StringIO(text))
        return {name: np.array([row[index] for row in rows], float) for index, name in enumerate(names)}


def find_reference(folder: Path, references: Path) -> Path | None:
    """Find the reference of a run: its own, or else EXPERIMENT-PRESET.npz or EXPERIMENT.npz of a folder; or None.

    Args:
        folder: The run's folder.
        references: The folder of references, `figures/reference`.

    Raises:
        Refused: if the run's `config.json` cannot be read.
    """
    config = read_config(folder)
    # The names come from a file: only their last parts count, so that they lead to no other folder.
    names = [Path(name).name for name in (f"{config['experiment']}-{config['preset']}", config["experiment"])]
    paths = [folder / OWN, *(references / f"{name}.npz" for name in names)]
    return next((path for path in paths if path.is_file()), None)


def verdict(recording: Recording, path: Path | None, metrics: Mapping[str, Any]) -> str:
    """Compare a finished run with its reference, and tell the result in one line.

    Args:
        recording: The run's recording.
        path: Path of its reference, from `find_reference`.
        metrics: The run's metrics; measured on more samples, they replace the statistics of the recording.

    Returns:
        `accepted by NAME`; `not accepted by NAME: ` and the faults; `cannot be told: ` and why; or `no reference`.
    """
    if path is None:
        return "no reference"
    name = "the exact p_data" if path.name == OWN else path.stem
    try:
        faults = [row.fault for row in compare(recording, read_recording(path), metrics) if not row.holds]
    except ValueError as error:
        return f"cannot be told: {error}"
    return f"not accepted by {name}: {'; '.join(faults)}" if faults else f"accepted by {name}"
