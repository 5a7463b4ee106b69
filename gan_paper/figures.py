"""The paper-style figures: arrays in, a Matplotlib figure out; no training, no files.

Colours and lines follow the paper's Figure 1: data black and dotted, the generator green and solid, the discriminator
blue and dashed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib

matplotlib.use("Agg")  # files only: no window, no display needed

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from gan_paper.histograms import Floats, Histogram, KnownDistribution, Recording

Images = NDArray[np.floating]
Pixels = NDArray[np.uint8]

DATA: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.6}
GENERATOR: dict[str, Any] = {"color": "tab:green", "linestyle": "-", "linewidth": 1.4}
DISCRIMINATOR: dict[str, Any] = {"color": "tab:blue", "linestyle": "--", "linewidth": 1.2}
_BINS: dict[str, Any] = {"color": "0.85"}
_THEORY: dict[str, Any] = {"color": "0.5", "linewidth": 0.8}

_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "axes.titlesize": 9,
    "legend.frameon": False,
}


def histograms(
    recording: Recording, exact: dict[str, Any], labels: dict[str, str], iterations: Sequence[int]
) -> Figure:
    """p_data against p_g at chosen iterations, one column each, one row for each view.

    Args:
        recording: Of a run.
        exact: By the view's name, the distribution of the data, with `pdf` and `cdf`.
        labels: By the view's name, the label of its axis.
        iterations: The nearest recorded ones are shown.
    """
    with plt.rc_context(_STYLE):
        indices = sorted({recording.nearest(iteration) for iteration in iterations})
        figure, axes = plt.subplots(
            len(exact), len(indices), figsize=(2.6 * len(indices), 0.5 + 2.2 * len(exact)), squeeze=False,
            sharex="row", sharey="row", layout="constrained",
        )  # fmt: skip
        for ax, index in zip(axes[0], indices, strict=True):
            ax.set_title(f"iteration {recording.iterations[index]:,}")
        for row, name in zip(axes, exact, strict=True):
            for ax, index in zip(row, indices, strict=True):
                _against_data(ax, recording.histogram(index, name), exact[name])
                ax.set_xlabel(labels[name])
                ax.text(
                    0.97,
                    0.95,
                    _caption(recording, index, name),
                    transform=ax.transAxes,
                    ha="right",
                    va="top",
                    size=7,
                )
            row[0].set_ylabel("density")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return figure


def histograms_animation(
    recording: Recording, exact: dict[str, Any], labels: dict[str, str], frames: int = 100
) -> list[Pixels]:
    """The same story as `histograms`, moving: pictures (height, width, 3) of recorded iterations, evenly spread."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            1, len(exact), figsize=(4.2 * len(exact), 3.2), squeeze=False, layout="constrained", dpi=100
        )
        stairs = {}
        for ax, name in zip(axes[0], exact, strict=True):
            stairs[name] = _against_data(ax, recording.histogram(0, name), exact[name])
            ax.set(xlabel=labels[name], ylabel="density")
        axes[0, 0].legend(loc="upper right", fontsize=7)

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
        figure, axes = plt.subplots(
            1, len(indices) + 1, figsize=(2.7 * (len(indices) + 1), 2.9), sharey=True, layout="constrained"
        )
        for ax, index in zip(axes, indices, strict=False):
            _scatter_samples(ax, points, recording.samples[index])
            ax.set_title(f"iteration {recording.iterations[index]:,}")
        contours = axes[-1].contourf(*surface, levels=np.linspace(0, 1, 21), cmap="RdBu_r")
        axes[-1].plot(*points[np.argsort(points[:, 0])].T, label="data", **DATA)
        axes[-1].set(title="D(x, y) at the end", xlabel="x")
        figure.colorbar(contours, ax=axes[-1], ticks=[0, 0.5, 1])
        axes[0].set_ylabel("y")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, markerscale=3)
        return figure


def plane_animation(recording: Recording, points: Floats, frames: int = 100) -> list[Pixels]:
    """The same story as `plane`, moving: pictures (height, width, 3) of recorded iterations, evenly spread."""
    with plt.rc_context(_STYLE):
        figure, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained", dpi=100)
        moving = _scatter_samples(ax, points, recording.samples[0])
        ax.set_ylabel("y")
        ax.legend(loc="upper right", fontsize=7, markerscale=3)
        return _animate(figure, [moving], recording, lambda index: moving.set_data(*recording.samples[index].T), frames)


def _scatter_samples(ax: Axes, points: Floats, samples: Floats) -> Any:
    ax.plot(*points.T, ".", color="0.6", markersize=2, label="data")
    (moving,) = ax.plot(*samples.T, ".", color=GENERATOR["color"], markersize=2, label="samples G(z)")
    ax.set(xlim=(-1, 2 * np.pi + 1), ylim=(-1.7, 1.7), xlabel="x")
    return moving


