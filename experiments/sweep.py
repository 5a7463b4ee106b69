"""Many runs of one experiment: `python experiments/sweep.py gaussian --seeds 0-9 --set k=1,2`.

Every seed is trained with every combination of the values, each run in the folder that its own script would choose.
Finished runs are skipped and begun ones resumed, so the same command goes on after an interruption. At the end there is
a table over seeds for each setting; `report.py` shows the runs over one another.

A run is the experiment's script in a process of its own, with one thread for each of TensorFlow's operations. By
default these processes share this machine's cores, and no port is opened. With --scheduler they run on the workers of a
Dask cluster. Workers need this project's code, with `experiments/` and --experiments on their PYTHONPATH, but no disk
in common with this machine: a finished run comes back as an archive. If a worker dies, its unfinished run is lost.
Anyone who reaches a scheduler can run code on its workers: on a network with other users, give it a tls:// address, and
all machines the certificates that https://distributed.dask.org/en/stable/tls.html describes.

Exit statuses: 0 all runs are finished; 2 the sweep is refused; 3 some runs failed, or diverged; 130 stopped by Ctrl-C.
"""

import dataclasses
import io
import itertools
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import run
from gan_paper.run.config import flag, folder_name

import tables
import tyro
from rich.progress import track
from sweep_figure import Setting, draw_settings
from sweep_workers import Planned, Result, Submit, cluster, this_machine


