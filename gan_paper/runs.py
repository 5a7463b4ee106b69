"""A run: its command line, its folder, and what a person is told. It knows nothing of TensorFlow."""

import time

_STARTED = time.perf_counter()  # first, so that a run's total includes everything it loads

import argparse  # noqa: E402
import contextlib  # noqa: E402
import csv  # noqa: E402
import dataclasses  # noqa: E402
import fcntl  # noqa: E402
import importlib.metadata  # noqa: E402
import importlib.util  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable, Iterator, Mapping, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar  # noqa: E402

import numpy as np  # noqa: E402

from gan_paper import files  # noqa: E402
from gan_paper.checkpoints import Checkpoints  # noqa: E402
from gan_paper.signals import Interrupted, Signals  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from gan_paper.figures import Pixels
    from gan_paper.histograms import Recording

LAYOUT = 2
"""The number of the form in which a run's files are written, and its minibatches drawn: no other is resumed."""


class Refused(Exception):
    """What a person asked for cannot be done; its one line names the thing, the value and what is accepted."""


class Diverged(Exception):
    """Training reached weights that are not finite; its one line names the iteration and the network."""


class Pace(NamedTuple):
    """How long training took, how many iterations it made in that time, and how much of it went into checkpoints.

    A resumed run makes only some of its iterations.
    """

    seconds: float
    iterations: int
    checkpoints: float = 0.0


@dataclass(frozen=True)
class Settings:
    """The settings that every experiment has; each adds its own.

    Raises:
        ValueError: if a number is out of its range, as `ranges` gives it.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("output", "resume", "overwrite")
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
    """Go on from the last checkpoint of the run in the output folder; begin it if there is none yet."""
    overwrite: bool = False
    """Replace the run in the output folder, and all that the folder holds."""

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise ValueError("--overwrite must be left out with --resume, which goes on with the run that is there")
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


@dataclass(frozen=True)
class FitSettings(Settings):
    """The settings of the experiments that train with `GAN.fit`."""

    PLACES: ClassVar[tuple[str, ...]] = (*Settings.PLACES, "tensorboard")

    tensorboard: bool = False
    """Also log for TensorBoard, into the run's folder tensorboard/."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise ValueError("--tensorboard must have TensorBoard installed: pip install '.[tensorboard]'")


S = TypeVar("S", bound=Settings)


def main(
    experiment: str,
    presets: Mapping[str, S],
    train: Callable[[S, "Run"], None],
    tensorflow: bool = True,
    check: Callable[[S], Any] = lambda settings: None,
) -> None:
    """Run an experiment script: read its command line, open its folder, train, and end with the right exit status.

    Exit statuses: 0 done; 2 the person asked for something that cannot be; 3 training diverged, or a disk or the memory
    failed it; 130 and 143 stopped by Ctrl-C and SIGTERM.

    Args:
        experiment: Its name, and that of its folder under `runs/`.
        presets: Settings by name; the first is the default.
        train: Does the work, given the settings and the open run.
        tensorflow: Whether that work needs TensorFlow.
        check: Raises a `ValueError` of one line, before there is a folder, if something the settings name is no good.
    """
    signals = Signals()
    with exit_statuses(), signals.caught():
        settings = parse(presets)
        try:
            check(settings)
        except ValueError as error:
            raise Refused(str(error)) from None
        with Run(experiment, settings, signals) as run:
            how = f"the same command with --resume goes on from the last checkpoint in {run.folder}"
            try:
                if tensorflow:
                    quiet_tensorflow()
                train(settings, run)
            except Interrupted as interruption:
                sys.exit(_say(f"stopped; {how}", interruption.status))
            except MemoryError:
                sys.exit(_say(f"out of memory; {how}", 3))
            except OSError as error:  # a full disk, say, or a folder that went away
                sys.exit(_say(f"{_what(error)}; {how}", 3))


@contextlib.contextmanager
def exit_statuses() -> Iterator[None]:
    """Turn what ends a script early into one line on the error stream and the exit status."""
    try:
        yield
    except Refused as refusal:
        sys.exit(_say(str(refusal), 2))
    except Diverged as divergence:
        sys.exit(_say(str(divergence), 3))
    except OSError as error:
        sys.exit(_say(_what(error), 3))
    except KeyboardInterrupt as interruption:
        sys.exit(_say("stopped", getattr(interruption, "status", 130)))