def _animate(
    figure: Figure, moving: list[Any], recording: Recording, show: Callable[[int], None], frames: int
) -> list[Pixels]:
    # Axes and labels are drawn once, and what moves on top of them: twenty times as fast as whole figures.
    caption = figure.text(0.02, 0.99, "", va="top")
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
        figure, (objectives, answers, value) = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
        t = history["iteration"]
        objectives.plot(t, history["d_loss"], label="discriminator", **DISCRIMINATOR)
        objectives.plot(t, history["g_loss"], label=f"generator ({generator_loss.replace('_', '-')})", **GENERATOR)
        objectives.set(title="objectives, both descended", ylabel="nats")
        answers.plot(t, history["d_real"], label="mean D(x), data", **DATA)
        answers.plot(t, history["d_fake"], label="mean D(G(z)), samples", **GENERATOR)
        answers.axhline(0.5, **_THEORY)
        answers.annotate(
            "1/2",
            (1, 0.5),
            xycoords=("axes fraction", "data"),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
        )
        answers.set(title="what D answers", ylabel="probability", ylim=(0, 1))
        value.plot(t, history["value"], label="V(D, G)", **DISCRIMINATOR)
        value.axhline(-np.log(4), **_THEORY)
        value.annotate(
            "$-\\log 4$",
            (1, -np.log(4)),
            xycoords=("axes fraction", "data"),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
        )
        value.set(title="value of the game", ylabel="nats")
        for ax in (objectives, answers, value):
            ax.set_xlabel("iteration")
            ax.legend(fontsize=7)
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
        figure, (mapping, tail) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
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
        tail.set(xlabel="x", ylabel="share of samples below x", title="the left tail")
        for ax in (mapping, tail):
            ax.legend(fontsize=7)
        return figure


def against_distribution(run: Recording, reference: Recording, title: str) -> Figure:
    """A run's last histogram over a reference of one, with the difference below."""
    with plt.rc_context(_STYLE):
        names = [name for name in reference.edges if name in run.edges]
        figure, axes = plt.subplots(
            2,
            len(names),
            figsize=(5 * len(names), 4),
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
            top.set(ylabel="density", title=title)
            top.legend()
            bottom.stairs(ours.density - theirs.density, ours.edges, **GENERATOR)
            bottom.axhline(0, **_THEORY)
            bottom.set(ylabel="difference", xlabel=name)
        return figure


def against_course(run: Recording, reference: Recording, title: str, columns: int = 6) -> Figure:
    """A run beside a reference at the iterations that the reference recorded, and the moments of both below."""
    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=(2.1 * columns, 6.4), layout="constrained")
        figure.suptitle(title)
        halves: Any = figure.subfigures(2, 1, height_ratios=(2, 1.1))
        upper, lower = halves
        shown = np.linspace(0, len(reference.iterations) - 1, columns).round().astype(int)
        pairs = ((reference, "reference", _COURSES["reference"]), (run, "run", _COURSES["run"]))
        for axes, (recording, label, style) in zip(upper.subplots(2, columns, sharex=True), pairs, strict=True):
            axes[0].set_ylabel(f"{label}, density")
            for ax, index in zip(axes, shown, strict=True):
                at = recording.nearest(reference.iterations[index])
                histogram = recording.histogram(at)
                ax.stairs(histogram.density, histogram.edges, fill=True, color=style["color"], alpha=0.7)
                ax.set(xlim=reference.histogram().edges[[0, -1]], yticks=[])
                ax.set_title(f"iteration {recording.iterations[at]:,}")
        for ax, (name, text) in zip(lower.subplots(1, 3), _MOMENT_LABELS.items(), strict=True):
            for recording, label, style in pairs:
                ax.plot(recording.iterations, recording.moments[name], label=label, **style)
            ax.set(title=text, xlabel="iteration")
            ax.legend(fontsize=7)
        return figure


_COURSES: dict[str, dict[str, Any]] = {
    "reference": {"color": "tab:orange", "marker": "o", "markersize": 3, "linewidth": 1},
    "run": {"color": "tab:green", "linewidth": 1},
}
_MOMENT_LABELS = {
    "mean": "pooled mean",
    "std": "pooled standard deviation",
    "std_across_noise": "standard deviation across z",
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
    if name == "spread":
        return f"std {recording.moments['std_across_noise'][index]:.2f}"
    return f"mean {recording.moments['mean'][index]:.2f}\nstd {recording.moments['std'][index]:.2f}"


_HIGHLIGHT = "#f2b705"  # the paper's yellow, dark enough to stand out from white paper in greyscale too
_GAP = 1  # white line between images, in their pixels
_PER_INCH = 75  # pixels of images: 2 dots each at the 150 dots per inch of `Run.save_figure`, so none is uneven
_ANIMATION_DOTS = 2  # dots a pixel
_CURVES: list[dict[str, Any]] = [  # for the colour-blind, and told apart by their dashes in greyscale
    GENERATOR,
    {"color": "#d95f02", "linestyle": (0, (6, 1.5)), "linewidth": 1.4},
    {"color": "#0072b2", "linestyle": (0, (1, 1)), "linewidth": 1.8},
    {"color": "#cc79a7", "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.4},
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
        figure, ax = plt.subplots(figsize=(4.2, 2.8), layout="constrained")
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
        ax.legend(loc="lower right", fontsize=7)
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
