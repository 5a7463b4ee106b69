"""A table over seeds: `python experiments/seeds.py RUN...`, say `runs/gaussian/scalar-seed*`.

A row is of the generator that a run ended with: how well it matches the data, and what the run's reference says of it.
(A reference of several histograms, as `notebook`, judges the run's whole course instead.) Below are the median, the
least and the greatest over the runs. The tables of the README are made with it.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import runs
from gan_paper.measure.comparison import compare
from gan_paper.runs import recordings

import tyro
from compare import reference_path

UNITS = {"wasserstein": "std", "jsd": "nats", "value": "nats"}
"""The units that the header names; `std` is the standard deviation of the data."""
MOST = 100_000
"""Runs in a sweep."""


@dataclass(frozen=True)
class Arguments:
    """Tabulate runs of one experiment."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """The runs' folders."""
    reference: str | None = None
    """A name in figures/reference/, or the path of an .npz [default: that of each run's experiment]."""


def main(arguments: Arguments) -> None:
    """Print the table.

    Raises:
        runs.Refused: if a folder holds no finished run, a reference cannot judge it, or the runs do not report the same
            statistics.
    """
    rows = [row(folder, arguments.reference) for folder in arguments.folders]
    if not rows:
        raise runs.Refused("RUN... must name at least one run's folder")
    for folder, figures in zip(arguments.folders, rows, strict=True):
        if list(figures) != list(rows[0]):
            raise runs.Refused(f"{folder} reports other statistics than {arguments.folders[0]}")
    print(tabulate([folder.name for folder in arguments.folders], rows))


def tabulate(labels: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of runs, with the median, the least and the greatest below.

    Args:
        labels: Of the runs.
        rows: Of `row`, one a run, at least one, with the same names.
    """
    *figures, judged = rows[0]
    names = [*(f"{name} ({UNITS[name]})" if name in UNITS else name for name in figures), judged]
    table: list[list[Any]] = [["", *names]]
    table += [[label, *values.values()] for label, values in zip(labels, rows, strict=True)]
    for label, summary in (("median", statistics.median), ("least", min), ("greatest", max)):
        table.append([label, *(summary([values[name] for values in rows]) for name in figures), ""])
    return runs.table(table)


def headline(match: Mapping[str, float]) -> tuple[str, float]:
    """The one figure of a run's match that a list of runs shows, with its name."""
    name = "log_likelihood" if "log_likelihood" in match else next(iter(match))
    return name, match[name]


def row(folder: Path, reference: str | None = None) -> dict[str, Any]:
    """A finished run's figures by name; the last, `reference`, is what its reference says of it.

    Raises:
        runs.Refused: if it holds no finished run, or a reference cannot judge it.
    """
    metrics = runs.read_metrics(folder)
    try:
        gap = {name: gap for name, gap in metrics["discriminator"].items() if name == "largest_gap"}
        figures = {**metrics["match"], "value": metrics["value"], **gap, "seconds": metrics["seconds"]["total"]}
    except (KeyError, TypeError, AttributeError):
        raise runs.Refused(f"{folder / 'metrics.json'} holds no match of a run with its data") from None
    try:
        rows = compare(recordings.of_run(folder), recordings.load(reference_path(folder, reference)))
    except ValueError as error:
        raise runs.Refused(f"{folder}: {error}") from None
    failed = [row.name for row in rows if not row.holds]
    return {**figures, "reference": "fails " + ", ".join(failed) if failed else "matches"}


def parse_seeds(text: str) -> list[int]:
    """Seeds from text such as 0,2,5-7, without repetition."""
    seeds: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)) or int(last or first) > 1_000_000_000:
            raise runs.Refused(f"--seeds must be whole numbers to 1e9 and ranges of them, say 0,2,5-7, not {text!r}")
        if int(last or first) - int(first) >= MOST:
            raise runs.Refused(f"--seeds {text} are too many; at most {MOST} runs are accepted")
        seeds.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    if not seeds:
        raise runs.Refused(f"--seeds {text} holds no seed: a range rises")
    return list(seeds)


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
