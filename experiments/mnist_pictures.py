"""Grids of images, a pixel of an image a pixel of the picture: the paper's Figures 2 and 3."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gan_paper.plots import Pixels
from gan_paper.plots import CURVES, SMALL, STYLE, THEORY, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

Images = NDArray[np.floating]

_HIGHLIGHT = "#f2b705"  # the paper's yellow, dark enough to stand out from white paper in greyscale too
_GAP = 1  # white line between images, in their pixels
_PER_INCH = 100  # pixels of images: 2 dots each at the 200 dots per inch of `Run.save_figure`, so none is uneven
_ANIMATION_DOTS = 2  # dots a pixel


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
    with plt.rc_context(STYLE):
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
    with plt.rc_context(STYLE):
        figure, ax = _pixel_axes(width, height + below)
        _place(ax, tiles, 0, 0)
        y = height + below / 2
        ax.text(side / 2, y, "$z_0$", size=8, ha="center", va="center")
        ax.text(width - side / 2, y, "$z_1$", size=8, ha="center", va="center")
        ax.plot([side, width - side], [y, y], **THEORY)
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
    with plt.rc_context(STYLE):
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


def quality(columns: Mapping[str, Sequence[float]], published: float = 225) -> Figure:
    """How good G is in the course of training: its log-likelihood, against Table 1's, and its precision.

    Args:
        columns: Of a run's history: `epoch`, and for the average of the iterates and for the last one the validation
            log-likelihood in nats and the precision among pixels, in [0, 1], all (R,); NaN where none was measured.
        published: Table 1's mean in nats, of the test set.
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.4), layout="constrained")
        epochs = np.asarray(columns["epoch"])
        for prefix, name, style in (("last_iterate_", "last iterate", CURVES[1]), ("", "average", CURVES[0])):
            for ax, measure in ((left, "log_likelihood"), (right, "precision")):
                values = np.asarray(columns[f"{prefix}{measure}"])
                known = ~np.isnan(values)
                ax.plot(epochs[known], values[known], label=name, **style)
        left.axhline(published, color="0.4", linestyle="--", linewidth=0.8)
        left.annotate(
            f"Table 1: {published:g} (test)",
            (0.02, published - 3),
            xycoords=("axes fraction", "data"),
            va="top",
            size=7,
        )
        # An untrained generator is at about -140: down to there, what matters would have half the height.
        left.set(ylim=(0, None), xlabel="epoch", ylabel="validation log-likelihood, nats")
        right.set(ylim=(0, 1), xlabel="epoch", ylabel="precision among pixels")
        right.legend(loc="lower right")
        return figure


def side_by_side(panels: Mapping[str, tuple[Images, Mapping[str, str]]]) -> Figure:
    """Samples of several generators, with what each measure says of them.

    Args:
        panels: By its title, samples in [0, 1], (rows, columns, side * side), and their measures, the same of each.
    """
    with plt.rc_context(STYLE):
        size = (1 + 1.3 * len(panels), 2.75)  # inches: the first is for the measures' names
        figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
        for ax, (title, (samples, measures)) in zip(axes[0], panels.items(), strict=True):
            tiles = _tile(samples)
            _place(ax, tiles, 0, 0)
            ax.set(xticks=[], yticks=[], xlim=(0, tiles.shape[1]), ylim=(tiles.shape[0], 0))
            ax.set_title(title, size=SMALL)
            ax.set_frame_on(False)
            below = {"transform": ax.transAxes, "size": SMALL, "va": "top"}
            for line, (name, value) in enumerate(measures.items()):
                y = -0.04 - 0.09 * line
                ax.text(0.5, y, value, ha="center", **below)
                if ax is axes[0, 0]:
                    ax.text(-0.05, y, name, ha="right", **below)
        return figure


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