def _what(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


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
    # tyro draws a box: the message down to the first rule, then at times the help of the flag it is about. Where the
    # terminal knows ASCII only, the box is a title over a rule.
    lines = [line.strip("│ ").rstrip() for line in box.splitlines()]
    body = [line for line in lines if line and not line.startswith(("╭", "╰"))]
    if "╭" not in box:
        body = body[2:]
    rule = next((i for i, line in enumerate(body) if set(line) <= {"─", "-"}), len(body))
    message = " ".join(body[:rule])
    message = re.sub(r"^Error parsing (?!-)\S+: ", "", message)
    help_line = next((line for line in body[rule:] if re.match("--[a-z]", line)), "")
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
    """A run's folder: `config.json`, `history.csv`, `metrics.json`, checkpoints, and whatever else is saved into it.

    It is this process's until `close`: another one that opens it is refused.

    Args:
        experiment: The experiment's name.
        settings: Its settings; `output`, `resume` and `overwrite` choose the folder and what becomes of what it holds.
        signals: What is to be asked whether training is to stop.

    Attributes:
        folder: The run's folder.
        history: A row of figures for each stretch of training, `iteration` first.
        checkpoints: In its folder `checkpoints`.

    Raises:
        Refused: if the folder cannot be written, is in use, or holds something else: a run that is neither to be
            resumed nor to be overwritten, one of other settings that is to be resumed, or other files.
    """

    def __init__(self, experiment: str, settings: Settings, signals: Signals | None = None) -> None:
        self.experiment, self.settings, self.signals = experiment, settings, signals or Signals()
        self.folder = settings.output or Path("runs") / experiment / f"{settings.preset}-seed{settings.seed}"
        self.history: list[dict[str, float]] = []
        self.written: list[Path] = []
        self.checkpoints = Checkpoints(self.folder / "checkpoints")
        try:
            self._open()
        except OSError as error:
            raise Refused(f"--output {self.folder} cannot be a run's folder: {error.strerror or error}") from None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is Refused and self._made and not self.checkpoints.iterations():
            shutil.rmtree(self._made)
        self.close()

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)

    def _open(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise Refused(f"--output {self.folder} is a file; a folder is needed")
        config = self.folder / "config.json"
        if not config.exists() and any(self._others()):
            raise Refused(f"--output {self.folder} holds other files; a new, an empty or a run's folder is needed")
        # The first folder that is made here, in case that what is to go into it is refused after all.
        self._made = next((p for p in (*reversed(self.folder.parents), self.folder) if not p.exists()), None)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o666)
        try:
            self._take(config)
        except BaseException:
            self.close()
            raise

    def _take(self, config: Path) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"--output {self.folder} is in use by another process; one run needs one folder") from None
        now = self._config()
        if config.exists() and self.settings.resume:
            now = self._resumed(config, now)
        elif config.exists():
            if not self.settings.overwrite:
                finished = (self.folder / files.SEAL).exists()
                raise Refused(
                    f"--output {self.folder} holds {'a finished' if finished else 'an unfinished'} run; "
                    f"add {'' if finished else '--resume to go on with it, or '}--overwrite to replace it"
                )
            for path in self._others():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (self.folder / files.SEAL).unlink(missing_ok=True)  # what follows changes what it seals
        for path in self.folder.iterdir():
            if files.is_partial(path):
                path.unlink()
        self.checkpoints.clean()
        self.config = now
        self.save_json("config.json", now)

    def _others(self) -> list[Path]:
        # What the folder holds apart from what a process that was killed before it wrote its config.json leaves there.
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.name != ".lock" and not files.is_partial(path)]

    def _config(self) -> dict[str, Any]:
        packages = ("gan-paper", "keras", "tensorflow", "numpy", "scipy")
        config = {
            "experiment": self.experiment,
            "layout": LAYOUT,
            "settings": self.settings.recorded(),
            "versions": {"python": platform.python_version(), **{p: _version(p) for p in packages}},
        }
        return json.loads(json.dumps(config, default=str))

    def _resumed(self, path: Path, now: dict[str, Any]) -> dict[str, Any]:
        before = read_config(self.folder)
        for name, article in (("experiment", ""), ("layout", "layout ")):
            if before[name] != now[name]:
                raise Refused(f"--resume of a run of {article}{now[name]}, but {path} is of {article}{before[name]}")
        was, settings = before["settings"], now["settings"]
        for name in {**was, **settings}:
            flag = "--" + name.replace("_", "-")
            if name not in was or name not in settings:
                owner = "this version" if name in settings else "the run"
                raise Refused(f"--resume must keep the run's settings: only {owner} has {flag} ({path})")
            if name == "iterations" and not (isinstance(was[name], int) and was[name] <= settings[name]):
                raise Refused(f"--resume goes on: {flag} must be at least the run's {was[name]}, not {settings[name]}")
            if name != "iterations" and was[name] != settings[name]:
                raise Refused(f"--resume must keep the run's settings: {flag} was {was[name]}, not {settings[name]}")
        if before["versions"] == now["versions"]:
            return {**before, "settings": settings}
        changed = [name for name, version in now["versions"].items() if before["versions"].get(name) != version]
        print(f"resumed with another {', '.join(changed)}: the last bits may differ from those of a run never stopped")
        return {**before, "settings": settings, "resumed_with": now["versions"]}

    def check_finite(
        self,
        iteration: int,
        losses: Mapping[str, float],
        d_weights: "Sequence[NDArray[np.floating]]",
        g_weights: "Sequence[NDArray[np.floating]]",
    ) -> None:
        """Stop a training that has diverged.

        Args:
            iteration: That training is at.
            losses: `d_loss` and `g_loss` among them.
            d_weights: The discriminator's.
            g_weights: The generator's.

        Raises:
            Diverged: if any of these is not finite.
        """
        # In this order, since a D that breaks takes G with it, and weights that break, the losses.
        found = {
            "discriminator's weights are": all(np.isfinite(w).all() for w in d_weights),
            "generator's weights are": all(np.isfinite(w).all() for w in g_weights),
            "discriminator's loss is": np.isfinite(losses["d_loss"]),
            "generator's loss is": np.isfinite(losses["g_loss"]),
        }
        broken = next((name for name, finite in found.items() if not finite), None)
        if broken:
            raise Diverged(
                f"training diverged at iteration {iteration}: the {broken} no longer finite; "
                f"the last good checkpoint is kept in {self.checkpoints.folder}"
            )

    def checkpoint(self, iteration: int, recording: "Recording", write: Callable[[Path], None]) -> None:
        """Make a checkpoint: the history, the recording and what `write` adds; and show both files in the folder.

        Args:
            iteration: That training is at.
            recording: Of the run.
            write: Writes the weights into a folder.
        """

        def write_all(folder: Path) -> None:
            self._write_history(folder / "history.csv")
            recording.save(folder / "histograms.npz")
            write(folder)

        self.checkpoints.save(iteration, write_all)
        for name in ("history.csv", "histograms.npz"):
            with files.replacing(self.folder / name) as temporary:
                shutil.copyfile(self.checkpoints.folder / str(iteration) / name, temporary)

    def restore(self, recording: "Recording", read: Callable[[Path], None]) -> int | None:
        """Take up the last whole checkpoint, if the run is to be resumed.

        Args:
            recording: Takes up the checkpoint's.
            read: Takes up the weights from a folder; raises a ValueError if they do not fit.

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
            recording.restore(folder / "histograms.npz")
            self._read_history(folder / "history.csv")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"--resume cannot go on: {' '.join(str(error).split())}") from None
        return iteration

    def save_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file into the folder."""
        files.write_text(self.folder / name, json.dumps(content, indent=2, default=str) + "\n")

    def save_figure(self, name: str, figure: "Figure") -> None:
        """Write a picture into the folder, as the PNG of this name and a PDF beside it; both carry `config.json`."""
        import matplotlib.pyplot as plt

        self.written += save_picture(self.folder / name, figure, self.config)
        plt.close(figure)

    def save_animation(self, name: str, frames: "Sequence[Pixels]", frames_per_second: int = 12) -> None:
        """Write pictures (height, width, 3) as an animated GIF into the folder; the last stays longer.

        Its comment carries `config.json`.
        """
        from PIL import Image  # Matplotlib's own requirement

        first, *others = [Image.fromarray(frame).quantize(64) for frame in frames]
        durations = [1000 // frames_per_second] * len(others) + [2000]
        comment = json.dumps(self.config)
        with files.replacing(self.folder / name) as temporary:
            first.save(temporary, save_all=True, append_images=others, duration=durations, loop=0, comment=comment)
        self.written.append(self.folder / name)

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

    def finish(self, results: Mapping[str, Any], pace: Pace, shown: Sequence[Sequence[Any]] | None = None) -> None:
        """Write `metrics.json`, seal the folder as a finished run's, and print the closing table.

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
            "seconds": {
                "total": time.perf_counter() - _STARTED,
                "train": pace.seconds,
                "checkpoints": pace.checkpoints,
            },
            "iterations_per_second": pace.iterations / pace.seconds if pace.iterations else None,
        }
        self.save_json("metrics.json", metrics)
        files.seal(self.folder)
        print(table(shown or [(name, figure) for name, figure in _flat(metrics)]))
        print("written:", *(str(path) for path in [self.folder / "metrics.json", *self.written]), sep="\n  ")


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a run.

    Raises:
        Refused: if it cannot be read or is none, in one line that names it.
    """
    path = folder / "config.json"
    try:
        config = json.loads(files.read_text(path))
    except (OSError, ValueError, RecursionError):
        raise Refused(f"{path} cannot be read as a run's") from None
    kinds = {"experiment": str, "layout": int, "settings": dict, "versions": dict}
    for name, kind in kinds.items():
        if not isinstance(config, dict) or not isinstance(config.get(name), kind):
            raise Refused(f"{path} holds no {name}: it is no run's, or that of another version of this project")
    return config


def read_metrics(folder: Path) -> dict[str, Any]:
    """The `metrics.json` of a finished run.

    Raises:
        Refused: if it is not finished, damaged, or not one of this project's, in one line that names it.
    """
    path = folder / "metrics.json"
    try:
        files.check_seal(folder, [path.name])
        metrics = json.loads(files.read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(f"{folder} holds no readable metrics.json of a finished run: {error}") from None
    if not isinstance(metrics, dict):
        raise Refused(f"{path} holds no metrics")
    return metrics


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
