"""Figures that experiments share: arrays in, a Matplotlib figure or images out; no training, no files.

The style follows the paper's Figure 1: data black and dotted, G green, D blue and dashed.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gan_paper.distributions import Distribution
from gan_paper.metrics import MOMENTS, Histogram, Recording

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WIDTH = 5.5
"""Width of the paper's column, in inches: a figure is printed at the size at which it is drawn."""

DATA: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.3}
GENERATOR: dict[str, Any] = {"color": "tab:green", "linestyle": "-", "linewidth": 1.1}
DISCRIMINATOR: dict[str, Any] = {"color": "tab:blue", "linestyle": "--", "linewidth": 1.1}
OPTIMAL: dict[str, Any] = {"color": "#56b4e9", "linestyle": "-", "linewidth": 0.7}
BINS: dict[str, Any] = {"color": "0.85"}
THEORY: dict[str, Any] = {"color": "0.6", "linewidth": 0.7}
CURVES: list[dict[str, Any]] = [  # colours for the colour-blind, and dashes for greyscale
    GENERATOR,
    {"color": "#d55e00", "linestyle": (0, (6, 1.5)), "linewidth": 1.1},
    {"color": "#0072b2", "linestyle": (0, (1, 1)), "linewidth": 1.4},
    {"color": "#cc79a7", "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.1},
]
MINUS = "\N{MINUS SIGN}"

SMALL = 6.5  # font size in points, the least that is legible at this width
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
_GAP = 1  # width of the white line between images, in image pixels
_DOTS = 2  # side of an image pixel, in frame pixels
_CAPTION = 20  # height of the caption above the grid, in frame pixels

Shown = Mapping[str, tuple[Distribution, str]]
"""By the name of a recording's view: the distribution of the data in that view, and the label of its axis."""


def histograms(recording: Recording, shown: Shown) -> Figure:
    """Draw p_data and p_g at five recorded iterations: a column for each iteration, a row for each view.

    The iterations are the first, and four evenly spaced in log up to the last. mu and sigma are the mean and the
    standard deviation of p_g. If the recording has D along x, a last row shows D, and D* by the first view's histogram.
    """
    first, *later = recording.iterations
    iterations = [first, *np.geomspace(later[0], later[-1], 4)] if later else [first]
    indices = sorted({recording.nearest(iteration) for iteration in iterations})
    middle, has_d = len(indices) // 2, "d" in recording.curves and recording.main in shown
    heights = [1.35] * len(shown) + [0.75] * has_d
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(heights), len(indices), figsize=(WIDTH, 0.5 + sum(heights)), squeeze=False, sharex="row",
            height_ratios=heights, layout="constrained",
        )  # fmt: skip
        for column, index in zip(axes.T, indices, strict=True):
            column[0].set_title(f"iteration {recording.iterations[index]:,}", pad=14)  # above the caption
            for ax, (name, (p_data, _)) in zip(column, shown.items(), strict=False):
                _draw_histogram(ax, recording.histogram(index, name), p_data)
                caption = _caption(recording, index, name)
                ax.text(0.5, 1.03, caption, transform=ax.transAxes, ha="center", va="bottom", size=SMALL)
            if has_d:
                _draw_discriminator(column[-1], recording, index, shown[recording.main][0])
        for row, name in zip(axes, [*shown, recording.main][: len(axes)], strict=True):
            p_data, label = shown[name]
            row[0].set_xlim(_extent(p_data, [recording.histogram(index, name) for index in indices]))
            row[0].locator_params(axis="x", nbins=3)
            row[0].set_ylabel("density")
            # one label for the row, in the middle: of a panel, or between two
            row[middle].set_xlabel(label, x=0.5 * (len(indices) % 2))
        if has_d:
            axes[-1, 0].set(yticklabels=("0", "1/2", "1"), ylabel="D(x)")
            axes[-2, middle].set_xlabel("")
        handles = {each.get_label(): each for ax in axes[:, 0] for each in ax.get_legend_handles_labels()[0]}
        figure.legend(handles=handles.values(), loc="outside upper center", ncols=len(handles))
        return figure


