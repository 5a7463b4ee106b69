"""The paper-style figures: arrays in, a Matplotlib figure out; no training, no files.

Colours and lines follow the paper's Figure 1: data black and dotted, the generator green and solid, the discriminator
blue and dashed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from gan_paper.histograms import MOMENTS, Floats, Histogram, KnownDistribution, Recording

Images = NDArray[np.floating]
Pixels = NDArray[np.uint8]

WIDTH = 5.5
"""Inches: the width of the paper's column, so that a figure is printed as it is drawn and its text keeps its size."""

DATA: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.3}
GENERATOR: dict[str, Any] = {"color": "tab:green", "linestyle": "-", "linewidth": 1.1}
DISCRIMINATOR: dict[str, Any] = {"color": "tab:blue", "linestyle": "--", "linewidth": 1.1}
_BINS: dict[str, Any] = {"color": "0.85"}
_THEORY: dict[str, Any] = {"color": "0.6", "linewidth": 0.7}

_SMALL = 6.5  # points, the least that is read at this width
_STYLE: Any = {
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
_SCREEN = 120  # dots per inch of an animation


def histograms(
    recording: Recording, exact: dict[str, Any], labels: dict[str, str], iterations: Sequence[int]
) -> Figure:
    """p_data against p_g at chosen iterations, one column each, one row for each view; mu and sigma are those of p_g.

    Args:
        recording: Of a run.
        exact: By the view's name, the distribution of the data, with `pdf` and `cdf`.
        labels: By the view's name, the label of its axis.
        iterations: The nearest recorded ones are shown.
    """
    with plt.rc_context(_STYLE):
        indices = sorted({recording.nearest(iteration) for iteration in iterations})
        columns = len(indices)
        figure, axes = plt.subplots(
            len(exact), columns, figsize=(WIDTH, 0.4 + 1.35 * len(exact)), squeeze=False,
            sharex="row", sharey="row", layout="constrained",
        )  # fmt: skip
        for ax, index in zip(axes[0], indices, strict=True):
            ax.set_title(f"iteration {recording.iterations[index]:,}", pad=14)  # above the caption
        for row, name in zip(axes, exact, strict=True):
            for ax, index in zip(row, indices, strict=True):
                _against_data(ax, recording.histogram(index, name), exact[name])
                ax.locator_params(nbins=3)
                ax.text(
                    0.5,
                    1.03,
                    _caption(recording, index, name),
                    transform=ax.transAxes,
                    ha="center",
                    va="bottom",
                    size=_SMALL,
                )
            # one label for the row, in the middle: of a panel, or between two
            row[columns // 2].set_xlabel(labels[name], x=0.5 * (columns % 2))
        figure.supylabel("density")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return figure


def histograms_animation(
    recording: Recording, exact: dict[str, Any], labels: dict[str, str], frames: int = 100
) -> list[Pixels]:
    """The same story as `histograms`, moving: pictures (height, width, 3) of recorded iterations, evenly spread."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            1, len(exact), figsize=(3.5 * len(exact), 8 / 3), squeeze=False, layout="constrained", dpi=_SCREEN
        )
        stairs = {}
        for ax, name in zip(axes[0], exact, strict=True):
            stairs[name] = _against_data(ax, recording.histogram(0, name), exact[name])
            ax.set(xlabel=labels[name], ylabel="density")
        axes[0, 0].legend(loc="upper right")

        def show(index: int) -> None:
            for name, artist in stairs.items():
                artist.set_data(recording.histogram(index, name).density)

        return _animate(figure, list(stairs.values()), recording, show, frames)


def plane(
    recording: Recording, points: Floats, iterations: Sequence[int], surface: tuple[Floats, Floats, Floats]
) -> Figure:
    """Samples in the plane over the data at chosen iterations, and D's surface at the end.

    Args:
        recording: Of a run, with kept samples.
        points: The data, (N, 2).
        iterations: The nearest recorded ones are shown.
        surface: x (A,), y (B,) and D(x, y) (B, A).
    """
    with plt.rc_context(_STYLE):
        indices = sorted({recording.nearest(iteration) for iteration in iterations})
        # two rows: the samples, D's surface, and last the key to both
        columns = math.ceil((len(indices) + 2) / 2)
        figure, axes = plt.subplots(2, columns, figsize=(WIDTH, 2.9), sharey=True, layout="constrained")
        *panels, key = axes.flat
        for ax, index in zip(panels, indices, strict=False):
            _scatter_samples(ax, points, recording.samples[index])
            ax.set_title(f"iteration {recording.iterations[index]:,}")
        scene, *unused = panels[len(indices) :]
        contours = scene.contourf(*surface, levels=np.linspace(0, 1, 11), cmap="Blues")
        contours.set_edgecolor("face")  # else a PDF shows white seams between the levels
        (curve,) = scene.plot(*points[np.argsort(points[:, 0])].T, **DATA)
        scene.set_title("D(x, y) at the end")
        for ax in panels:
            ax.set_xticks((0, 2, 4, 6))
        for ax in (*unused, key):
            ax.set_axis_off()
        bar = key.inset_axes((0.1, 0.3, 0.8, 0.08))
        figure.colorbar(contours, bar, orientation="horizontal", ticks=[0, 0.5, 1], label="D(x, y)")
        data, samples = panels[0].lines
        key.legend([(data, curve), samples], ["data", "samples G(z)"], loc="upper center", markerscale=3)
        figure.supxlabel("x")
        figure.supylabel("y")
        return figure


def plane_animation(recording: Recording, points: Floats, frames: int = 100) -> list[Pixels]:
    """The same story as `plane`, moving: pictures (height, width, 3) of recorded iterations, evenly spread."""
    with plt.rc_context(_STYLE):
        figure, ax = plt.subplots(figsize=(23 / 6, 8 / 3), layout="constrained", dpi=_SCREEN)
        moving = _scatter_samples(ax, points, recording.samples[0])
        ax.set(xlabel="x", ylabel="y")
        ax.legend(loc="upper right", markerscale=3)
        return _animate(figure, [moving], recording, lambda index: moving.set_data(*recording.samples[index].T), frames)


def _scatter_samples(ax: Axes, points: Floats, samples: Floats) -> Any:
    ax.plot(*points.T, ".", color="0.75", markersize=3, markeredgewidth=0, label="data")
    (moving,) = ax.plot(
        *samples.T, ".", color=GENERATOR["color"], markersize=2, markeredgewidth=0, label="samples G(z)"
    )
    ax.set(xlim=(-1, 2 * np.pi + 1), ylim=(-1.7, 1.7))
    return moving


def _animate(
    figure: Figure, moving: list[Any], recording: Recording, show: Callable[[int], None], frames: int
) -> list[Pixels]:
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


def training(history: Mapping[str, Sequence[float]], generator_loss: str) -> Figure:
    """The course of training: both objectives, D's mean answers, and V.

    Args:
        history: `iteration`, `d_loss`, `g_loss`, `d_real`, `d_fake` and `value`, each (R,).
        generator_loss: Which objective the generator had.
    """
    with plt.rc_context(_STYLE):
        figure, (objectives, answers, value) = plt.subplots(1, 3, figsize=(WIDTH, 2.1), layout="constrained")
        t = history["iteration"]
        objectives.plot(t, history["d_loss"], label="discriminator", **DISCRIMINATOR)
        objectives.plot(t, history["g_loss"], label=f"generator,\n{generator_loss.replace('_', '-')}", **GENERATOR)
        objectives.set(ylabel="nats")
        answers.plot(t, history["d_real"], label="mean D(x)", **DATA)
        answers.plot(t, history["d_fake"], label="mean D(G(z))", **GENERATOR)
        answers.axhline(0.5, label="1/2", **_THEORY)
        answers.set(ylabel="probability", ylim=(0, 1), yticks=(0, 0.5, 1))
        value.plot(t, history["value"], label="V(D, G)", **DISCRIMINATOR)
        value.axhline(-np.log(4), label="$-\\log 4$", **_THEORY)
        value.set(ylabel="nats")
        titles = ("objectives, descended", "what D answers", "value of the game")
        for ax, title in zip((objectives, answers, value), titles, strict=True):
            ax.locator_params(axis="x", nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)  # never over a line
            ax.set_title(title, loc="left", pad=38)  # above three lines of a legend
        figure.supxlabel("iteration")
        return figure


def left_tail(z: Floats, samples: Floats, p_z: KnownDistribution, p_data: KnownDistribution) -> Figure:
    """The map x = G(z) of a number to a number, and what it does to the left tail.

    Args:
        z: Noise in rising order, (N,), evenly spread over its range.
        samples: G(z), (N,).
        p_z: The prior of the noise.
        p_data: The distribution to reach; the rising map that turns p_z into it is drawn beside G, falling if G falls.
    """
    with plt.rc_context(_STYLE):
        figure, (mapping, tail) = plt.subplots(1, 2, figsize=(WIDTH, 2.3), layout="constrained")
        levels = p_z.cdf(z)
        ideal = p_data.quantile(levels if samples[-1] > samples[0] else 1 - levels)
        inner = np.isfinite(ideal)
        mapping.plot(z[inner], ideal[inner], label="the map to $p_{data}$", **DATA)
        mapping.plot(z, samples, label="G", **GENERATOR)
        mapping.axhline(0, **_THEORY)
        mapping.set(xlabel="z", ylabel="x", title="x = G(z)")
        t = np.linspace(p_data.quantile(1e-4), p_data.quantile(0.5), 200)
        tail.semilogy(t, p_data.cdf(t), label="$p_{data}$", **DATA)
        reached = np.searchsorted(np.sort(samples), t) / len(samples)
        tail.semilogy(t, np.where(reached > 0, reached, np.nan), label="$p_g$", **GENERATOR)
        tail.yaxis.set_major_formatter("{x:g}")  # the exponents of powers of ten would be too small
        tail.set(xlabel="x", ylabel="share of samples below x", title="the left tail")
        for ax in (mapping, tail):
            ax.legend()
        return figure


def against_distribution(run: Recording, reference: Recording, title: str) -> Figure:
    """A run's last histogram over a reference of one, with the difference below."""
    with plt.rc_context(_STYLE):
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
            top.stairs(theirs.density, ours.edges, fill=True, label="reference", **_BINS)
            top.stairs(ours.density, ours.edges, label="run", **GENERATOR)
            top.set(ylabel="density")
            top.legend()
            bottom.stairs(ours.density - theirs.density, ours.edges, **GENERATOR)
            bottom.axhline(0, **_THEORY)
            bottom.set(ylabel="difference", xlabel=name)
            bottom.locator_params(axis="y", nbins=3)
        figure.suptitle(title)
        figure.align_ylabels()
        return figure


def against_course(run: Recording, reference: Recording, title: str, columns: int = 6) -> Figure:
    """A run beside a reference at the iterations that the reference recorded, and the moments of both below."""
    with plt.rc_context(_STYLE):
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
                ax.set_title(f"iteration {recording.iterations[at]:,}", size=_SMALL)
        for ax, (name, text) in zip(lower.subplots(1, 3), _MOMENT_LABELS.items(), strict=True):
            for recording, label, style in pairs:
                ax.plot(recording.iterations, recording.moments[name], label=label, **style)
            ax.set(title=text)
            ax.locator_params(nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
        lower.supxlabel("iteration")
        lower.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure


_COURSES: dict[str, dict[str, Any]] = {
    "reference": {"color": "#e69f00", "marker": "o", "markersize": 3, "linewidth": 1},
    "run": {"color": GENERATOR["color"], "linewidth": 1},
}
_MOMENT_LABELS = {
    "mean": "pooled mean",
    "std": "pooled std",
    "std_across_noise": "std across z",
}


def _against_data(ax: Axes, histogram: Histogram, exact: Any) -> Any:
    edges = histogram.edges
    x = np.linspace(edges[0], edges[-1], 400)
    density = exact.pdf(x)
    ax.stairs(Histogram.exact(exact, edges).density, edges, fill=True, label="$p_{data}$, binned", **_BINS)
    ax.plot(x, density, label="$p_{data}$, exact density", **DATA)
    stairs = ax.stairs(histogram.density, edges, label="$p_g$", **GENERATOR)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 2 * density.max()))  # a clump of samples is far higher: cut it
    return stairs


def _caption(recording: Recording, index: int, name: str) -> str:
    mean, std, across = (recording.moments[key][index] for key in MOMENTS)
    if name == "spread":
        return f"$\\sigma = {across:.2f}$"
    return f"$\\mu = {mean:z.2f}$, $\\sigma = {std:.2f}$"


_HIGHLIGHT = "#f2b705"  # the paper's yellow, dark enough to stand out from white paper in greyscale too
_GAP = 1  # white line between images, in their pixels
_PER_INCH = 100  # pixels of images: 2 dots each at the 200 dots per inch of `Run.save_figure`, so none is uneven
_ANIMATION_DOTS = 2  # dots a pixel
_CURVES: list[dict[str, Any]] = [  # for the colour-blind, and told apart by their dashes in greyscale
    GENERATOR,
    {"color": "#d55e00", "linestyle": (0, (6, 1.5)), "linewidth": 1.1},
    {"color": "#0072b2", "linestyle": (0, (1, 1)), "linewidth": 1.4},
    {"color": "#cc79a7", "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.1},
]


def samples_with_neighbours(samples: Images, neighbours: Images) -> Figure:
    """Figure 2a: samples, and in a framed column the training example nearest to the last sample of each row.

    Args:
        samples: In [0, 1], (rows, columns, side * side); the paper has 4 rows of 5.
        neighbours: In [0, 1], (rows, side * side).

    Raises:
        ValueError: if the shapes are others or the images leave [0, 1].
    """
    left = _tile(samples)
    if neighbours.shape != (expected := (samples.shape[0], samples.shape[2])):
        raise ValueError(f"neighbours must have the shape {expected}, one for each row, not {neighbours.shape}")
    right = _tile(neighbours[:, None])
    frame, apart = 2, 3
    height, start = left.shape[0] + 2 * frame, left.shape[1] + apart + frame
    with plt.rc_context(_STYLE):
        figure, ax = _pixel_axes(start + right.shape[1] + frame, height)
        _place(ax, left, 0, frame)
        _place(ax, right, start, frame)
        corner = (start - frame / 2, frame / 2)  # around the images and not over their edges
        size = (right.shape[1] + frame, right.shape[0] + frame)
        points = frame * 72 / _PER_INCH
        ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_HIGHLIGHT, linewidth=points))
        return figure


