"""The figures: arrays in, a Matplotlib figure out; no training, no files. Here, what every experiment draws.

The style follows the paper's Figure 1: data black and dotted, G green, D blue and dashed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gan_paper.distributions import Distribution
from gan_paper.metrics import MOMENTS, Histogram, Recording

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

WIDTH = 5.5
"""Inches: the width of the paper's column, so that a figure is printed as it is drawn and its text keeps its size."""

DATA: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.3}
GENERATOR: dict[str, Any] = {"color": "tab:green", "linestyle": "-", "linewidth": 1.1}
DISCRIMINATOR: dict[str, Any] = {"color": "tab:blue", "linestyle": "--", "linewidth": 1.1}
BINS: dict[str, Any] = {"color": "0.85"}
THEORY: dict[str, Any] = {"color": "0.6", "linewidth": 0.7}
CURVES: list[dict[str, Any]] = [  # for the colour-blind, and told apart by their dashes in greyscale
    GENERATOR,
    {"color": "#d55e00", "linestyle": (0, (6, 1.5)), "linewidth": 1.1},
    {"color": "#0072b2", "linestyle": (0, (1, 1)), "linewidth": 1.4},
    {"color": "#cc79a7", "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.1},
]
MINUS = "\N{MINUS SIGN}"

SMALL = 6.5  # points, the least that is read at this width
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8,
    "axes.titlepad": 4,
    "axes.labelpad": 2,
    "figure.labelsize": 8,
    "figure.titlesize": 8,
    "font.size": 8,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.3,
    **{f"{axis}tick.labelsize": 7 for axis in "xy"},
    **{f"{axis}tick.major.size": 2.5 for axis in "xy"},
    **{f"{axis}tick.major.width": 0.6 for axis in "xy"},
    **{f"{axis}tick.major.pad": 2 for axis in "xy"},
    **{f"{axis}tick.minor.size": 1.5 for axis in "xy"},
    **{f"{axis}tick.minor.width": 0.4 for axis in "xy"},
}

Pixels = NDArray[np.uint8]

SCREEN = 120  # dots per inch of an animation

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


def training_curves(history: Mapping[str, ArrayLike], generator_loss: str) -> Figure:
    """The losses of both networks, D's mean outputs, and V over training.

    Args:
        history: `iteration`, `d_loss`, `g_loss`, `d_real`, `d_fake` and `value`, each (R,).
        generator_loss: Which objective the generator had.
    """
    with plt.rc_context(STYLE):
        figure, (objectives, answers, value) = plt.subplots(1, 3, figsize=(WIDTH, 2.1), layout="constrained")
        t = history["iteration"]
        objectives.plot(t, history["d_loss"], label="discriminator", **DISCRIMINATOR)
        objectives.plot(t, history["g_loss"], label=f"generator,\n{generator_loss.replace('_', '-')}", **GENERATOR)
        objectives.set(ylabel="nats")
        answers.plot(t, history["d_real"], label="mean D(x)", **DATA)
        answers.plot(t, history["d_fake"], label="mean D(G(z))", **GENERATOR)
        answers.axhline(0.5, label="1/2", **THEORY)
        answers.set(ylabel="probability", ylim=(0, 1), yticks=(0, 0.5, 1))
        value.plot(t, history["value"], label="V(D, G)", **DISCRIMINATOR)
        value.axhline(-np.log(4), label="$-\\log 4$", **THEORY)
        value.set(ylabel="nats")
        titles = ("losses", "D's outputs", "value function")
        for ax, title in zip((objectives, answers, value), titles, strict=True):
            ax.locator_params(axis="x", nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)  # never over a line
            ax.set_title(title, loc="left", pad=38)  # above three lines of a legend
        figure.supxlabel("iteration")
        return figure


def animate(
    figure: Figure, moving: list[Any], recording: Recording, show: Callable[[int], None], frames: int
) -> list[Pixels]:
    """Pictures (height, width, 3) of recorded iterations, evenly spread.

    Args:
        figure: Drawn once, and closed at the end. It needs Matplotlib's Agg backend.
        moving: The artists that change.
        recording: Of a run.
        show: Brings the artists to a record, given its index.
        frames: How many pictures, at most.
    """
    # Axes and labels are drawn once, and what moves on top of them: twenty times as fast as whole figures.
    caption = figure.suptitle("iteration", x=0.02, ha="left")  # drawn as a title, it has room of its own
    for artist in (*moving, caption):
        artist.set_animated(True)
    canvas: Any = figure.canvas
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    pictures = []
    for index in np.unique(np.linspace(0, len(recording.iterations) - 1, frames).round().astype(int)):
        canvas.restore_region(still)
        show(index)
        caption.set_text(f"iteration {recording.iterations[index]:,}")
        for artist in (*moving, caption):
            (artist.axes or figure).draw_artist(artist)
        pictures.append(np.array(canvas.buffer_rgba())[..., :3])
    plt.close(figure)
    return pictures
