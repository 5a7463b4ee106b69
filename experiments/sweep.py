"""Many runs of one experiment: `python experiments/sweep.py gaussian --seeds 0-9 --set k=1,2`.

Every seed is trained with every combination of the values, each run in the folder that its own script would choose.
Finished runs are skipped and begun ones resumed, so the same command goes on after an interruption. At the end there is
a table over seeds for each setting; `report.py` shows the runs over one another.

A run is the experiment's script in a process of its own, with one thread for each of TensorFlow's operations. Such
processes share this machine's cores, and then nothing listens on a port; or, with --scheduler, the workers of a Dask
cluster. Workers need this project's code, and the folder of experiments on their PYTHONPATH, but no disk in common with
this machine: a finished run comes back as an archive. What a worker had begun is lost if it dies. Whoever reaches a
scheduler can run code in its workers: on a network that others use, give it a tls:// address, and all machines the
certificates that https://distributed.dask.org/en/stable/tls.html describes.

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
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import run
from gan_paper.run.config import flag, folder_name

import tables
import tyro
from rich.progress import Progress
from sweep_figure import Setting, draw
from sweep_workers import Planned, Submit, cluster, this_machine

RETRIES = 2
"""How often a run is tried again whose process was killed, whose worker died, or whose archive is damaged."""


@dataclass(frozen=True)
class Arguments:
    """Train an experiment with many seeds and settings."""

    experiment: Annotated[str, tyro.conf.Positional]
    """Name of the experiment."""
    seeds: str
    """Seeds, say 0-9 or 0,2,5-7."""
    preset: str | None = None
    """The experiment's preset [default: its first]."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE,...")] = ()
    """A setting of the experiment and its values; may be given for several settings."""
    workers: int = os.cpu_count() or 1
    """Processes on this machine."""
    scheduler: str | None = None
    """Address of a running Dask scheduler, say tcp://head:8786."""
    scheduler_file: Path | None = None
    """The file that a running Dask scheduler wrote its address to."""
    output: Path = Path("runs")
    """Folder of the experiments' folders."""
    experiments: Path = Path(__file__).parent
    """Folder of the experiments' scripts."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"--workers must be at least 1, not {self.workers}")


def main(arguments: Arguments) -> bool:
    """Train what is missing, and print the tables; whether every run is finished.

    Raises:
        run.Refused: if the arguments are no good, no scheduler answers, or a folder holds a run of other settings.
    """
    folder, address = arguments.experiments.resolve(), arguments.scheduler or arguments.scheduler_file
    planned = plan(arguments, run.load_experiment(arguments.experiment, folder).PRESETS)
    missing = [one for one in planned if not is_finished(one, arguments.experiment)]
    print(f"{len(planned)} runs: {len(planned) - len(missing)} finished before, {len(missing)} to train", flush=True)
    failed: dict[Path, str] = {}
    if missing:
        script = folder / f"{arguments.experiment}.py"
        with cluster(address, script) if address else this_machine(arguments.workers, script) as submit:
            failed = train(submit, missing)
    summarize(arguments, planned, failed)
    return not failed


def plan(arguments: Arguments, presets: Mapping[str, run.Config]) -> list[Planned]:
    """The runs that are asked for: every seed with every combination of values."""
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
    """Seeds from text such as 0,2,5-7, without repetition.

    Raises:
        run.Refused: if it is no such text, or gives no seed.
    """
    seeds: dict[int, None] = {}
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            seeds.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    except ValueError:
        seeds = {}
    if not seeds:
        raise run.Refused(f"--seeds must be whole numbers and rising ranges of them, say 0,2,5-7, not {text!r}")
    return list(seeds)


def as_flags(name: str, value: str, default: Any) -> list[str]:
    """A setting as a script's command line has it; a setting of several numbers has spaces between them."""
    if isinstance(default, bool):
        if value.lower() not in ("true", "false"):
            raise run.Refused(f"--set {name}={value} must be true or false")
        return [flag(name if value.lower() == "true" else f"no_{name}")]
    return [flag(name), *value.split()] if isinstance(default, tuple) else [f"{flag(name)}={value}"]