def interpolations(images: Images) -> Figure:
    """Figure 3: images along straight lines in z space, one line a row, from z_0 to z_1.

    Args:
        images: In [0, 1], (rows, steps, side * side).

    Raises:
        ValueError: if the shape is another or the images leave [0, 1].
    """
    tiles = _tile(images)
    side = math.isqrt(images.shape[2])
    height, width = tiles.shape
    below = 14  # pixels below the images, for text of 8 points
    with plt.rc_context(_STYLE):
        figure, ax = _pixel_axes(width, height + below)
        _place(ax, tiles, 0, 0)
        y = height + below / 2
        ax.text(side / 2, y, "$z_0$", size=8, ha="center", va="center")
        ax.text(width - side / 2, y, "$z_1$", size=8, ha="center", va="center")
        ax.plot([side, width - side], [y, y], **_THEORY)
        return figure


def log_likelihood(epochs: Sequence[float], curves: Mapping[str, Sequence[float]], published: float = 225) -> Figure:
    """The Parzen-window log-likelihood of the validation set in the course of training, against Table 1's.

    Args:
        epochs: Of training, (R,).
        curves: By the label, the mean in nats at these epochs, (R,); NaN where there was no evaluation. The styles of
            the lines repeat after four.
        published: Table 1's mean in nats, of the test set.

    Raises:
        ValueError: if a curve has not one value an epoch.
    """
    with plt.rc_context(_STYLE):
        figure, ax = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
        t = np.asarray(epochs)
        for (name, values), style in zip(curves.items(), cycle(_CURVES), strict=False):
            nats = np.asarray(values)
            if nats.shape != t.shape:
                raise ValueError(f"curve {name!r} must have the shape {t.shape} of the epochs, not {nats.shape}")
            known = ~np.isnan(nats)
            ax.plot(t[known], nats[known], label=name, **style)
        ax.axhline(published, color="0.4", linestyle="--", linewidth=0.8)
        ax.annotate(
            f"{published:g}\nTable 1,\ntest set",
            (1, published),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            size=7,
        )
        # An untrained generator is at about -140: down to there, what matters would have half the height.
        ax.set(ylim=(0, None), xlabel="epoch", ylabel="validation log-likelihood, nats")
        ax.legend(loc="lower right")
        return figure


