"""Many runs of one experiment: `python experiments/sweep.py gaussian --seeds 0-9 --set k=1,2`.

Every seed is trained with every combination of the values given, each into the folder that its own script would take:
runs/EXPERIMENT/PRESET-seedN, or runs/EXPERIMENT/PRESET-NAME=VALUE,...-seedN. Runs that are finished are skipped, so the
same command goes on after an interruption. At the end there is a table for each setting, and a picture.

By default the runs share this machine's cores, a process with one thread on each, and a begun run is resumed. With
--scheduler they go to the workers of a Dask cluster. These need this project's code and its experiments/ on their
PYTHONPATH, but no disk in common with the caller: a run's folder comes back when it is finished. What a worker had
begun is lost if it dies. Either way the run of a worker that dies is tried again.

Exit statuses: 0 all runs ended (one that diverged is a row of the table); 2 bad input; 3 some run could not be made.
"""

import contextlib
import dataclasses
import importlib
import itertools
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from gan_paper import runs
from gan_paper.measure.comparison import Row, compare
from gan_paper.runs import files, provenance, recordings, remote

import tyro
from compare import reference_path
from seeds import MOST, headline, parse_seeds, row, tabulate

if TYPE_CHECKING:
    from distributed import Client, Future


@dataclass(frozen=True)
class Arguments:
    """Train an experiment with many seeds and settings."""

    experiment: Annotated[
        Literal["gaussian", "uniform_to_gaussian", "sine", "mnist", "numpy_gan"], tyro.conf.Positional
    ]
    """Which one."""
    seeds: str
    """Seeds, say 0-9 or 0,2,5-7."""
    preset: str | None = None
    """The experiment's preset [default: its first]."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE,...")] = ()
    """A setting of the experiment and its values; may be given for several settings."""
    output: Path = Path("runs")
    """Folder of the experiments' folders."""
    workers: int = os.cpu_count() or 1
    """Processes on this machine."""
    scheduler: str | None = None
    """Address of a running Dask scheduler, say tcp://head:8786."""
    scheduler_file: Path | None = None
    """The file that a running Dask scheduler wrote its address to."""
    retries: int = 2
    """How often a run is tried again whose worker died or failed. A running scheduler has its own limit for deaths."""

    def __post_init__(self) -> None:
        for name, least, most in (("workers", 1, 1000), ("retries", 0, 100)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"--{name} must be a whole number from {least} to {most}, not {getattr(self, name)}")


class Planned(NamedTuple):
    """A run that the sweep is to have."""

    label: str
    """Its setting: the preset, and the values that were set."""
    settings: runs.Settings
    folder: Path


def main(arguments: Arguments) -> bool:
    """Train what is missing, print the tables and draw the picture; whether every run was made.

    Raises:
        runs.Refused: if the arguments are no good, no scheduler answers, or a folder holds something else.
    """
    script = importlib.import_module(arguments.experiment)
    planned = plan(arguments, script.PRESETS)
    missing = [run for run in planned if not is_finished(run, arguments.experiment)]
    print(f"{len(planned)} runs: {len(planned) - len(missing)} finished before, {len(missing)} to train")
    said: dict[Path, str] = {}
    if missing:
        with remote.connect(
            arguments.scheduler, arguments.scheduler_file, arguments.workers, arguments.retries
        ) as client:
            print(f"Dask's dashboard: {client.dashboard_link}", flush=True)
            said = train(client, missing, arguments, provenance.digest(script.Settings))
    summarize(arguments, planned, said)
    return not any(reason.startswith("failed") for reason in said.values())


