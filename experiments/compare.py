"""Compares a run with a reference: `python experiments/compare.py RUN [--reference NAME_OR_PATH]`.

Prints a table (statistic, unit, run, reference, limit, holds) and what is wrong with the run. For a run's folder it
draws the two side by side into `RUN/comparison-NAME.png` and `.pdf`.

Where both are .npy files, of any number of coordinates, it prints a table of these, and tests whether the two come from
one distribution: by permutations of their energy distance, and by each coordinate's Kolmogorov-Smirnov distance.

Exit statuses: 0 the run matches, or the samples cannot be told apart; 1 they do not match; 2 it cannot tell, for too
few samples or other bad input.
"""

import importlib
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import runs
from gan_paper.measure.comparison import compare
from gan_paper.measure.histogram import Floats
from gan_paper.measure.recording import Recording, View
from gan_paper.measure.samples import POINTS, permutation_test
from gan_paper.runs import files, recordings

import tyro

REFERENCES = Path(__file__).parent.parent / "figures" / "reference"
LEVEL = 0.01
"""Two files of samples differ where the p-value is below."""
SHOWN, LARGEST = 20, 10
"""Of more than so many coordinates, a table shows so many."""


@dataclass(frozen=True)
class Arguments:
    """Compare a run, or anybody's samples, with a reference."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run's folder, or a .npy file of samples, one a row."""
    reference: str | None = None
    """A name in figures/reference/, or the path of an .npz; for a .npy file also that of other samples, in another
    .npy file [default: that of the run's experiment, or gaussian]."""


def main(arguments: Arguments) -> bool:
    """Print the comparison and draw it; whether the run matches.

    Raises:
        runs.Refused: if the run or the reference cannot be read, or there are too few samples to tell.
    """
    run, name = arguments.run, arguments.reference
    if name and name.endswith(".npy"):
        return _against_samples(run, Path(name))
    try:
        path = reference_path(run, name)
        reference = recordings.load(path)
        recording = recordings.of_run(run) if run.is_dir() else _count(run, path, reference, default=name is None)
        rows = compare(recording, reference)
    except ValueError as error:
        raise runs.Refused(str(error)) from None

    print(f"{run} against {path.stem}{'' if name else ', the default'}: {reference.provenance}")
    table: list[tuple[Any, ...]] = [("statistic", "unit", "run", "reference", "limit", "holds")]
    table += [(r.name, r.statistic.unit, r.run, r.reference, r.limit, "yes" if r.holds else "NO") for r in rows]
    print(runs.table(table))
    faults = [row.fault for row in rows if not row.holds]
    print("the run does not match:" if faults else "the run matches", *faults, sep="\n  ")
    if run.is_dir():
        _draw(run, recording, reference, path.stem)
    return not faults


def verdict(recording: Recording, experiment: str, preset: str) -> str:
    """What the reference of an experiment says of a run, in a line; nothing if there is none.

    Args:
        recording: Of the run.
        experiment: Its experiment.
        preset: Its preset.

    Returns:
        `accepted by NAME`, `not accepted by NAME: ` and what is wrong, or `cannot be told: ` and why.
    """
    path = _of_experiment(experiment, preset)
    if path is None:
        return ""
    try:
        faults = [row.fault for row in compare(recording, recordings.load(path)) if not row.holds]
    except ValueError as error:
        return f"cannot be told: {error}"
    return f"not accepted by {path.stem}: {'; '.join(faults)}" if faults else f"accepted by {path.stem}"


def reference_path(run: Path, reference: str | None) -> Path:
    """The file of a reference by its name or path; by default, that of the run's experiment.

    Raises:
        ValueError: if there is none.
    """
    names = sorted(path.stem for path in REFERENCES.glob("*.npz"))
    if reference in names:
        return REFERENCES / f"{reference}.npz"
    if reference is not None:
        if not Path(reference).exists():
            raise ValueError(f"--reference {reference} is neither a file nor one of {', '.join(names)}")
        return Path(reference)
    if not run.is_dir():
        return REFERENCES / "gaussian.npz"
    config = runs.read_config(run)
    path = _of_experiment(config["experiment"], config["settings"].get("preset"))
    if path is None:
        raise ValueError(f"--reference must name one for a run of {config['experiment']}, say {', '.join(names)}")
    return path


