"""p_g against p_data, in still and moving histograms."""

from collections.abc import Mapping
from typing import Any

from gan_paper.distributions import Distribution
from gan_paper.metrics.histograms import MOMENTS, Histogram, Recording
from gan_paper.plots.animation import SCREEN, Pixels, animate
from gan_paper.plots.style import BINS, DATA, GENERATOR, SMALL, STYLE, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Shown = Mapping[str, tuple[Distribution, str]]
"""By the name of a recording's view, a row each: the data's distribution in it, and the label of its axis."""


def histograms(recording: Recording, shown: Shown) -> Figure:
    """p_data against p_g at five recorded iterations, a column each, with a row for each view shown.

    They are the first, and four evenly spaced in log up to the last. The mean mu and the standard deviation sigma are
    those of p_g.
    """
    first, *later = recording.iterations
    iterations = [first, *np.geomspace(later[0], later[-1], 4)] if later else [first]
    with plt.rc_context(STYLE):
        indices = sorted({recording.nearest(iteration) for iteration in iterations})
        columns = len(indices)
        figure, axes = plt.subplots(
            len(shown), columns, figsize=(WIDTH, 0.4 + 1.35 * len(shown)), squeeze=False,
            sharex="row", sharey="row", layout="constrained",
        )  # fmt: skip
        for ax, index in zip(axes[0], indices, strict=True):
            ax.set_title(f"iteration {recording.iterations[index]:,}", pad=14)  # above the caption
        for row, (name, (p_data, label)) in zip(axes, shown.items(), strict=True):
            for ax, index in zip(row, indices, strict=True):
                _against_data(ax, recording.histogram(index, name), p_data)
                ax.locator_params(nbins=3)
                caption = _caption(recording, index, name)
                ax.text(0.5, 1.03, caption, transform=ax.transAxes, ha="center", va="bottom", size=SMALL)
            # one label for the row, in the middle: of a panel, or between two
            row[columns // 2].set_xlabel(label, x=0.5 * (columns % 2))
        figure.supylabel("density")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return figure


def histograms_animation(recording: Recording, shown: Shown) -> list[Pixels]:
    """The same story as `histograms`, moving: pictures (height, width, 3) of recorded iterations, evenly spread."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(shown), figsize=(3.5 * len(shown), 8 / 3), squeeze=False, layout="constrained", dpi=SCREEN
        )
        stairs = {}
        for ax, (name, (p_data, label)) in zip(axes[0], shown.items(), strict=True):
            stairs[name] = _against_data(ax, recording.histogram(0, name), p_data)
            ax.set(xlabel=label, ylabel="density")
        axes[0, 0].legend(loc="upper right")

        def show(index: int) -> None:
            for name, artist in stairs.items():
                artist.set_data(recording.histogram(index, name).density)

        return animate(figure, list(stairs.values()), recording, show, frames=100)


def _against_data(ax: Axes, histogram: Histogram, p_data: Distribution) -> Any:
    edges = histogram.edges
    x = np.linspace(edges[0], edges[-1], 400)
    density = p_data.pdf(x)
    ax.stairs(Histogram.exact(p_data, edges).density, edges, fill=True, label="$p_{data}$, binned", **BINS)
    ax.plot(x, density, label="$p_{data}$, exact density", **DATA)
    stairs = ax.stairs(histogram.density, edges, label="$p_g$", **GENERATOR)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 2 * density.max()))  # a clump of samples is far higher: cut it
    return stairs


def _caption(recording: Recording, index: int, name: str) -> str:
    mean, std, across = (recording.moments[key][index] for key in MOMENTS)
    if name == "spread":
        return f"$\\sigma = {across:.2f}$"
    return f"$\\mu = {mean:z.2f}$, $\\sigma = {std:.2f}$"