def plan(arguments: Arguments, presets: dict[str, Any]) -> list[Planned]:
    """The runs that are asked for: every seed with every combination of values."""
    preset = arguments.preset or next(iter(presets))
    if preset not in presets:
        raise runs.Refused(f"--preset {preset} is none of {arguments.experiment}: {', '.join(presets)}")
    fields = {field.name: field for field in dataclasses.fields(presets[preset])}
    places, own = type(presets[preset]).PLACES, ("preset", "seed", *runs.Settings.PLACES)
    choices: dict[str, list[str]] = {}
    for text in arguments.set:
        name, _, values = text.partition("=")
        name = name.replace("-", "_")
        if name not in fields or name in own:
            accepted = ", ".join(name for name in fields if name not in own)
            raise runs.Refused(f"--set {text} names no setting that {arguments.experiment} takes: {accepted}")
        if name in choices:
            raise runs.Refused(f"--set {text} gives {name} a second time; give all its values at once, with commas")
        choices[name] = values.split(",")
        if "" in choices[name] or len(set(choices[name])) < len(choices[name]):
            raise runs.Refused(f"--set {text} must give {name} one or more different values, with commas between")
    seeds = parse_seeds(arguments.seeds)
    if len(seeds) * (size := math.prod(len(values) for values in choices.values())) > MOST:
        raise runs.Refused(f"--seeds and --set make {len(seeds) * size} runs; at most {MOST} are accepted")

    planned: list[Planned] = []
    for chosen in itertools.product(*choices.values()):
        flags = [_flag(name, value, fields[name].default) for name, value in zip(choices, chosen, strict=True)]
        settings = runs.parse(presets, ["--preset", preset, *flags])
        named = [f"{name}={getattr(settings, name)}" for name in choices if name not in places]
        label = "-".join([preset, *([",".join(named)] if named else [])])
        for seed in seeds:
            folder = arguments.output / arguments.experiment / f"{label}-seed{seed}"
            planned.append(Planned(label, replace(settings, seed=seed, output=folder), folder))
    if len({run.folder for run in planned}) < len(planned):
        raise runs.Refused("--set must not name one value in two ways")
    return planned


def _flag(name: str, value: str, default: Any) -> str:
    flag = name.replace("_", "-")
    if isinstance(default, bool):
        if value.lower() not in ("true", "false"):
            raise runs.Refused(f"--set {name}={value} must be true or false")
        return f"--{flag}" if value.lower() == "true" else f"--no-{flag}"
    return f"--{flag}={value}"


def is_finished(run: Planned, experiment: str) -> bool:
    """Whether a run is there, whole.

    Raises:
        runs.Refused: if its place holds something else, or a damaged run.
    """
    if run.folder.exists() and (not run.folder.is_dir() or (found := runs.foreign(run.folder))):
        what = "is a file" if not run.folder.is_dir() else f"holds files that no run wrote ({', '.join(found[:5])})"
        raise runs.Refused(f"{run.folder} {what}; choose another --output")
    if not (run.folder / "config.json").exists():
        return False
    config = runs.read_config(run.folder)
    settings = json.loads(json.dumps(run.settings.recorded(), default=str))
    if config["experiment"] != experiment or config["settings"] != settings:
        raise runs.Refused(f"{run.folder} holds a run of other settings; choose another --output")
    if not (run.folder / files.SEAL).exists():
        return False
    try:
        files.check_seal(run.folder)
    except ValueError as error:
        raise runs.Refused(f"{error}; choose another --output") from None
    return True


def train(client: "Client", missing: Sequence[Planned], arguments: Arguments, code: str) -> dict[Path, str]:
    """Train runs on the cluster, and tell of each as it ends; by folder, what became of those that did not finish."""
    from distributed import as_completed

    is_local = not (arguments.scheduler or arguments.scheduler_file)
    pending: dict[Future, Planned] = {}

    def submit(run: Planned) -> "Future":
        places = {
            name: value.absolute() if isinstance(value := getattr(run.settings, name), Path) else value
            for name in type(run.settings).PLACES
            if name not in runs.Settings.PLACES
        }
        begun = b"" if is_local or not run.folder.exists() else remote.pack(run.folder)
        folder = run.folder.absolute() if is_local else None
        task = remote.Task(arguments.experiment, run.settings.recorded(), places, code, folder, begun)
        future = client.submit(remote.train, task, pure=False, retries=arguments.retries)
        pending[future] = run
        return future

    # A worker's death is charged to all the runs that it holds. So our own workers hold one each.
    queue = iter(missing)
    at_once = arguments.workers if is_local else len(missing)
    said: dict[Path, str] = {}
    with _bar(len(missing)) as tell:
        ended = as_completed([submit(run) for run in itertools.islice(queue, at_once)], loop=client.loop)
        for future in ended:
            ended.update([submit(run) for run in itertools.islice(queue, 1)])
            run = pending.pop(future)
            outcome = _outcome(future)
            if outcome.folder:
                remote.land(outcome.folder, run.folder, arguments.experiment, run.settings)
            future.release()
            if outcome.status == "finished":
                line = _line(run.folder)
            else:
                line = said[run.folder] = f"{'failed: ' * (outcome.status != 'diverged')}{outcome.said}"
            tell(f"{run.folder.name}: {line}")
    return said


