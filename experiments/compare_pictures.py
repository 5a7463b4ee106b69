"""A run beside a reference."""

from typing import Any

from gan_paper.measure.recording import Recording
from gan_paper.plots import BINS, GENERATOR, SMALL, STYLE, THEORY, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

_COURSES: dict[str, dict[str, Any]] = {
    "reference": {"color": "#e69f00", "marker": "o", "markersize": 3, "linewidth": 1},
    "run": {"color": GENERATOR["color"], "linewidth": 1},
}
_MOMENT_LABELS = {
    "mean": "pooled mean",
    "std": "pooled std",
    "std_across_noise": "std across z",
}


def against_distribution(run: Recording, reference: Recording, title: str) -> Figure:
    """A run's last histogram over a reference of one, with the difference below."""
    with plt.rc_context(STYLE):
        names = [name for name in reference.edges if name in run.edges]
        figure, axes = plt.subplots(
            2,
            len(names),
            figsize=(WIDTH, 2.9),
            squeeze=False,
            sharex="col",
            height_ratios=(3, 1),
            layout="constrained",
        )
        for (top, bottom), name in zip(axes.T, names, strict=True):
            ours = run.histogram(view=name)
            theirs = reference.histogram(view=name).rebin(ours.edges)
            top.stairs(theirs.density, ours.edges, fill=True, label="reference", **BINS)
            top.stairs(ours.density, ours.edges, label="run", **GENERATOR)
            top.set(ylabel="density")
            top.legend()
            bottom.stairs(ours.density - theirs.density, ours.edges, **GENERATOR)
            bottom.axhline(0, **THEORY)
            bottom.set(ylabel="difference", xlabel=name)
            bottom.locator_params(axis="y", nbins=3)
        figure.suptitle(title)
        figure.align_ylabels()
        return figure


def against_course(run: Recording, reference: Recording, title: str, columns: int = 6) -> Figure:
    """A run beside a reference at the iterations that the reference recorded, and the moments of both below."""
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(WIDTH, 3.7), layout="constrained")
        figure.suptitle(title)
        halves: Any = figure.subfigures(2, 1, height_ratios=(1.1, 1))
        upper, lower = halves
        shown = np.linspace(0, len(reference.iterations) - 1, columns).round().astype(int)
        pairs = ((reference, "reference", _COURSES["reference"]), (run, "run", _COURSES["run"]))
        for axes, (recording, label, style) in zip(upper.subplots(2, columns, sharex=True), pairs, strict=True):
            axes[0].set_ylabel(label)
            for ax, index in zip(axes, shown, strict=True):
                at = recording.nearest(reference.iterations[index])
                histogram = recording.histogram(at)
                ax.stairs(histogram.density, histogram.edges, fill=True, color=style["color"], alpha=0.7)
                ax.set(xlim=reference.histogram().edges[[0, -1]], yticks=[])
                ax.locator_params(axis="x", nbins=3)
                ax.set_title(f"iteration {recording.iterations[at]:,}", size=SMALL)
        for ax, (name, text) in zip(lower.subplots(1, 3), _MOMENT_LABELS.items(), strict=True):
            for recording, label, style in pairs:
                ax.plot(recording.iterations, recording.moments[name], label=label, **style)
            ax.set(title=text)
            ax.locator_params(nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
        lower.supxlabel("iteration")
        lower.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure
