"""Compares a run, or a file of samples, with a reference, with other samples, or with another run.

  compare.py RUN                 a run with its reference: the exact p_data in its folder, or else the reference of its
                                 experiment in figures/reference/
  compare.py RUN NAME            a run with another reference
  compare.py RUN RUN             the last histograms of two runs; the second run is the reference
  compare.py SAMPLES [NAME|RUN]  samples, one per row, with a reference [default: gaussian] or with a run; the values of
                                 several columns are pooled, and their dependence is not compared
  compare.py SAMPLES SAMPLES     two files of samples: a permutation test of the energy distance, with at most 5,000
                                 samples of each, and a Kolmogorov-Smirnov test of each dimension. It also prints how
                                 small a difference the first test detects

SAMPLES is a .npy file, a .csv file of one column, or an .npz file of one array. If there are several columns or arrays,
--columns names those that hold the samples. The script prints a table and what is wrong, and draws both distributions.

Exit statuses: 0 the run is accepted, or the samples cannot be told apart; 1 they differ; 2 there are too few samples to
tell, or other bad input.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import run
from gan_paper.metrics import MOMENTS, VIEWS, Floats, Recording, View
from gan_paper.metrics.comparison import compare
from gan_paper.metrics.distances import POINTS, permutation_test
from gan_paper.plots import BINS, GENERATOR, SMALL, STYLE, THEORY, WIDTH
from gan_paper.run.files import read_arrays
from gan_paper.run.folder import OWN

import matplotlib.pyplot as plt
import numpy as np
import tyro
from matplotlib.figure import Figure
from page_tables import REFERENCES
from samples import read_samples
from scipy.stats import ks_2samp, wasserstein_distance

EXPERIMENTS = Path(__file__).resolve().parent
FIGURE = Path("comparison.png")
LEVEL = 0.01
"""Two files of samples differ if the p-value is below this significance level."""
LINES: tuple[dict[str, Any], ...] = (
    {"color": GENERATOR["color"], "linewidth": 1},
    {"color": "#e69f00", "marker": "o", "markersize": 3, "linewidth": 1},
)
MOMENT_TITLES = {"mean": "mean", "std": "standard deviation", "std_across_noise": "standard deviation across z"}
IN_TABLE, IN_FIGURE = 10, 3
"""The most dimensions that the table and the figure show: those with the largest distances."""


@dataclass(frozen=True)
class Arguments:
    """Compare a run, or samples, with a reference, samples or a run."""

    subject: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run's folder, or a .npy, .npz or .csv file of samples, one per row."""
    other: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="OTHER")] = None
    """Another run's folder, a file of other samples, a name in figures/reference/, or the path of a reference
    [default: the reference of the run; gaussian for samples of one number]."""
    columns: tuple[str, ...] = ()
    """The columns of .csv files, or the arrays of .npz files, that hold the samples; only where there are several."""
    output: Path | None = None
    """The figure, which is written as .png and as .pdf and replaces an existing one
    [default: comparison-NAME.png in the run's folder; comparison.png here for samples]."""


def main(arguments: Arguments) -> bool:
    """Print and draw the comparison; return whether the run is accepted, or the samples cannot be told apart.

    Raises:
        run.Refused: if something cannot be read, or there are too few samples to tell.
    """
    try:
        if arguments.other and are_samples(Path(arguments.other)):
            return with_samples(arguments, Path(arguments.other))
        return with_reference(arguments)
    except ValueError as error:
        raise run.Refused(str(error)) from None


def are_samples(path: Path) -> bool:
    """Whether a path is a file of samples, by its suffix; an `.npz` file may also be a reference, or a run's."""
    is_archive = path.suffix == ".npz" and path.exists()
    return path.suffix in (".npy", ".csv") or (is_archive and "views" not in read_arrays(path))