def images_animation(recorded: Images, epochs: Sequence[int], columns: int = 10) -> list[Pixels]:
    """The images of one fixed batch of noise through training: pictures (height, width, 3), one an epoch recorded.

    Args:
        recorded: In [0, 1], (frames, rows * columns, side * side).
        epochs: Of the frames, (frames,).
        columns: Of the grid of images.

    Raises:
        ValueError: if the shapes do not fit together or the images leave [0, 1].
    """
    if recorded.ndim != 3 or not recorded.size or len(recorded) != len(epochs) or recorded.shape[1] % columns:
        raise ValueError(
            f"recorded must be ({len(epochs)} epochs, rows * {columns} columns, side * side), not {recorded.shape}"
        )
    grids = [_tile(images.reshape(-1, columns, images.shape[-1])) for images in recorded]
    with plt.rc_context(_STYLE):
        # Matplotlib draws the caption alone; the images are pixels already
        width = grids[0].shape[1] * _ANIMATION_DOTS
        figure = plt.figure(figsize=(width / 100, 0.2), dpi=100)
        caption = figure.text(3 / width, 0.5, "", va="center_baseline")
        canvas: Any = figure.canvas
        pictures = []
        for grid, epoch in zip(grids, epochs, strict=True):
            caption.set_text(f"epoch {epoch:,}")
            canvas.draw()
            dots = np.rint(255 * grid).astype(np.uint8).repeat(_ANIMATION_DOTS, 0).repeat(_ANIMATION_DOTS, 1)
            pictures.append(np.vstack([np.array(canvas.buffer_rgba())[..., :3], np.stack([dots] * 3, axis=-1)]))
        plt.close(figure)
        return pictures


