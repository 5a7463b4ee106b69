"""Tables over runs: `python experiments/tables.py [RUN...] [--collect FOLDER] [--write]`.

With runs of one experiment, say `runs/gaussian/seed*`, it prints a row of metrics for each, what the run's reference
says of it, and the median, the least and the greatest over the runs.

Without runs it prints the tables of the pages in `docs/`, Table 1 among them, which are made from `figures/reference`:
`results/` holds the metrics of each seed, a file a preset; the others, such as `mnist/`, hold runs on images.
`--collect` takes them from finished runs, and `--write` puts the tables into the pages.
"""

import json
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from gan_paper import run
from gan_paper.run import files

import page_tables
import tyro
from page_tables import REFERENCES, Metrics, changed_settings

UNITS = {"wasserstein": "std", "jsd": "nats", "value": "nats", "log_likelihood": "nats"}
"""Units in a table over runs, which calls the metrics by their names in `metrics.json`."""
NO_METRICS = ("experiment", "preset", "seed", "iterations", "train_seconds", "iterations_per_second")
"""What a table over runs leaves out of `metrics.json`."""


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")] = (),
    collect: Path | None = None,
    write: bool = False,
) -> None:
    """Print a table over runs, or the tables of the pages.

    Args:
        runs: Folders of finished runs of one experiment [default: print the tables of the pages].
        collect: Folder of finished runs, EXPERIMENT/[PRESET-]seedN, whose metrics `figures/reference` takes in.
        write: Put the tables into the pages.
    """
    if runs and (collect or write):
        raise run.Refused("RUN must be left out with --collect and --write, which concern the tables of the pages")
    if runs:
        print(over_seeds(runs))
        return
    if collect:
        keep(collect)
    for name, make in page_tables.TABLES.items():
        print(f"{name}\n\n{make()}\n")
    if write:
        for page in page_tables.PAGES:
            files.write_text(page, page_tables.filled(page.read_text(encoding="utf-8")))
        print("written: the tables in docs/")


def summary(folder: Path) -> Metrics:
    """A finished run's metrics by name; the last, `reference`, is what its reference says of it."""
    metrics = run.read_metrics(folder)
    reference = run.find_reference(folder, REFERENCES)
    return {**_numbers(metrics), "reference": run.verdict(run.read_recording(folder), reference, metrics)}


def headline(metrics: Mapping[str, Any]) -> tuple[str, float]:
    """The one metric that a list of runs shows, with its name: the log-likelihood, or else the first."""
    numbers = _numbers(metrics)
    name = "log_likelihood" if "log_likelihood" in numbers else next(iter(numbers))
    return name, numbers[name]


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {n: float(v) for n, v in metrics.items() if isinstance(v, int | float) and n not in NO_METRICS}


def over_seeds(folders: Sequence[Path]) -> str:
    """The table of finished runs of the same metrics, with the median, the least and the greatest below."""
    names = [folder.name if len({f.name for f in folders}) == len(folders) else str(folder) for folder in folders]
    rows = dict(zip(names, map(summary, folders), strict=True))
    (first, metrics), *others = rows.items()
    for name, row in others:
        if list(row) != list(metrics):
            raise run.Refused(f"{name} reports other metrics than {first}")
    *columns, reference = metrics
    table: list[list[Any]] = [["", *(f"{n} ({UNITS[n]})" if n in UNITS else n for n in columns), reference]]
    table += [[name, *row.values()] for name, row in rows.items()]
    for label, statistic in (("median", statistics.median), ("least", min), ("greatest", max)):
        table.append([label, *(statistic([row[name] for row in rows.values()]) for name in columns), ""])
    return run.table(table)


def keep(folder: Path) -> None:
    """Keep the metrics of all finished runs in a folder: a file for each preset, a folder for each run on images.

    Runs whose settings differ from their preset's, by the names of their folders, are left out; those on images are
    rows of their own.
    """
    found = sorted(folder.glob("*/*/metrics.json"))
    if not found:
        raise run.Refused(f"--collect {folder} holds no finished run")
    presets: dict[str, Metrics] = {}
    for path in found:
        metrics = run.read_metrics(path.parent)
        versions = run.read_config(path.parent)["versions"]
        experiment, seed, name = metrics["experiment"], str(metrics["seed"]), path.parent.name
        if any(metric.startswith("last_iterate_") for metric in metrics):  # of an experiment on images
            place = REFERENCES / experiment / name
            place.mkdir(parents=True, exist_ok=True)
            is_new = not (place / path.name).exists() or (place / path.name).read_bytes() != path.read_bytes()
            for file in ("config.json", "history.csv", "metrics.json", "measures.json"):
                if path.with_name(file).exists():
                    shutil.copyfile(path.with_name(file), place / file)
                elif is_new:  # the measures are of an earlier run
                    (place / file).unlink(missing_ok=True)
        elif not changed_settings(name, metrics):
            preset = f"{experiment}-{name}".removesuffix(f"-seed{seed}")
            presets.setdefault(preset, {})[seed] = metrics | {"commit": versions.get("commit")}
    for preset, seeds in presets.items():
        path = REFERENCES / "results" / f"{preset}.json"
        seeds = (json.loads(files.read_text(path)) if path.exists() else {}) | seeds
        files.write_text(path, json.dumps(dict(sorted(seeds.items(), key=lambda seed: int(seed[0]))), indent=1) + "\n")


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