def with_reference(arguments: Arguments) -> bool:
    """Compare a run, or samples, with a reference or another run, statistic by statistic."""
    subject, name = arguments.subject, arguments.other
    path = reference_path(subject, name)
    reference = run.read_recording(path)
    if not reference.provenance:  # it is a run's
        reference = last_record(reference)
    title = "p_data" if path.name == OWN else path.name.removesuffix(".npz")
    metrics: Mapping[str, Any] = {}
    if subject.is_dir():
        content, recording = run.read_config(subject), run.read_recording(subject)
        if name is None and (subject / "metrics.json").exists():
            metrics = run.read_metrics(subject)
    else:
        samples = read_samples(subject, arguments.columns)
        if name is None and samples.shape[1] > 1:
            raise run.Refused(
                f"{subject} holds samples of {samples.shape[1]} numbers, so say what to compare it with: "
                "gaussian pools the numbers, another file of samples compares points"
            )
        content, recording = {"experiment": subject.name}, count(samples, reference, path)
    rows = compare(recording, reference, metrics)

    print(f"{subject} with {title}{'' if name else ', the default'}: {reference.provenance}")
    table: list[tuple[Any, ...]] = [("statistic", "unit", "run", "reference", "limit", "holds")]
    table += [(r.name, r.statistic.unit, r.run, r.reference, r.limit, "yes" if r.holds else "NO") for r in rows]
    print(run.table(table))
    columns = recording.samples[-1].shape[-1]  # also if no samples are kept
    if columns > 1 and reference.edges.keys() <= VIEWS.keys():
        print(f"compared: the values of {columns} columns, pooled; not how one column depends on another")
    faults = [row.fault for row in rows if not row.holds]
    print(f"not accepted by {title}:" if faults else f"accepted by {title}", *faults, sep="\n  ")
    draw = over_one_another if len(reference.iterations) == 1 else over_training
    place = subject / f"comparison-{title}.png" if subject.is_dir() else FIGURE
    figure = draw(recording, reference, (subject.resolve().name, title))
    print("written:", *run.save_figure(arguments.output or place, figure, content), sep="\n  ")
    return not faults


def reference_path(subject: Path, name: str | None) -> Path:
    """The file of a reference, or the folder of another run; by default, the run's own reference.

    Raises:
        run.Refused: if there is none.
    """
    names = sorted(path.stem for path in REFERENCES.glob("*.npz"))
    if name is None:
        path = run.find_reference(subject, REFERENCES) if subject.is_dir() else REFERENCES / "gaussian.npz"
    else:
        path = REFERENCES / f"{name}.npz" if name in names else Path(name).resolve()
    if path is None or not path.exists():
        raise run.Refused(f"OTHER must be a run, a file, or one of {', '.join(names)}; {name or subject} has none")
    return path.parent if path.name == "histograms.npz" else path


def last_record(run: Recording) -> Recording:
    """The last record of a run as a reference, with the run's tolerance."""
    provenance = f"a run, at iteration {run.iterations[-1]:,}"
    reference = Recording(run.edges, provenance=provenance, tolerance=run.tolerance, limits=run.limits)
    mean, std, across = (run.moments[name][-1] for name in MOMENTS)
    reference.add(run.iterations[-1], (mean, std, across), {view: run.histogram(view=view) for view in run.edges})
    return reference