def _tile(images: Images) -> Images:
    # (rows, columns, side * side) -> one picture (height, width), with white lines between the images
    if images.ndim != 3 or not images.size or (side := math.isqrt(images.shape[2])) ** 2 != images.shape[2]:
        raise ValueError(f"images must be square, as (rows, columns, side * side), not of shape {images.shape}")
    if not (images.min() >= 0 and images.max() <= 1):  # so that NaN is refused, too
        raise ValueError(f"images must lie in [0, 1], not in [{images.min():g}, {images.max():g}]")
    rows, columns, _ = images.shape
    tiles = np.ones((rows, side + _GAP, columns, side + _GAP))
    tiles[:, :side, :, :side] = images.reshape(rows, columns, side, side).swapaxes(1, 2)
    return tiles.reshape(rows * (side + _GAP), -1)[:-_GAP, :-_GAP]


def _pixel_axes(width: int, height: int) -> tuple[Figure, Axes]:
    # bare axes all over a figure whose unit of length is one pixel of the images, y downwards
    figure = plt.figure(figsize=(width / _PER_INCH, height / _PER_INCH))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(height, 0))
    return figure, ax


def _place(ax: Axes, tiles: Images, x: int, y: int) -> None:
    height, width = tiles.shape
    extent = (x, x + width, y + height, y)
    ax.imshow(tiles, cmap="gray", vmin=0, vmax=1, interpolation="none", extent=extent)  # a PDF gets these very pixels


