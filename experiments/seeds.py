"""A table over seeds: `python experiments/seeds.py RUN...`, say `runs/gaussian/scalar-seed*`.

A row is of the generator that a run ended with: how well it matches the data, and what the run's reference says of it.
(A reference of several histograms, as `notebook`, judges the run's whole course instead.) Below are the median, the
least and the greatest over the runs. The tables of the README are made with it.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from compare import reference_path

from gan_paper import runs
from gan_paper.measure.comparison import compare
from gan_paper.runs import recordings

UNITS = {"wasserstein": "std", "jsd": "nats", "value": "nats"}
"""The units that the header names; `std` is the standard deviation of the data."""


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
    rows = [_row(folder, arguments.reference) for folder in arguments.folders]
    if not rows:
        raise runs.Refused("RUN... must name at least one run's folder")
    names = list(rows[0])
    for folder, row in zip(arguments.folders, rows, strict=True):
        if list(row) != names:
            raise runs.Refused(f"{folder} reports other statistics than {arguments.folders[0]}")
    table: list[list[Any]] = [["", *(f"{name} ({UNITS[name]})" if name in UNITS else name for name in names)]]
    table += [[folder.name, *row.values()] for folder, row in zip(arguments.folders, rows, strict=True)]
    figures = names[:-1]
    for label, summary in (("median", statistics.median), ("least", min), ("greatest", max)):
        table.append([label, *(summary([row[name] for row in rows]) for name in figures), ""])
    print(runs.table(table))


def _row(folder: Path, reference: str | None) -> dict[str, Any]:
    metrics = runs.read_metrics(folder)
    try:
        gap = {name: gap for name, gap in metrics["discriminator"].items() if name == "largest_gap"}
        row = {**metrics["match"], "value": metrics["value"], **gap, "seconds": metrics["seconds"]["total"]}
    except (KeyError, TypeError, AttributeError):
        raise runs.Refused(f"{folder / 'metrics.json'} holds no match of a run with its data") from None
    try:
        rows = compare(recordings.of_run(folder), recordings.load(reference_path(folder, reference)))
    except ValueError as error:
        raise runs.Refused(f"{folder}: {error}") from None
    failed = [row.name for row in rows if not row.holds]
    return {**row, "reference": "fails " + ", ".join(failed) if failed else "matches"}


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
