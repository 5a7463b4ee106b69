"""A run: its command line, its folder, and what a person is told. It knows nothing of TensorFlow."""

import time

_STARTED = time.perf_counter()  # first, so that a run's total includes everything it loads

import argparse  # noqa: E402
import contextlib  # noqa: E402
import csv  # noqa: E402
import dataclasses  # noqa: E402
import importlib.metadata  # noqa: E402
import importlib.util  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable, Iterator, Mapping, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar  # noqa: E402

from gan_paper import files  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gan_paper.figures import Pixels


class Refused(Exception):
    """What a person asked for cannot be done; its one line names the thing, the value and what is accepted."""


class Diverged(Exception):
    """Training reached weights that are not finite; its one line names the iteration and the network."""


class Pace(NamedTuple):
    """How long training took, and how many iterations it made in that time (a resumed run makes only some)."""

    seconds: float
    iterations: int


class Clock:
    """Times a training, and makes its checkpoints when they are due."""

    def __init__(self) -> None:
        self._began = self._saved = time.perf_counter()
        self._cost = 0.0

    def checkpoint(self, save: Callable[[], None]) -> None:
        """Call `save` if ten seconds have gone since the last time, and a hundred times as long as it then took."""
        now = time.perf_counter()
        if now - self._saved > max(10, 100 * self._cost):
            save()
            self._saved = time.perf_counter()
            self._cost = self._saved - now

    def pace(self, iterations: int) -> Pace:
        """The time since the beginning, for so many iterations."""
        return Pace(time.perf_counter() - self._began, iterations)


@dataclass(frozen=True)
class Settings:
    """The settings that every experiment has; each adds its own.

    Raises:
        ValueError: if a number is out of its range, as `ranges` gives it.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("output", "resume")
    """Settings that say where things are, not what the run is: another run with other ones is the same run."""

    preset: str
    """Which set of defaults to start from."""
    seed: int = 0
    """Seed of the initial weights, the examples and the noise."""
    iterations: int = 10_000
    """Iterations of Algorithm 1."""
    output: Path | None = None
    """Folder of the run [default: runs/EXPERIMENT/PRESET-seedSEED]."""
    resume: bool = False
    """Go on from the last checkpoint of the run in the output folder."""

    def __post_init__(self) -> None:
        for name, (least, most) in self.ranges().items():
            value = getattr(self, name)
            if not least <= value <= most:
                kind = "whole number" if isinstance(value, int) else "number"
                raise ValueError(f"--{name.replace('_', '-')} must be a {kind} from {least:g} to {most:g}, not {value}")

    def recorded(self) -> dict[str, Any]:
        """What the run is: all the settings that do not only say where things are."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in self.PLACES}

    @classmethod
    def ranges(cls) -> dict[str, tuple[float, float]]:
        """The least and the greatest value accepted, for each numeric field."""
        return {"seed": (0, 1_000_000_000), "iterations": (1, 1_000_000_000)}


S = TypeVar("S", bound=Settings)


def main(
    experiment: str,
    presets: Mapping[str, S],
    train: Callable[[S, "Run"], None],
    tensorflow: bool = True,
    check: Callable[[S], Any] = lambda settings: None,
) -> None:
    """Run an experiment script: read its command line, open its folder, train, and end with the right exit status.

    Exit statuses: 0 done; 2 the person asked for something that cannot be; 3 training diverged; 130 interrupted.

    Args:
        experiment: Its name, and that of its folder under `runs/`.
        presets: Settings by name; the first is the default.
        train: Does the work, given the settings and the open run.
        tensorflow: Whether that work needs TensorFlow.
        check: Raises a `ValueError` of one line, before there is a folder, if something the settings name is no good.
    """
    with exit_statuses():
        settings = parse(presets)
        try:
            check(settings)
        except ValueError as error:
            raise Refused(str(error)) from None
        run = Run(experiment, settings)
        if tensorflow:
            quiet_tensorflow()
        try:
            train(settings, run)
        except KeyboardInterrupt:
            hint = f"interrupted; to go on from the last checkpoint, add --resume --output {run.folder}"
            sys.exit(_say(hint, 130))


@contextlib.contextmanager
def exit_statuses() -> Iterator[None]:
    """Turn `Refused`, `Diverged` and a failing file system into one line on the error stream and the exit status."""
    try:
        yield
    except Refused as refusal:
        sys.exit(_say(str(refusal), 2))
    except Diverged as divergence:
        sys.exit(_say(str(divergence), 3))
    except OSError as error:  # a full disk, say, or a folder that went away
        sys.exit(_say(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2))