class Game(NamedTuple):
    """A game on the real line at one moment: what Figure 1 shows of it."""

    x: Floats
    """(X,), rising."""
    p_data: Floats
    """The density of the data, (X,)."""
    p_g: Floats
    """The density of the samples, (X,)."""
    d: Floats
    """D(x), (X,)."""
    optimal: Floats
    """D*(x), (X,); NaN where neither density is positive."""
    z: Floats = np.zeros(0)
    """(Z,), rising, over the range of the noise. It and what follows are what the lines below x show."""
    mapped: Floats = np.zeros(0)
    """G(z), (Z,)."""
    jsd: float = np.nan
    """In nats."""
    value: float = np.nan
    """V(D, G) in nats."""


_OPTIMAL: dict[str, Any] = {"color": "#56b4e9", "linestyle": "-", "linewidth": 2.2, "alpha": 0.6}  # below D, wider
_MINUS = "\N{MINUS SIGN}"
_ARROWS = 17  # from the z line to the x line
_HALVES = (0, 0.5, 1), ("0", "1/2", "1")


def figure1(games: Mapping[str, Game | None]) -> Figure:
    """Figure 1: p_data, p_g and D over the x line, and below it the z line with arrows z -> x = G(z).

    D* lies beneath D. Under each panel stand the divergence and the value, measured.

    Args:
        games: By its letter, a panel each, left to right, with the same x and p_data; None is one that the run did not
            reach.
    """
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            2, len(games), figsize=(WIDTH, 2.5), squeeze=False, sharex=True, height_ratios=(3, 1.1),
            layout="constrained",
        )  # fmt: skip
        reached = [letter for letter, game in games.items() if game]
        key: dict[str, Any] = {}
        for (upper, lower), (letter, game) in zip(axes.T, games.items(), strict=True):
            if game is None:
                upper.set_axis_off()
                lower.set(xticks=(), yticks=())
                lower.spines[:].set_visible(False)
                lower.set_xlabel(f"{letter}\nnot reached", size=7)
                continue
            answers, *_ = _draw_game(upper, lower, game)
            answers.set_yticks(*(_HALVES if letter == reached[-1] else ((), ())))
            caption = f"{letter}\nJSD {game.jsd:.3f}\nV {game.value:.3f}".replace("-", _MINUS)
            lower.set_xlabel(caption, size=7)
            key = key or _key(upper, answers)
        figure.legend(loc="outside upper center", **key)
        return figure