def _outcome(future: "Future") -> remote.Outcome:
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, KilledWorker):
        return remote.Outcome("failed", "each worker that it was given to died")
    if isinstance(error, (OSError, MemoryError)):  # of the worker's disk or memory
        return remote.Outcome("failed", f"{type(error).__name__}: {error}".splitlines()[0])
    raise error


def _line(folder: Path) -> str:
    name, value = headline(runs.read_metrics(folder)["match"])
    judged = _row(folder)["reference"]
    words = "accepted" if judged == "matches" else f"not accepted, {judged}" if judged != "none" else "no reference"
    return f"{name} {value:.4g}, {words}"


def _row(folder: Path) -> dict[str, Any]:
    # As in the table of seeds.py; for an experiment without a reference, its metrics.
    try:
        reference_path(folder, None)
    except ValueError:
        metrics = runs.read_metrics(folder)
        seconds = metrics["seconds"]["total"]
        return {**metrics["match"], "value": metrics["value"], "seconds": seconds, "reference": "none"}
    return row(folder)


@contextlib.contextmanager
def _bar(total: int) -> "Iterator[Any]":
    on_screen, done = sys.stdout.isatty(), 0

    def draw() -> None:
        if on_screen:
            filled = 30 * done // total
            print(f"\r[{'=' * filled}{' ' * (30 - filled)}] {done} of {total} runs", end="", flush=True)

    def tell(line: str) -> None:
        nonlocal done
        done += 1
        print("\r\x1b[K" * on_screen + line, flush=True)
        draw()

    draw()
    yield tell
    print("\r\x1b[K" * on_screen, end="")


def summarize(arguments: Arguments, planned: Sequence[Planned], said: dict[Path, str]) -> None:
    """Print a table for each setting, and draw the picture of them all."""
    from sweep_picture import Setting, sweep

    shown: list[Setting] = []
    target = None
    for label, group in itertools.groupby(planned, key=lambda run: run.label):
        print(f"\n{arguments.experiment} {label}")
        finished = []
        for run in group:
            if run.folder in said:
                print(f"{run.folder.name}: {said[run.folder]}")
            else:
                finished.append(run.folder)
        if not finished:
            continue
        print(tabulate([folder.name for folder in finished], [_row(folder) for folder in finished]))
        with contextlib.suppress(ValueError):  # it has none
            target = recordings.load(reference_path(finished[0], None))
        made = [recordings.of_run(folder) for folder in finished]
        judged: list[Sequence[Row]] = [compare(recording, target) for recording in made] if target else []
        shown.append(Setting(label.partition("-")[2] or label, made, judged))
    if not shown:
        return
    picture = arguments.output / arguments.experiment / f"sweep-{planned[0].settings.preset}.png"
    config = {"experiment": arguments.experiment, "seeds": arguments.seeds, "set": arguments.set}
    print("\nwritten:", *runs.save_picture(picture, sweep(shown, target), config), sep="\n  ")


if __name__ == "__main__":
    with runs.exit_statuses() as ending:
        ending.append("the same command goes on, and skips what is finished")
        sys.exit(0 if main(tyro.cli(Arguments, description=__doc__)) else 3)