def _say(line: str, status: int) -> int:
    print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr)
    return status


def parse(presets: Mapping[str, S], args: Sequence[str] | None = None) -> S:
    """The settings that the command line asks for: a preset's, changed by the other flags.

    Raises:
        Refused: if the command line is not understood or a value is out of range.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--preset", nargs="?")
    chosen = first.parse_known_args(args)[0].preset
    # An unknown name gets the default's settings here; the command line proper then refuses it.
    default = presets.get(chosen) or next(iter(presets.values()))
    return cli(type(default), default=default, args=args)


def cli(settings: type[S] | Any, **kwargs: Any) -> Any:
    """`tyro.cli`, with an error that is one line.

    Raises:
        Refused: with that line.
    """
    import tyro

    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return tyro.cli(settings, config=(tyro.conf.AvoidSubcommands,), **kwargs)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise Refused(_one_line(errors.getvalue())) from None


def _one_line(box: str) -> str:
    # tyro draws a box: the message down to the first rule, then at times the help of the flag it is about.
    lines = [line.strip("│ ").rstrip() for line in box.splitlines()]
    body = [line for line in lines if line and not line.startswith(("╭", "╰"))]
    rule = next((i for i, line in enumerate(body) if line.startswith("─")), len(body))
    message = " ".join(body[:rule])
    message = re.sub(r"^Error parsing (?!-)\S+: ", "", message)
    help_line = next((line for line in body[rule:] if line.startswith("--")), "")
    accepted = f" (accepted: {help_line})" if help_line else "; --help lists what is accepted"
    return message if " must be " in message else message.rstrip(".") + accepted


def quiet_tensorflow() -> None:
    """Keep TensorFlow's start-up messages off the screen; to be called before it is first imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules or importlib.util.find_spec("tensorflow") is None:
        return
    # Some lines are written before that variable is read, so the import runs with its error stream held back.
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(screen, 2)
            os.close(screen)