def figure1_animation(recording: Recording, game: Callable[[int], Game], frames: int = 150) -> list[Pixels]:
    """A panel of `figure1`, moving: pictures (height, width, 3) of recorded iterations, evenly spread.

    Args:
        recording: Of a run.
        game: The game at an index of the recording.
        frames: At most so many pictures.
    """
    with plt.rc_context(_STYLE):
        figure, (upper, lower) = plt.subplots(
            2, figsize=(4.2, 3.4), sharex=True, height_ratios=(3, 1.1), layout="constrained", dpi=_SCREEN
        )
        answers, p_g, d, optimal, arrows = _draw_game(upper, lower, game(0))
        answers.set_yticks(*_HALVES)
        measured = lower.set_xlabel(" ")  # an axis draws its label into the still part, too: only its room is wanted
        figure.legend(loc="outside upper right", **_key(upper, answers))

        def show(index: int) -> None:
            now = game(index)
            p_g.set_ydata(now.p_g)
            d.set_ydata(now.d)
            optimal.set_ydata(now.optimal)
            arrows.set_UVC(*_arrows(now)[2:])
            measured.set_text(f"JSD {now.jsd:.3f}    V {now.value:.3f}".replace("-", _MINUS))

        return _animate(figure, [p_g, optimal, d, arrows, measured], recording, show, frames)