def histograms_animation(recording: Recording, shown: Shown) -> list[Pixels]:
    """Animate `histograms` over training: frames (height, width, 3) of recorded iterations."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(shown), figsize=(3.5 * len(shown), 8 / 3), squeeze=False, layout="constrained", dpi=SCREEN
        )
        stairs = {}
        for ax, (name, (p_data, label)) in zip(axes[0], shown.items(), strict=True):
            recorded = [recording.histogram(index, name) for index in range(len(recording.iterations))]
            stairs[name] = _draw_histogram(ax, recorded[0], p_data)
            # All frames share one scale: the peak of a much narrower p_g is cut off.
            highest = 2 * Histogram.exact(p_data, recorded[0].edges).density.max()
            ax.set(xlabel=label, ylabel="density", xlim=_extent(p_data, recorded), ylim=(0, highest))
        axes[0, 0].legend(loc="upper right")

        def show(index: int) -> None:
            for name, artist in stairs.items():
                artist.set_data(recording.histogram(index, name).density)

        return animate(figure, list(stairs.values()), recording, show, frames=100)


def _draw_histogram(ax: Axes, histogram: Histogram, p_data: Distribution) -> Any:
    edges = histogram.edges
    x = np.linspace(edges[0], edges[-1], 400)
    density = p_data.pdf(x)
    ax.stairs(Histogram.exact(p_data, edges).density, edges, fill=True, label="$p_{data}$, binned", **BINS)
    ax.plot(x, density, label="$p_{data}$", **DATA)
    stairs = ax.stairs(histogram.density, edges, label="$p_g$", **GENERATOR)
    # High enough for p_g, too: where it is much narrower than the data, its density is many times as large.
    ax.set(ylim=(0, 1.05 * max(histogram.density.max(), density.max())))
    ax.locator_params(axis="y", nbins=2)
    return stairs


def _draw_discriminator(ax: Axes, recording: Recording, index: int, p_data: Distribution) -> None:
    histogram = recording.histogram(index)
    exact, own = Histogram.exact(p_data, histogram.edges).masses[1:-1], histogram.masses[1:-1]
    known = (exact + own) * histogram.total > 50  # from fewer samples, D* would be noise
    optimal = np.divide(exact, exact + own, out=np.full(len(own), np.nan), where=known)
    ax.stairs(optimal, histogram.edges, baseline=None, label="D*", **OPTIMAL)
    ax.plot(recording.curves["x"][index], recording.curves["d"][index], label="D", **DISCRIMINATOR)
    ax.set(ylim=(0, 1.03), yticks=(0, 0.5, 1), yticklabels=())


def _extent(p_data: Distribution, histograms: Sequence[Histogram]) -> tuple[float, float]:
    # From the first to the last bin that holds a thousandth of the data or of some histogram's samples.
    edges = histograms[0].edges
    masses = [each.masses[1:-1] for each in (Histogram.exact(p_data, edges), *histograms)]
    held = np.flatnonzero(np.max(masses, axis=0) > 1e-3)
    return edges[held[0]], edges[held[-1] + 1]


def _caption(recording: Recording, index: int, name: str) -> str:
    mean, std, across = (recording.moments[key][index] for key in MOMENTS)
    if name == "spread":
        return f"$\\sigma = {across:.2f}$"
    if name != recording.main:  # only the main view's moments are recorded
        histogram = recording.histogram(index, name)
        centres, masses = (histogram.edges[1:] + histogram.edges[:-1]) / 2, histogram.counts / histogram.counts.sum()
        mean = float(masses @ centres)
        std = float(masses @ (centres - mean) ** 2) ** 0.5
    return f"$\\mu = {mean:z.2f}$, $\\sigma = {std:.2f}$"


def training_curves(history: Any, generator_loss: str = "") -> Figure:
    """Draw the losses of both networks, D's mean outputs, and V over training.

    Args:
        history: What `GAN.fit` returns; or `iteration`, `d_loss`, `g_loss`, `d_real`, `d_fake` and `value`, each (R,).
        generator_loss: Name of the generator's objective, for the legend.
    """
    history = getattr(history, "history", history)
    time = "iteration" if "iteration" in history else "epoch"
    with plt.rc_context(STYLE):
        figure, (objectives, answers, value) = plt.subplots(1, 3, figsize=(WIDTH, 2.1), layout="constrained")
        t = history.get("iteration", np.arange(1, len(history["value"]) + 1))
        objectives.plot(t, history["d_loss"], label="discriminator", **DISCRIMINATOR)
        of_g = ",\n".join(filter(None, ("generator", generator_loss.replace("_", "-"))))
        objectives.plot(t, history["g_loss"], label=of_g, **GENERATOR)
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
            ax.ticklabel_format(axis="y", useOffset=False)  # an offset would be drawn over the legend
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter("{x:,.0f}")
            ax.xaxis.set_minor_formatter("")
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)  # never over a line
            ax.set_title(title, loc="left", pad=38)  # above three lines of a legend
        figure.supxlabel(time)
        return figure


def animate(
    figure: Figure, moving: list[Any], recording: Recording, show: Callable[[int], None], frames: int
) -> list[Pixels]:
    """Draw frames (height, width, 3) of recorded iterations, more of the early ones, where p_g changes most.

    Args:
        figure: The figure, which is drawn once, and closed at the end. It needs Matplotlib's Agg backend.
        moving: The artists that change.
        recording: The run's recording.
        show: Updates the artists to a record, given its index.
        frames: Largest number of frames.
    """
    # Axes and labels are drawn once, and the moving artists on top of them: 20 times as fast as whole figures.
    caption = figure.suptitle("iteration", x=0.02, ha="left")  # the layout leaves room for a title
    for artist in (*moving, caption):
        artist.set_animated(True)
    canvas: Any = figure.canvas
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    drawn = []
    for index in np.unique((np.linspace(0, 1, frames) ** 2 * (len(recording.iterations) - 1)).round().astype(int)):
        canvas.restore_region(still)
        show(index)
        caption.set_text(f"iteration {recording.iterations[index]:,}")
        for artist in (*moving, caption):
            (artist.axes or figure).draw_artist(artist)
        drawn.append(np.array(canvas.buffer_rgba())[..., :3])
    plt.close(figure)
    return drawn


def image_grid(images: NDArray) -> NDArray:
    """Arrange images as a grid (height, width, channels), with white lines between them.

    Args:
        images: (rows, columns, height, width, channels) with 1 or 3 channels, from 0 (black) to 1; clipped to these.
    """
    rows, columns, height, width, channels = images.shape
    tiles = np.ones((rows, height + _GAP, columns, width + _GAP, channels))
    tiles[:, :height, :, :width] = np.clip(images, 0, 1).swapaxes(1, 2)
    return tiles.reshape(rows * (height + _GAP), -1, channels)[:-_GAP, :-_GAP]


def image_frame(images: NDArray, caption: str) -> Pixels:
    """Draw a frame (height, width, 3) of an animation: `image_grid`, enlarged, under a caption."""
    grid = np.rint(255 * image_grid(images)).astype(np.uint8)
    dots = grid.repeat(_DOTS, 0).repeat(_DOTS, 1)
    frame = Image.new("RGB", (dots.shape[1], _CAPTION + dots.shape[0]), "white")
    frame.paste(Image.fromarray(dots.squeeze(-1) if dots.shape[-1] == 1 else dots), (0, _CAPTION))
    ImageDraw.Draw(frame).text((3, _CAPTION / 2), caption, "black", anchor="lm", font_size=12)
    return np.asarray(frame)


def as_gif(frames: Sequence[Pixels], comment: str = "") -> bytes:
    """Encode frames (height, width, 3) as a GIF, 12 a second; the last one stays for two seconds."""
    # All frames have the palette of the last one: to compute one for each frame takes 30 times as long.
    palette = Image.fromarray(frames[-1]).quantize(64)
    first, *others = [Image.fromarray(f).quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    durations, file = [1000 // 12] * len(others) + [2000], io.BytesIO()  # milliseconds
    first.save(file, "GIF", save_all=True, append_images=others, duration=durations, loop=0, comment=comment)
    return file.getvalue()
