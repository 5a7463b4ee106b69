"""The figures of `compare.py`: a run, or samples, and what it is compared with."""

from typing import Any

from gan_paper.metrics import Recording
from gan_paper.plots import BINS, GENERATOR, SMALL, STYLE, THEORY, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

LINES: tuple[dict[str, Any], ...] = (
    {"color": GENERATOR["color"], "linewidth": 1},
    {"color": "#e69f00", "marker": "o", "markersize": 3, "linewidth": 1},
)
MOMENT_TITLES = {"mean": "mean", "std": "standard deviation", "std_across_noise": "standard deviation across z"}


def over_one_another(run: Recording, reference: Recording, names: tuple[str, str]) -> Figure:
    """The last histograms of a run over those of a reference, a column a view, with the difference below.

    Args:
        run: Of the run.
        reference: Of the reference, whose views are drawn; it is counted over the run's bins.
        names: Of the run, and of the reference.
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


def over_training(run: Recording, reference: Recording, names: tuple[str, str], columns: int = 6) -> Figure:
    """The histograms of two trainings at the iterations that the second recorded, and the moments of both below."""
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