def _of_experiment(experiment: str, preset: str) -> Path | None:
    paths = [REFERENCES / f"{name}.npz" for name in (f"{experiment}-{preset}", experiment)]
    return next((path for path in paths if path.exists()), None)


def _against_samples(run: Path, other: Path) -> bool:
    try:
        if run.is_dir():
            raise ValueError(
                f"{run} keeps histograms, not samples to compare with {other}: make some with "
                f"keras.models.load_model('{run}/generator.keras'), and save them as a .npy file"
            )
        samples, reference = _samples(run), _samples(other)
        energy, by_energy = permutation_test(samples, reference)
    except ValueError as error:
        raise runs.Refused(str(error)) from None
    coordinates = _coordinates(samples, reference)
    by_coordinates = len(coordinates) * min(row[-1] for row in coordinates)
    p = min(1.0, 2 * min(by_energy, by_coordinates))  # Bonferroni: two tests, one of them of every coordinate

    print(f"{run}, {len(samples):,} samples, against {other}, {len(reference):,} samples")
    header = ("coordinate", "mean", "reference", "std", "reference", "Wasserstein-1 (std)", "Kolmogorov-Smirnov", "p")
    if len(coordinates) > SHOWN:
        print(f"the {LARGEST} of {len(coordinates)} coordinates with the largest Wasserstein-1 distances:")
        coordinates = sorted(sorted(coordinates, key=lambda row: -row[5])[:LARGEST])
    print(runs.table([header, *coordinates]))
    if max(len(samples), len(reference)) > POINTS:
        print(f"the energy distance is of {POINTS:,} samples, drawn at random from each file that holds more")
    print(f"energy distance {energy:.4g} (p = {by_energy:.3f})")
    print(f"the samples {'differ' if p < LEVEL else 'cannot be told apart'} (p = {p:.3g})")
    return p >= LEVEL


def _coordinates(samples: Floats, reference: Floats) -> list[tuple[Any, ...]]:
    # A row for each: its index, means, standard deviations and distances, and the p-value of the last.
    from scipy.stats import ks_2samp, wasserstein_distance

    rows = []
    for i, (a, b) in enumerate(zip(samples.T, reference.T, strict=True)):
        distance, std, ks = wasserstein_distance(a, b), b.std(), ks_2samp(a, b, method="asymp")
        far = distance / std if std > 0 else math.inf if distance > 0 else 0.0
        rows.append((i, *map(float, (a.mean(), b.mean(), a.std(), std, far, ks.statistic, ks.pvalue))))
    return rows


def _samples(path: Path) -> Floats:
    if path.suffix != ".npy":
        raise ValueError(f"{path} is neither a run's folder nor a .npy file of samples")
    return files.read_samples(path)


def _count(path: Path, source: Path, reference: Recording, default: bool) -> Recording:
    samples = _samples(path)
    if default and samples.shape[1] > 1:
        raise ValueError(
            f"{path} holds samples of {samples.shape[1]} numbers, so --reference must name one: "
            "gaussian pools the numbers, OTHER.npy compares points"
        )
    # Over some 64 bins, as runs are: the Jensen-Shannon divergence of more would need more samples.
    edges = {view: edges[:: max(1, len(edges) // 64)] for view, edges in reference.edges.items()}
    views: dict[str, View] = {}
    experiment = source.stem.partition("-")[0]
    if source.parent == REFERENCES and Path(__file__).with_stem(experiment).exists():
        views = getattr(importlib.import_module(experiment), "VIEWS", {})  # it knows what its recordings count
    recording = Recording(edges, views)
    if unknown := recording.edges.keys() - recording.views:
        raise ValueError(f"{source} counts {' and '.join(sorted(unknown))}, which only a run of its experiment does")
    recording.record(0, samples)
    return recording


def _draw(folder: Path, run: Recording, reference: Recording, name: str) -> None:
    from compare_pictures import against_course, against_distribution

    draw = against_distribution if len(reference.iterations) == 1 else against_course
    figure = draw(run, reference, f"{folder.name} against {name}")
    picture = folder / f"comparison-{name}.png"
    runs.claim(folder, [picture.name, picture.with_suffix(".pdf").name])
    written = runs.save_picture(picture, figure, runs.read_config(folder))
    print("written:", *map(str, written), sep="\n  ")


if __name__ == "__main__":
    with runs.exit_statuses():
        sys.exit(0 if main(tyro.cli(Arguments, description=__doc__)) else 1)