def is_finished(one: Planned, experiment: str) -> bool:
    """Whether a run is there, and finished.

    Raises:
        run.Refused: if another one is. (What is no finished run is for the script to refuse, or to resume.)
    """
    if not (one.folder / "metrics.json").exists():
        return False
    config = run.read_config(one.folder)
    if (config["experiment"], config["settings"]) != (experiment, one.config.settings()):
        raise run.Refused(f"{one.folder} holds a run of other settings; choose another --output")
    return True


def train(submit: Submit, missing: Sequence[Planned]) -> dict[Path, str]:
    """Train runs, and tell of each as it ends; by folder, what went wrong with those that are not finished."""
    failed: dict[Path, str] = {}
    with Progress(disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("training", total=len(missing))
        pending = {submit(one): (one, 0) for one in missing}
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                one, tried = pending.pop(future)
                fault, is_lost = settle(future, one)
                if is_lost and tried < RETRIES:
                    pending[submit(one)] = one, tried + 1
                    continue
                if fault:
                    failed[one.folder] = line = f"failed: {fault}"
                else:
                    metrics = tables.summary(one.folder)
                    name, value = tables.headline(metrics)
                    line = f"{name} {value:.4g}, {metrics['reference'].partition(':')[0]}"
                progress.console.print(f"{one.folder.name}: {line}", markup=False, highlight=False, soft_wrap=True)
                progress.advance(bar)
    return failed


def settle(future: "Future[Any]", one: Planned) -> tuple[str, bool]:
    """What went wrong with a run, if anything, and whether it may go well another time.

    Raises:
        run.Refused: if a worker refuses it, as it would all.
        ConnectionError: if there is no scheduler any more.
    """
    if future.cancelled():
        raise ConnectionError("the connection to the scheduler was lost")
    try:
        status, line, archive = future.result()
        if archive:
            unpack(archive, one.folder)
    except run.Refused:
        raise
    except Exception as error:  # of a worker that died, of its disk or memory, or of a damaged archive
        return f"{type(error).__name__}: {error}".splitlines()[0], True
    return (line, status < 0) if status else ("", False)  # a process that was killed has a negative status


def summarize(arguments: Arguments, planned: Sequence[Planned], failed: Mapping[Path, str]) -> None:
    """Print a table over seeds for each setting, and draw the figure of them all."""
    shown: list[Setting] = []
    settings, preset = [one.config.settings() for one in planned], planned[0].config.preset
    differing = [name for name in settings[0] if name != "seed" and any(s[name] != settings[0][name] for s in settings)]
    for label, group in itertools.groupby(planned, key=lambda one: one.folder.name.rpartition("seed")[0]):
        runs = list(group)
        print(f"\n{arguments.experiment} {label.rstrip('-') or preset}")
        print(*(f"{one.folder.name}: {failed[one.folder]}\n" for one in runs if one.folder in failed), sep="", end="")
        folders = [one.folder for one in runs if one.folder not in failed]
        if folders:
            print(tables.over_seeds(folders))
            path = run.find_reference(folders[0], arguments.experiments.resolve().parent / "figures" / "reference")
            title = "\n".join(f"{name} = {runs[0].config.settings()[name]}" for name in differing) or preset
            recordings = [run.read_recording(folder) for folder in folders]
            shown.append(Setting(title, recordings, run.read_recording(path) if path else None))
    if shown:
        named = [arguments.preset] if arguments.preset else []
        name = "-".join(["sweep", *named, *arguments.set, f"seeds={arguments.seeds}"])
        name = re.sub(r"[^\w=,.+-]", "_", name)[:200]  # a file's name has a limit
        content = {"experiment": arguments.experiment, "preset": preset, "seeds": arguments.seeds, "set": arguments.set}
        figure = arguments.output / arguments.experiment / f"{name}.png"
        print("\nwritten:", *run.save_figure(figure, draw(shown), content), sep="\n  ")


def unpack(archive: bytes, place: Path) -> None:
    """Put the folder that an archive holds in its place, by one renaming."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name[:50]}-", dir=place.parent) as temporary:
        folder = Path(temporary) / "run"
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            content.extractall(folder)  # it compares checksums
        folder.rename(place)


if __name__ == "__main__":
    with run.exit_statuses():
        try:
            sys.exit(0 if main(tyro.cli(Arguments, description=__doc__)) else 3)
        except BaseException as error:
            error.add_note("the same command goes on, and skips what is finished")
            raise