def learned_discriminators(games: Mapping[str, Game]) -> Figure:
    """Proposition 1: D, trained against fixed generators, over D*.

    Args:
        games: By their titles, a panel each, left to right.
    """
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(1, len(games), figsize=(WIDTH, 2.0), squeeze=False, layout="constrained")
        for ax, (title, game) in zip(axes[0], games.items(), strict=True):
            answers, *_ = _draw_densities(ax, game)
            answers.set_yticks(*(_HALVES if ax is axes[0, -1] else ((), ())))
            ax.set_title(title, size=7)
            ax.set_xlabel("x")
        figure.legend(loc="outside upper center", **_key(axes[0, 0], answers))
        return figure


def criterion(path: Floats, exact: Sequence[float], estimated: Sequence[float], learned: Sequence[float]) -> Figure:
    """Theorem 1: the value of the game along a path of generators, least where p_g = p_data.

    Args:
        path: Where the generator is on its path, (T,); at 0 it has p_g = p_data.
        exact: -log 4 + 2 JSD(p_data || p_g) by quadrature, (T,) in nats.
        estimated: V(D*, G) by Monte Carlo, (T,).
        learned: V(D, G) of a D that was trained, (T,).
    """
    with plt.rc_context(_STYLE):
        figure, (values, differences) = plt.subplots(1, 2, figsize=(WIDTH, 2.2), layout="constrained")
        values.plot(path, exact, label=f"{_MINUS}log 4 + 2 JSD, quadrature", **_THEORY)
        values.plot(path, estimated, "o", label="V(D*, G), Monte Carlo", **_POINTS)
        values.plot(path, learned, "x", color=DISCRIMINATOR["color"], markersize=4, label="V(D, G), D trained")
        values.axhline(-np.log(4), color="0.4", linestyle=":", linewidth=0.7)
        values.annotate(
            f"{_MINUS}log 4", (1, -np.log(4)), xycoords=("axes fraction", "data"), xytext=(2, 0),
            textcoords="offset points", va="center", size=7,
        )  # fmt: skip
        values.set(xlabel="place of G on its path (0: $p_g = p_{data}$)", ylabel="nats", ylim=(None, 0.35))
        values.legend(loc="upper center", fontsize=_SMALL)
        differences.axhline(0, **_THEORY)
        differences.plot(path, np.subtract(estimated, exact), "o", label="Monte Carlo", **_POINTS)
        differences.plot(
            path, np.subtract(learned, exact), "x", color=DISCRIMINATOR["color"], markersize=4, label="D trained"
        )
        differences.ticklabel_format(axis="y", scilimits=(-2, 2))
        differences.set(xlabel="place of G on its path", ylabel="nats above quadrature")
        differences.legend(fontsize=_SMALL)
        return figure


_POINTS: dict[str, Any] = {"color": "black", "markersize": 3, "markerfacecolor": "none", "markeredgewidth": 0.8}


def descent(
    x: Floats, p_data: Floats, shown: Mapping[int, Floats], divergences: Mapping[str, Sequence[float]]
) -> Figure:
    """Proposition 2: p_g at some steps of its own gradient descent, and its divergence from p_data.

    Args:
        x: The grid, (X,).
        p_data: The density of the data there, (X,).
        shown: By the step, p_g there, (X,); four at most.
        divergences: By where the descent began, JSD(p_data || p_g) in nats at every step, (T,).
    """
    with plt.rc_context(_STYLE):
        figure, (densities, course) = plt.subplots(1, 2, figsize=(WIDTH, 2.2), layout="constrained")
        for (step, p_g), style in zip(shown.items(), reversed(_CURVES[: len(shown)]), strict=True):
            densities.plot(x, p_g, label=f"$p_g$, step {step}", **style)
        densities.plot(x, p_data, label="$p_{data}$", **DATA)
        highest = max(p_data.max(), *(p_g.max() for p_g in shown.values()))
        densities.set(xlabel="x", ylabel="density", ylim=(0, 1.5 * highest))  # with room for the legend
        for (name, series), style in zip(divergences.items(), _CURVES, strict=False):
            course.semilogy(series, label=f"from {name}", **style)
        course.set(xlabel="step", ylabel="JSD, nats")
        densities.legend(fontsize=_SMALL, ncols=2, loc="upper center")
        course.legend(fontsize=_SMALL)
        return figure


