"""Grids of images, drawn pixel by pixel, such as the paper's Figures 2 and 3; and sample quality over training.

Images are arrays (..., side, side, channels) with 1 or 3 channels, from 0 (black) to 1; values beyond are clipped.
"""

from collections.abc import Mapping
from typing import Any

from gan_paper.plots import CURVES, SMALL, STYLE, THEORY, WIDTH, image_grid

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

QUALITY = {"log_likelihood": "validation log-likelihood, nats", "precision": "precision", "recall": "recall"}
"""The columns of the history that `quality` draws, and their labels."""
PAPER_NATS = 225  # nats, of the test images
_HIGHLIGHT = "#f2b705"  # the paper's yellow, dark enough to stand out from white paper in greyscale too
_PER_INCH = 100  # pixels of images: 2 dots each at the 200 dots per inch of `save_figure`, so none is uneven


def samples_with_neighbours(samples: NDArray, neighbours: NDArray) -> Figure:
    """Figure 2: samples, and in a framed column the training example nearest to the last sample of each row.

    Args:
        samples: (rows, columns, side, side, channels); the paper has 4 rows of 5.
        neighbours: (rows, side, side, channels).
    """
    left, right = image_grid(samples), image_grid(neighbours[:, None])
    frame, apart = 2, 3
    height, start = left.shape[0] + 2 * frame, left.shape[1] + apart + frame
    figure, ax = _pixel_axes(start + right.shape[1] + frame, height)
    _place(ax, left, 0, frame)
    _place(ax, right, start, frame)
    corner = (start - frame / 2, frame / 2)  # around the images and not over their edges
    size = (right.shape[1] + frame, right.shape[0] + frame)
    points = frame * 72 / _PER_INCH
    ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_HIGHLIGHT, linewidth=points))
    return figure


def grid(images: NDArray) -> Figure:
    """Images (rows, columns, side, side, channels), side by side."""
    tiles = image_grid(images)
    figure, ax = _pixel_axes(tiles.shape[1], tiles.shape[0])
    _place(ax, tiles, 0, 0)
    return figure


def interpolations(images: NDArray) -> Figure:
    """Figure 3: images (rows, steps, side, side, channels) along straight lines in z space, a row from z_0 to z_1."""
    tiles, side = image_grid(images), images.shape[2]
    height, width = tiles.shape[:2]
    below = 14  # pixels below the images, for text of 8 points
    with plt.rc_context(STYLE):
        figure, ax = _pixel_axes(width, height + below)
        _place(ax, tiles, 0, 0)
        y = height + below / 2
        ax.text(side / 2, y, "$z_0$", size=8, ha="center", va="center")
        ax.text(width - side / 2, y, "$z_1$", size=8, ha="center", va="center")
        ax.plot([side, width - side], [y, y], **THEORY)
        return figure


def quality(columns: Mapping[str, ArrayLike]) -> Figure:
    """Precision, recall and, on MNIST, the log-likelihood of G over training, with Table 1's.

    Args:
        columns: Columns of a run's history, each (R,): `epoch`, and for the EMA of the weights and for the last iterate
            the precision and the recall among pixels, in [0, 1], and the validation log-likelihood in nats; NaN where
            they were not measured.
    """
    shown = {name: label for name, label in QUALITY.items() if name in columns}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(shown), figsize=(WIDTH, 2.4), layout="constrained")
        epochs = np.asarray(columns["epoch"])
        for ax, (measure, label) in zip(axes, shown.items(), strict=True):
            for prefix, name, style in (("last_iterate_", "last iterate", CURVES[1]), ("", "EMA", CURVES[0])):
                values = np.asarray(columns[f"{prefix}{measure}"])
                known = ~np.isnan(values)
                ax.plot(epochs[known], values[known], label=name, **style)
            # An untrained generator has about -140 nats: an axis down to there would halve the height of what matters.
            ax.set(ylim=(0, 250 if measure == "log_likelihood" else 1), xlabel="epoch", ylabel=label)
            if measure == "log_likelihood":
                ax.axhline(PAPER_NATS, color="0.4", linestyle="--", linewidth=0.8)
                y = PAPER_NATS - 3
                ax.text(0.02, y, "Table 1: 225 (test)", transform=ax.get_yaxis_transform(), va="top", size=SMALL)
        axes[-1].legend(loc="lower right")
        return figure


def side_by_side(panels: Mapping[str, tuple[NDArray, Mapping[str, str]]]) -> Figure:
    """Samples of several generators, and the measures of each.

    Args:
        panels: By title, samples (rows, columns, side, side, channels) and their measures, the same ones for each.
    """
    with plt.rc_context(STYLE):
        size = (1 + 1.3 * len(panels), 2.75)  # inches: the first is for the measures' names
        figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
        for ax, (title, (samples, measures)) in zip(axes[0], panels.items(), strict=True):
            _place(ax, image_grid(samples), 0, 0)
            ax.set_axis_off()
            ax.set_title(title, size=SMALL)
            below: dict[str, Any] = {"transform": ax.transAxes, "size": SMALL, "va": "top", "linespacing": 1.6}
            ax.text(0.5, -0.04, "\n".join(measures.values()), ha="center", **below)
            if ax is axes[0, 0]:
                ax.text(-0.05, -0.04, "\n".join(measures), ha="right", **below)
        return figure


def _pixel_axes(width: int, height: int) -> tuple[Figure, Axes]:
    # bare axes all over a figure whose unit of length is one pixel of the images, y downwards
    figure = plt.figure(figsize=(width / _PER_INCH, height / _PER_INCH))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(height, 0))
    return figure, ax


def _place(ax: Axes, tiles: NDArray, x: int, y: int) -> None:
    height, width = tiles.shape[:2]
    extent = (x, x + width, y + height, y)
    ax.imshow(tiles, cmap="gray", vmin=0, vmax=1, interpolation="none", extent=extent)  # a PDF gets these very pixels