class Run:
    """A run's folder: `config.json`, `history.csv`, `metrics.json`, and whatever else is saved into it.

    A folder that holds an earlier run is kept under a new name, unless that run is to be resumed.

    Args:
        experiment: The experiment's name.
        settings: Its settings; `output` and `resume` choose the folder and what becomes of what it holds.

    Attributes:
        folder: The run's folder.
        history: A row of figures for each stretch of training, `iteration` first.

    Raises:
        Refused: if the folder cannot be written, holds something else, or holds no run of these settings to resume.
    """

    def __init__(self, experiment: str, settings: Settings) -> None:
        self.experiment, self.settings = experiment, settings
        self.folder = settings.output or Path("runs") / experiment / f"{settings.preset}-seed{settings.seed}"
        self.history: list[dict[str, float]] = []
        self.written: list[Path] = []
        try:
            self._open()
        except OSError as error:
            raise Refused(f"--output {self.folder} cannot be a run's folder: {error.strerror or error}") from None

    def _open(self) -> None:
        config = self.folder / "config.json"
        if self.folder.exists() and not self.folder.is_dir():
            raise Refused(f"--output {self.folder} is a file; a folder is needed")
        if self.settings.resume:
            self._check_same_run(config)
        elif config.exists():
            kept = next(
                p for n in range(1, 10**6) if not (p := self.folder.with_name(f"{self.folder.name}.{n}")).exists()
            )
            self.folder.rename(kept)
            print(f"the earlier run is kept as {kept}")
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise Refused(f"--output {self.folder} holds other files; a new, an empty or a run's folder is needed")
        self.folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK):
            raise Refused(f"--output {self.folder} is not writable; a folder that can be written is needed")
        self.save_json("config.json", self._config())

    def _config(self) -> dict[str, Any]:
        packages = ("gan-paper", "keras", "tensorflow", "numpy", "scipy")
        return {
            "experiment": self.experiment,
            "settings": self.settings.recorded(),
            "versions": {"python": platform.python_version(), **{p: _version(p) for p in packages}},
        }

    def _check_same_run(self, config: Path) -> None:
        try:
            before = json.loads(config.read_text())
            settings = dict(before["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            raise Refused(f"--resume needs a run's folder, and {self.folder} holds no readable config.json") from None
        now = self._config()
        if before["experiment"] != self.experiment:
            raise Refused(f"--resume of a {self.experiment} run, but {self.folder} holds one of {before['experiment']}")
        if self.settings.iterations < settings.get("iterations", 0):
            raise Refused(
                f"--resume goes on: --iterations must be at least the run's {settings['iterations']}, "
                f"not {self.settings.iterations}"
            )
        for name, value in now["settings"].items():
            if name != "iterations" and settings.get(name) != value:
                flag = "--" + name.replace("_", "-")
                raise Refused(f"--resume must keep the run's settings: {flag} was {settings.get(name)}, not {value}")

    def save_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file into the folder."""
        with files.replacing(self.folder / name) as temporary:
            temporary.write_text(json.dumps(content, indent=2, default=str) + "\n")

    def save_figure(self, name: str, figure: "Figure") -> None:
        """Write a picture into the folder, as the PNG of this name and a PDF beside it; both carry `config.json`."""
        import matplotlib.pyplot as plt

        self.written += save_picture(self.folder / name, figure, self._config())
        plt.close(figure)

    def save_animation(self, name: str, frames: "Sequence[Pixels]", frames_per_second: int = 12) -> None:
        """Write pictures (height, width, 3) as an animated GIF into the folder; the last stays longer.

        Its comment carries `config.json`.
        """
        from PIL import Image  # Matplotlib's own requirement

        first, *others = [Image.fromarray(frame).quantize(64) for frame in frames]
        durations = [1000 // frames_per_second] * len(others) + [2000]
        comment = json.dumps(self._config(), default=str)
        with files.replacing(self.folder / name) as temporary:
            first.save(temporary, save_all=True, append_images=others, duration=durations, loop=0, comment=comment)
        self.written.append(self.folder / name)

    def save_history(self) -> None:
        """Write the rows of `history` to `history.csv`."""
        with (
            files.replacing(self.folder / "history.csv") as temporary,
            temporary.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, self.history[0] if self.history else ["iteration"])
            writer.writeheader()
            writer.writerows(self.history)

    def load_history(self, iteration: int) -> None:
        """Take up the rows of `history.csv` down to an iteration, when a run is resumed.

        Raises:
            Refused: if the file cannot be read.
        """
        path = self.folder / "history.csv"
        try:
            with path.open(newline="") as file:
                rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
            self.history = [
                {**row, "iteration": int(row["iteration"])} for row in rows if row["iteration"] <= iteration
            ]
        except (OSError, ValueError, KeyError, TypeError):
            raise Refused(f"--resume needs the run's {path}, which cannot be read") from None
        if iteration > 0 and (not self.history or self.history[-1]["iteration"] != iteration):
            raise Refused(f"--resume needs the run's {path} down to iteration {iteration}, where its checkpoint is")

    def columns(self) -> dict[str, list[float]]:
        """The history by figure, each over all its rows."""
        return {name: [row[name] for row in self.history] for name in self.history[0]}

    def finish(self, results: Mapping[str, Any], pace: Pace, shown: Sequence[Sequence[Any]] | None = None) -> None:
        """Write `metrics.json` and print the closing table.

        Args:
            results: What was measured: `match`, how well p_g matches p_data, by statistic; `value`; and so on.
            pace: Of the training alone.
            shown: Rows to print in place of all the metrics.
        """
        metrics = {
            "experiment": self.experiment,
            "preset": self.settings.preset,
            "seed": self.settings.seed,
            "iterations": self.settings.iterations,
            **results,
            "seconds": {"total": time.perf_counter() - _STARTED, "train": pace.seconds},
            "iterations_per_second": pace.iterations / pace.seconds if pace.iterations else None,
        }
        self.save_json("metrics.json", metrics)
        print(table(shown or [(name, figure) for name, figure in _flat(metrics)]))
        print("written:", *(str(path) for path in [self.folder / "metrics.json", *self.written]), sep="\n  ")


def save_picture(path: Path, figure: "Figure", config: Mapping[str, Any]) -> list[Path]:
    """Write a figure as a PNG, 200 dots per inch, and as a vector PDF beside it; the same figure gives the same bytes.

    Both carry the configuration of the run that is shown, as JSON: the PNG as its description, the PDF as its subject.

    Args:
        path: Of the PNG.
        figure: What to draw.
        config: As in the run's `config.json`.

    Returns:
        The paths of the PNG and of the PDF.
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


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned columns; floats to four significant digits."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield prefix + name, value


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress line on a terminal, and nothing elsewhere; yields a function of (done, total)."""
    on_screen = sys.stdout.isatty()

    def tick(done: int, total: int) -> None:
        if on_screen:
            print(f"\r{label}: {100 * (done + 1) // total} %", end="", flush=True)

    yield tick
    if on_screen:
        print("\r" + " " * (len(label) + 8), end="\r")