def generator_gradients(d_fake: Floats, saturating: Floats, non_saturating: Floats) -> Figure:
    """Section 3: the gradients that G gets from its two objectives while D learns to reject its first samples.

    Args:
        d_fake: The mean of D(G(z)), (T,).
        saturating: The norm of the gradient of log(1 - D(G(z))) by G's weights, (T,).
        non_saturating: The norm of the gradient of -log D(G(z)), (T,).
    """
    with plt.rc_context(_STYLE):
        figure, ax = plt.subplots(figsize=(0.62 * WIDTH, 2.4), layout="constrained")
        ax.loglog(d_fake, non_saturating, label=f"{_MINUS}log D(G(z)), section 3", **_CURVES[0])
        ax.loglog(d_fake, saturating, label=f"log(1 {_MINUS} D(G(z))), Algorithm 1", **_CURVES[1])
        ax.set(xlabel="mean D(G(z)): D rejects the samples to the right", ylabel="norm of G's gradient")
        ax.invert_xaxis()
        ax.legend(fontsize=_SMALL)
        return figure


def _draw_game(upper: Axes, lower: Axes, game: Game) -> tuple[Axes, Any, Any, Any, Any]:
    # Returns D's axes, and what moves: the lines of p_g, D and D*, and the arrows.
    answers, p_g, d, optimal = _draw_densities(upper, game)
    for y, name in ((1, "x"), (0, "z")):
        lower.axhline(y, color="black", linewidth=0.7)
        lower.text(-0.02, y, name, transform=lower.get_yaxis_transform(), ha="right", va="center", size=7)
    arrows = lower.quiver(
        *_arrows(game), angles="xy", scale_units="xy", scale=1, width=0.7, units="dots", headwidth=5, headlength=6,
        headaxislength=5, color="0.25",
    )  # fmt: skip
    lower.spines[:].set_visible(False)
    lower.set(ylim=(-0.15, 1.1), yticks=(), xticks=())
    return answers, p_g, d, optimal, arrows


def _key(upper: Axes, answers: Axes) -> dict[str, Any]:
    # What a legend of both needs.
    handles = [*upper.lines, *answers.lines]
    return {"handles": handles, "labels": [line.get_label() for line in handles], "ncols": 4}


def _draw_densities(upper: Axes, game: Game) -> tuple[Axes, Any, Any, Any]:
    upper.plot(game.x, game.p_data, label="$p_{data}$", **DATA)
    (p_g,) = upper.plot(game.x, game.p_g, label="$p_g$", **GENERATOR)
    upper.set(ylim=(0, 2.4 * game.p_data.max()), yticks=(), xlim=game.x[[0, -1]], xticks=())  # a clump is far higher
    answers = upper.twinx()
    (d,) = answers.plot(game.x, game.d, label="D", zorder=3, **DISCRIMINATOR)
    (optimal,) = answers.plot(game.x, game.optimal, label="D*", zorder=2, **_OPTIMAL)
    answers.set(ylim=(0, 1.03))
    for ax in (upper, answers):
        ax.spines[["left", "right"]].set_visible(False)
    return answers, p_g, d, optimal


def _arrows(game: Game) -> tuple[Floats, Floats, Floats, Floats]:
    # From evenly spaced z, on a line as wide as the x line, to G(z): x, y, and how far right and up. The z line points
    # to where G rises, so that the arrows do not cross.
    z = np.linspace(game.z[0], game.z[-1], _ARROWS + 2)[1:-1]
    ends = game.x[[0, -1]] if game.mapped[-1] >= game.mapped[0] else game.x[[-1, 0]]
    tails = np.interp(z, game.z[[0, -1]], ends)
    return tails, np.zeros_like(z), np.interp(z, game.z, game.mapped) - tails, np.ones_like(z)