@dataclass(frozen=True)
class Arguments:
    """Train an experiment with many seeds and settings."""

    experiment: Annotated[str, tyro.conf.Positional]
    """Name of the experiment."""
    seeds: str
    """Seeds, such as 0-9 or 0,2,5-7."""
    preset: str | None = None
    """The experiment's preset [default: its first]."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE,...")] = ()
    """A setting of the experiment and its values; may be repeated for other settings."""
    workers: int = os.cpu_count() or 1
    """Processes on this machine."""
    scheduler: str | None = None
    """Address of a running Dask scheduler, such as tcp://head:8786, or the file that it wrote its address to."""
    output: Path = Path("runs")
    """Folder of the experiments' folders."""
    experiments: Path = Path(__file__).parent
    """Folder of the experiments' scripts."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"--workers must be at least 1, not {self.workers}")


def main(arguments: Arguments) -> bool:
    """Train the missing runs and print the tables; return whether every run is finished.

    Raises:
        run.Refused: if an argument is invalid, or no scheduler answers.
    """
    folder = arguments.experiments.resolve()
    planned = plan(arguments, run.load_experiment(arguments.experiment, folder).PRESETS)
    missing = [one for one in planned if not is_finished(one)]
    print(f"{len(planned)} runs: {len(planned) - len(missing)} finished before, {len(missing)} to train", flush=True)
    failed: dict[Path, str] = {}
    if missing:
        script, address = folder / f"{arguments.experiment}.py", arguments.scheduler
        with cluster(address, script) if address else this_machine(arguments.workers, script) as submit:
            failed = train_all(submit, missing)
    summarize(arguments, planned, failed)
    return not failed


def plan(arguments: Arguments, presets: Mapping[str, run.Config]) -> list[Planned]:
    """The planned runs: every seed with every combination of values."""
    preset = ["--preset", arguments.preset] if arguments.preset else []
    defaults = dataclasses.asdict(run.parse(presets, preset))
    settable = [name for name in defaults if name not in ("preset", "seed", "output", "resume")]
    choices: dict[str, list[str]] = {}
    for text in arguments.set:
        name, _, values = text.partition("=")
        name = name.replace("-", "_")
        if name not in settable or name in choices:
            raise run.Refused(f"--set {text} must name one of these settings, once: {', '.join(settable)}")
        choices[name] = re.split(r",(?![^(]*\))", values)  # N(0, 1) is one value
    planned = []
    for chosen in itertools.product(*choices.values()):
        pairs = zip(choices, chosen, strict=True)
        flags = [*preset, *itertools.chain(*(as_flags(name, value, defaults[name]) for name, value in pairs))]
        config = run.parse(presets, flags)
        for seed in parse_seeds(arguments.seeds):
            config = dataclasses.replace(config, seed=seed)
            place = arguments.output / arguments.experiment / folder_name(config, presets)
            planned.append(Planned([*flags, "--seed", str(seed)], config, place.absolute()))
    if len({one.folder for one in planned}) < len(planned):
        raise run.Refused("--set must not give one value twice")
    return planned


def parse_seeds(text: str) -> list[int]:
    """Parse text such as 0,2,5-7 as seeds, without repetition.

    Raises:
        run.Refused: if the text has another form, or gives no seed.
    """
    try:
        parts = (part.partition("-") for part in text.split(","))
        ranges = [range(int(first), int(last or first) + 1) for first, _, last in parts]
    except ValueError:
        ranges = []
    seeds = list(dict.fromkeys(itertools.chain(*ranges)))
    if not (ranges and all(ranges)):
        raise run.Refused(f"--seeds must be whole numbers and rising ranges of them, say 0,2,5-7, not {text!r}")
    return seeds


def as_flags(name: str, value: str, default: Any) -> list[str]:
    """A setting as flags of the command line; the numbers of a tuple are separated by spaces."""
    if isinstance(default, bool):
        if value.lower() not in ("true", "false"):
            raise run.Refused(f"--set {name}={value} must be true or false")
        return [flag(name if value.lower() == "true" else f"no_{name}")]
    return [flag(name), *value.split()] if isinstance(default, tuple) else [f"{flag(name)}={value}"]


def is_finished(one: Planned) -> bool:
    """Whether a run is finished; not if its folder has other settings, which the script will refuse."""
    return (one.folder / "metrics.json").exists() and run.read_config(one.folder)["settings"] == one.config.settings()


def train_all(submit: Submit, missing: Sequence[Planned]) -> dict[Path, str]:
    """Train runs, and print a line for each as it ends; return the errors of unfinished runs by folder."""
    failed: dict[Path, str] = {}
    futures = {submit(one): one.folder for one in missing}
    for future in track(as_completed(futures), "training", len(missing), disable=not sys.stdout.isatty()):
        folder = futures[future]
        if fault := fault_of(future, folder):
            failed[folder] = line = f"failed: {fault}"
        else:
            metrics = tables.summary(folder)
            name, value = tables.headline(metrics)
            line = f"{name} {value:.4g}, {metrics['reference'].partition(':')[0]}"
        print(f"{folder.name}: {line}", flush=True)
    return failed


def fault_of(future: "Future[Result]", place: Path) -> str:
    """The error of a run; empty if it is finished, with its folder in its place.

    Raises:
        run.Refused: if a worker refuses it, as it would all runs.
        ConnectionError: if the scheduler is gone.
    """
    if future.cancelled():
        raise ConnectionError("the connection to the scheduler was lost")
    try:
        status, line, archive = future.result()
        if archive:
            unpack(archive, place)
    except run.Refused:
        raise
    except Exception as error:  # a dead worker, a full disk or memory, or a damaged archive
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return line if status else ""


def summarize(arguments: Arguments, planned: Sequence[Planned], failed: Mapping[Path, str]) -> None:
    """Print a table over seeds for each setting, and draw a figure of all settings."""
    shown: list[Setting] = []
    settings, preset = [one.config.settings() for one in planned], planned[0].config.preset
    differing = [name for name in settings[0] if name != "seed" and any(s[name] != settings[0][name] for s in settings)]
    for label, group in itertools.groupby(planned, key=lambda one: one.folder.name.rpartition("seed")[0]):
        runs = list(group)
        folders = [one.folder for one in runs]
        print(f"\n{label.rstrip('-') or planned[0].config.preset}")
        for folder in folders:
            if folder in failed:
                print(f"{folder.name}: {failed[folder]}")
        if finished := [folder for folder in folders if folder not in failed]:
            print(tables.over_seeds(finished))
            path = run.find_reference(finished[0], tables.REFERENCES)
            title = "\n".join(f"{name} = {runs[0].config.settings()[name]}" for name in differing) or preset
            recordings = [run.read_recording(folder) for folder in finished]
            shown.append(Setting(title, recordings, run.read_recording(path) if path else None))
    if shown:
        name = "-".join(["sweep", *filter(None, [arguments.preset]), *arguments.set, f"seeds={arguments.seeds}"])
        name = re.sub(r"[^\w=,.+-]", "_", name)[:200]  # a file's name has a limit
        content = {"experiment": arguments.experiment, "preset": preset, "seeds": arguments.seeds, "set": arguments.set}
        figure = arguments.output / arguments.experiment / f"{name}.png"
        print("\nwritten:", *run.save_figure(figure, draw_settings(shown), content), sep="\n  ")


def unpack(archive: bytes, place: Path) -> None:
    """Unpack the folder that an archive holds, and move it to its place by one rename."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name[:50]}-", dir=place.parent) as temporary:
        folder = Path(temporary) / "run"
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            content.extractall(folder)  # which compares checksums
        folder.rename(place)


if __name__ == "__main__":
    with run.exit_statuses():
        try:
            sys.exit(0 if main(tyro.cli(Arguments, description=__doc__)) else 3)
        except BaseException as error:
            error.add_note("the same command goes on, and skips what is finished")
            raise