def count(samples: Floats, reference: Recording, path: Path) -> Recording:
    """Count samples (N, n) over the views of the reference at `path`."""
    # The first view has some 64 bins, as in a run: with more, the Jensen-Shannon divergence would need more samples.
    main = reference.edges[reference.main][:: max(1, len(reference.edges[reference.main]) // 64)]
    recording = Recording({**reference.edges, reference.main: main}, views_of(reference, path))
    recording.record(0, samples)
    return recording


def views_of(reference: Recording, path: Path) -> Mapping[str, View]:
    """The views that a reference has beside the common `VIEWS`: those in its experiment's own `VIEWS`."""
    if reference.edges.keys() <= VIEWS.keys():
        return {}
    experiment = path.stem.partition("-")[0] if path.parent == REFERENCES else run.read_config(path)["experiment"]
    views = getattr(run.load_experiment(experiment, EXPERIMENTS), "VIEWS", {})
    if unknown := reference.edges.keys() - VIEWS.keys() - views.keys():
        raise run.Refused(f"{path} counts {' and '.join(sorted(unknown))}, which {experiment}.py does not define")
    return views


def with_samples(arguments: Arguments, other: Path) -> bool:
    """Test whether two files of samples come from one distribution."""
    subject = arguments.subject
    if subject.is_dir():
        raise run.Refused(f"{subject} keeps histograms, not samples: name {other} first, to count it over these bins")
    samples, reference = read_samples(subject, arguments.columns), read_samples(other, arguments.columns)
    found = permutation_test(samples, reference, LEVEL / 2)
    dimensions = each_dimension(samples, reference)
    by_dimensions = len(dimensions) * min(row[-1] for row in dimensions)
    p_of_both = min(1.0, 2 * min(found.p, by_dimensions))  # Bonferroni: two tests, one of them of every dimension

    print(f"{subject}, {len(samples):,} samples, with {other}, {len(reference):,} samples")
    header = ("dimension", "mean", "reference", "std", "reference", "Wasserstein-1 (std)", "Kolmogorov-Smirnov", "p")
    farthest = sorted(dimensions, key=lambda row: -row[5])
    if len(dimensions) > IN_TABLE:
        print(f"the {IN_TABLE} of {len(dimensions)} dimensions with the largest Wasserstein-1 distances:")
        dimensions = sorted(farthest[:IN_TABLE])
    print(run.table([header, *dimensions]))
    if max(len(samples), len(reference)) > POINTS:
        print(f"the energy distance is of {POINTS:,} samples, drawn at random from each file that holds more")
    print(f"energy distance {found.energy:.4g} (p = {found.p:.3f})")
    seen = f"a shift of every dimension by {found.shift:.2g} standard deviations, or a scale of {found.scale:.3g}"
    print(f"this test detects {seen}, in half of all cases")
    print(f"the samples {'differ' if p_of_both < LEVEL else 'cannot be told apart'} (p = {p_of_both:.3g})")
    drawn = sorted(row[0] for row in farthest[:IN_FIGURE])
    figure = draw_dimensions(samples, reference, drawn, (subject.name, other.name))
    content = {"experiment": subject.name}
    print("written:", *run.save_figure(arguments.output or FIGURE, figure, content), sep="\n  ")
    return p_of_both >= LEVEL


def each_dimension(samples: Floats, reference: Floats) -> list[tuple[Any, ...]]:
    """A row for each dimension: its index, means, standard deviations, distances, and the p-value of the last."""
    rows = []
    for i, (a, b) in enumerate(zip(samples.T, reference.T, strict=True)):
        distance, std, ks = wasserstein_distance(a, b), b.std(), ks_2samp(a, b, method="asymp")
        in_stds = distance / std if std > 0 else math.inf if distance > 0 else 0.0
        rows.append((i, *map(float, (a.mean(), b.mean(), a.std(), std, in_stds, ks.statistic, ks.pvalue))))
    return rows


def draw_dimensions(samples: Floats, reference: Floats, indices: Sequence[int], names: tuple[str, str]) -> Figure:
    """Histograms of some dimensions of samples (N, n) over those of others (M, n)."""
    edges = {f"dimension {i}": np.histogram_bin_edges(np.append(samples[:, i], reference[:, i]), 32) for i in indices}
    views = {f"dimension {i}": lambda points, i=i: points[:, [i]] for i in indices}
    recordings = Recording(edges, views), Recording(edges, views)
    for recording, points in zip(recordings, (samples, reference), strict=True):
        recording.record(0, points)
    return over_one_another(*recordings, names)


def over_one_another(run: Recording, reference: Recording, names: tuple[str, str]) -> Figure:
    """The last histograms of a run over those of a reference, a column for each view, with the difference below.

    Args:
        run: Recording of the run.
        reference: Recording of the reference, whose views are drawn, in the run's bins.
        names: Names of the run and of the reference.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            2, len(reference.edges), figsize=(WIDTH, 3.0), squeeze=False,
            sharex="col", height_ratios=(3, 1), layout="constrained",
        )  # fmt: skip
        for (top, bottom), view in zip(axes.T, reference.edges, strict=True):
            ours = run.histogram(view=view)
            theirs = reference.histogram(view=view).rebin(ours.edges)
            top.stairs(theirs.density, ours.edges, fill=True, label=names[1], **BINS)
            top.stairs(ours.density, ours.edges, label=names[0], **GENERATOR)
            bottom.stairs(ours.density - theirs.density, ours.edges, **GENERATOR)
            bottom.axhline(0, **THEORY)
            bottom.set(xlabel=view)
            bottom.locator_params(axis="y", nbins=3)
        axes[0, 0].set(ylabel="density")
        axes[1, 0].set(ylabel="difference")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center")
        figure.align_ylabels()
        return figure


def over_training(run: Recording, reference: Recording, names: tuple[str, str]) -> Figure:
    """The histograms of two trainings at six iterations that the second recorded, and the moments of both below."""
    columns = 6
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(WIDTH, 3.9), layout="constrained")
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.1, 1))[:, 0]
        shown = np.linspace(0, len(reference.iterations) - 1, columns).round().astype(int)
        lines = list(zip((run, reference), ("run", "reference"), names, LINES, strict=True))
        for row, (recording, role, _, style) in zip(upper.subplots(2, columns, sharex=True), lines, strict=True):
            row[0].set_ylabel(role)
            for ax, index in zip(row, shown, strict=True):
                at = recording.nearest(reference.iterations[index])
                histogram = recording.histogram(at)
                ax.stairs(histogram.density, histogram.edges, fill=True, color=style["color"], alpha=0.7)
                ax.set(xlim=reference.histogram().edges[[0, -1]], yticks=[])
                ax.locator_params(axis="x", nbins=3)
                ax.set_title(f"iteration {recording.iterations[at]:,}", size=SMALL)
        panels = lower.subplots(1, len(MOMENT_TITLES))
        for ax, (moment, title) in zip(panels, MOMENT_TITLES.items(), strict=True):
            for recording, role, name, style in lines:
                ax.plot(recording.iterations, recording.moments[moment], label=f"{role}: {name}", **style)
            ax.set(title=title)
            ax.locator_params(nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
        lower.supxlabel("iteration")
        lower.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure


if __name__ == "__main__":
    with run.exit_statuses():
        sys.exit(0 if main(tyro.cli(Arguments, description=__doc__)) else 1)
