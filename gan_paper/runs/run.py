"""A run: its history, its checkpoints, and what it writes."""

import csv
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_paper.measure.recording import Recording
from gan_paper.runs import files, recordings
from gan_paper.runs.checkpoints import Checkpoints
from gan_paper.runs.folder import Folder, Refused, claim
from gan_paper.runs.settings import Settings

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from gan_paper.plots.animation import Pixels

UNITS = {
    **dict.fromkeys(("wasserstein", "own_wasserstein"), "standard deviations of the data"),
    "jsd": "nats",
    "value": "nats",
    **dict.fromkeys(("log_likelihood", "standard_error", "validation"), "nats"),
    **dict.fromkeys(("total", "train", "checkpoints"), "seconds"),
    "iterations_per_second": "1/s",
}
"""The units of the figures in the closing table; the others are probabilities, or in the units of the samples."""


class Pace(NamedTuple):
    """How long training took, how many iterations it made in that time, and how much of it went into checkpoints.

    A resumed run makes only some of its iterations.
    """

    seconds: float
    iterations: int
    checkpoints: float = 0.0


class Run:
    """A run in its folder: `config.json`, `history.csv`, `metrics.json`, checkpoints, and what else is saved into it.

    The folder is this process's until `close`: another one that opens it is refused.

    The settings `output`, `resume` and `overwrite` choose the folder, and what becomes of what it holds.

    Attributes:
        folder: The run's folder.
        config: As in its `config.json`.
        history: A row of figures for each stretch of training, `iteration` first.
        checkpoints: In its folder `checkpoints`.
        written: The pictures written.

    Raises:
        Refused: as `Folder` does.
    """

    def __init__(self, experiment: str, settings: Settings) -> None:
        self._began = time.perf_counter()
        self.experiment, self.settings = experiment, settings
        self.folder = settings.output or Path("runs") / experiment / f"{settings.preset}-seed{settings.seed}"
        self.history: list[dict[str, float]] = []
        self.written: list[Path] = []
        self.checkpoints = Checkpoints(self.folder / "checkpoints")
        self._folder = Folder(self.folder, experiment, settings)
        self.config = self._folder.config

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is Refused and not self._folder.resumed:
            self._folder.discard()
        self.close()

    def close(self) -> None:
        """Leave the folder to others."""
        self._folder.close()

    def claim(self, name: str) -> Path:
        """The path of a file that is to be written into the run's folder."""
        claim(self.folder, [name])
        return self.folder / name

    def checkpoint(self, iteration: int, recording: Recording, write: Callable[[Path], None]) -> None:
        """Make a checkpoint: the history, the recording, and the weights, which `write` writes into a folder.

        The run's folder shows the first two, too.
        """

        def write_all(folder: Path) -> None:
            self._write_history(folder / "history.csv")
            recordings.save(recording, folder / "histograms.npz")
            write(folder)

        self.checkpoints.save(iteration, write_all)
        self._show(self.checkpoints.folder / str(iteration))

    def restore(self, recording: Recording, read: Callable[[Path], None]) -> int | None:
        """Take up the last whole checkpoint, if the run is to be resumed; `read` takes up the weights from a folder.

        Returns:
            The iteration that it was made at; None if the run is not to be resumed, or has no checkpoint yet.

        Raises:
            Refused: if all checkpoints are damaged, or the weights do not fit.
        """
        if not self.settings.resume:
            return None
        try:
            newest = self.checkpoints.newest()
            if newest is None:
                print(f"{self.folder} has no checkpoint yet: the run begins")
                return None
            iteration, folder = newest
            if iteration > self.settings.iterations:
                raise ValueError(f"{folder} lies beyond --iterations {self.settings.iterations}")
            read(folder)
            recording.take_up(recordings.load(folder / "histograms.npz"))
            self._read_history(folder / "history.csv")
            self._show(folder)  # a run may have died between its checkpoint and this
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"--resume cannot go on: {' '.join(str(error).split())}") from None
        return iteration

    def _show(self, checkpoint: Path) -> None:
        for name in ("history.csv", "histograms.npz"):
            with files.replacing(self.claim(name)) as temporary:
                shutil.copyfile(checkpoint / name, temporary)

    def _write_history(self, path: Path) -> None:
        with files.replacing(path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.history[0] if self.history else ["iteration"])
            writer.writeheader()
            writer.writerows(self.history)

    def _read_history(self, path: Path) -> None:
        rows = csv.DictReader(io.StringIO(files.read_text(path)))
        self.history = [
            {name: (int if name == "iteration" else float)(value) for name, value in row.items()} for row in rows
        ]

    def columns(self) -> dict[str, list[float]]:
        """The history by figure, each over all its rows."""
        return {name: [row[name] for row in self.history] for name in self.history[0]}

    def save_network(self, name: str, network: "keras.Model") -> None:
        """Write a network into the folder, as Keras's `NAME.keras`."""
        with files.replacing(self.claim(f"{name}.keras")) as temporary:
            network.save(temporary)

    def save_figure(self, name: str, figure: "Figure") -> None:
        """Write a picture into the folder, as the PNG of this name and a PDF beside it; both carry `config.json`."""
        import matplotlib.pyplot as plt

        path = self.claim(name)
        self.claim(path.with_suffix(".pdf").name)
        self.written += save_picture(path, figure, self.config)
        plt.close(figure)

    def save_animation(self, name: str, frames: "Sequence[Pixels]") -> None:
        """Write pictures (height, width, 3) as an animated GIF into the folder, 12 a second; the last stays longer.

        Its comment carries `config.json`.
        """
        from PIL import Image  # Matplotlib's own requirement

        first, *others = [Image.fromarray(frame).quantize(64) for frame in frames]
        durations = [1000 // 12] * len(others) + [2000]  # milliseconds
        comment = json.dumps(self.config)
        with files.replacing(self.claim(name)) as temporary:
            first.save(temporary, save_all=True, append_images=others, duration=durations, loop=0, comment=comment)
        self.written.append(self.folder / name)

    def finish(
        self,
        results: Mapping[str, Any],
        pace: Pace,
        verdict: str = "",
        shown: Sequence[Sequence[Any]] | None = None,
        draw: Callable[[], None] = lambda: None,
    ) -> None:
        """Write `metrics.json`, print the closing table, and seal the folder as a finished run's.

        Args:
            results: What was measured: `match`, how well p_g matches p_data, by statistic; `value`; and so on.
            pace: Of the training alone.
            verdict: What the run's reference says of it; nothing if there is none.
            shown: Rows to print in place of all the metrics.
            draw: Saves the pictures for which nobody should have to wait: it is called after the table.
        """
        metrics = {
            "experiment": self.experiment,
            "preset": self.settings.preset,
            "seed": self.settings.seed,
            "iterations": self.settings.iterations,
            **results,
            "seconds": {
                "total": time.perf_counter() - self._began,
                "train": pace.seconds,
                "checkpoints": pace.checkpoints,
            },
            "iterations_per_second": pace.iterations / pace.seconds if pace.iterations else None,
        }
        path = self.claim("metrics.json")
        files.write_text(path, json.dumps(metrics, indent=2, default=lambda number: number.item()) + "\n")
        rows = [(name, value, UNITS.get(name.split(" ")[-1], "")) for name, value in _flat(metrics)]
        print(table(shown or rows))
        if verdict:
            print(f"reference: {verdict}")
            print(f"compare: python experiments/compare.py {self.folder}", flush=True)
        draw()
        files.seal(self.folder)
        print("written:", *(str(written) for written in [path, *self.written]), sep="\n  ")


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned columns; floats to four significant digits."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def save_picture(path: Path, figure: "Figure", config: Mapping[str, Any]) -> list[Path]:
    """Write a figure as a PNG, 200 dots per inch, and as a vector PDF beside it; the same figure gives the same bytes.

    Both carry the configuration of the run that is shown, as JSON: the PNG as its description, the PDF as its subject.
    Returns the paths of the PNG and of the PDF.
    """
    import matplotlib.pyplot as plt

    title, content = f"{config['experiment']}: {path.stem}", json.dumps(config, default=str)
    metadata = {
        ".png": {"Title": title, "Description": content},
        ".pdf": {"Title": title, "Subject": content, "CreationDate": None},
    }
    pictures = [path.with_suffix(suffix) for suffix in metadata]
    with plt.rc_context({"pdf.fonttype": 42}):  # TrueType, which journals ask for
        for picture in pictures:
            with files.replacing(picture) as temporary:
                figure.savefig(temporary, dpi=200, metadata=metadata[picture.suffix])
    return pictures


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield prefix + name, value
