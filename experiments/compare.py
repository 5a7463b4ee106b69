"""Compares a run with a reference: `python experiments/compare.py RUN [--reference NAME_OR_PATH]`.

Prints a table (statistic, run, reference, limit, holds) and exits 0 when the run matches, 1 when it does not, 2 when it
cannot tell, for bad input. For a run's folder it draws the two side by side into `RUN/comparison-NAME.png` and `.pdf`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from gan_paper import files, runs
from gan_paper.histograms import Recording, compare

REFERENCES = Path(__file__).parent.parent / "figures" / "reference"


@dataclass(frozen=True)
class Arguments:
    """Compare a run, or anybody's samples, with a reference."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run's folder, or a .npy file of samples, one a row."""
    reference: str | None = None
    """A name in figures/reference/, or the path of an .npz [default: that of the run's experiment, or gaussian]."""


def main(arguments: Arguments) -> bool:
    """Print the comparison and draw it; whether the run matches.

    Raises:
        runs.Refused: if the run or the reference cannot be read.
    """
    try:
        path = reference_path(arguments.run, arguments.reference)
        reference = Recording.load(path)
        run = _recording(arguments.run, reference)
        rows = compare(run, reference)
    except ValueError as error:
        raise runs.Refused(str(error)) from None

    print(f"{arguments.run} against {path.stem}: {reference.provenance}")
    print(
        runs.table(
            [
                ("statistic", "run", "reference", "limit", "holds"),
                *((*row[:-1], "yes" if row.holds else "NO") for row in rows),
            ]
        )
    )
    matches = all(row.holds for row in rows)
    print("the run matches" if matches else "the run does not match")
    if run.histogram().total < 1000:
        print(f"{run.histogram().total:.0f} values are few: differences that 1,000 would show may go unseen")
    if arguments.run.is_dir():
        _draw(arguments.run, run, reference, path.stem)
    return matches


def reference_path(run: Path, reference: str | None) -> Path:
    """The file of a reference by its name or path; by default, that of the run's experiment.

    Raises:
        ValueError: if there is none.
    """
    names = sorted(path.stem for path in REFERENCES.glob("*.npz"))
    name = reference or _default_reference(run, names)
    if name in names:
        return REFERENCES / f"{name}.npz"
    if not Path(name).exists():
        raise ValueError(f"--reference {name} is neither a file nor one of {', '.join(names)}")
    return Path(name)


def _default_reference(run: Path, names: list[str]) -> str:
    config = _config(run)
    candidates = [f"{config.get('experiment')}-{config.get('settings', {}).get('preset')}", config.get("experiment")]
    return next((name for name in candidates if name in names), "gaussian")


def _config(run: Path) -> dict[str, Any]:
    return runs.read_config(run) if (run / "config.json").exists() else {}


def _recording(path: Path, reference: Recording) -> Recording:
    if path.is_dir():
        return Recording.of_run(path)
    if path.suffix != ".npy":
        raise ValueError(f"{path} is neither a run's folder nor a .npy file of samples")
    recording = Recording(reference.edges)
    recording.record(0, files.read_samples(path))
    return recording


def _draw(folder: Path, run: Recording, reference: Recording, name: str) -> None:
    import matplotlib.pyplot as plt

    from gan_paper import figures

    draw = figures.against_distribution if len(reference.iterations) == 1 else figures.against_course
    picture = folder / f"comparison-{name}.png"
    figure = draw(run, reference, f"{folder.name} against {name}")
    written = runs.save_picture(picture, figure, {"experiment": folder.name, **_config(folder)})
    plt.close(figure)
    print("written:", *map(str, written), sep="\n  ")


if __name__ == "__main__":
    with runs.exit_statuses():
        sys.exit(0 if main(runs.cli(Arguments, description=__doc__)) else 1)
