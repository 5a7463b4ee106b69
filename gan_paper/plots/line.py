"""A GAN on the real line: p_data, p_g, D, and the map from z to x, as the paper's Figure 1 draws them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from gan_paper.metrics import Floats, Recording
from gan_paper.plots import DATA, DISCRIMINATOR, GENERATOR, MINUS, OPTIMAL, SCREEN, STYLE, WIDTH, Pixels, animate

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_ARROWS = 9  # number of arrows from the z line to the x line
_DEPTH = 0.45  # distance of the z line below the x line, on D's axis
_TOP = 1.04  # upper end of D's axis
_HALVES = (0, 0.5, 1), ("0", "1/2", "1")


class Snapshot(NamedTuple):
    """A GAN on the real line at one iteration: what a panel of Figure 1 shows."""

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
    """(Z,), rising, over the range of the noise. This and the fields below are for Figure 1 alone."""
    mapped: Floats = np.zeros(0)
    """G(z), (Z,)."""
    jsd: float = np.nan
    """Jensen-Shannon divergence of p_data and p_g, in nats."""
    value: float = np.nan
    """V(D, G) in nats."""


def figure1(snapshots: Mapping[str, Snapshot | None]) -> Figure:
    """Draw Figure 1: p_data, p_g and D over the x line, and below it the z line with arrows z -> x = G(z).

    D* is drawn behind D. The Jensen-Shannon divergence and the value, as measured, are printed below each panel.

    Args:
        snapshots: The panels by their letters, left to right, all with the same x and p_data; None for a panel that
            the run did not reach.
    """
    reached = {letter: snapshot for letter, snapshot in snapshots.items() if snapshot}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(snapshots), figsize=(WIDTH, 2.1), squeeze=False, layout="constrained")
        legend: dict[str, Any] = {}
        for ax, (letter, snapshot) in zip(axes[0], snapshots.items(), strict=True):
            ax.set_xlabel(f"({letter})\nnot reached", size=7)
            ax.set(xticks=(), yticks=())
            ax.spines[:].set_visible(False)
            if snapshot:
                answers, *_ = _draw_snapshot(ax, snapshot, _highest(reached.values()))
                answers.set_yticks(*(_HALVES if letter == [*reached][-1] else ((), ())))
                ax.set_xlabel(f"({letter})\nJSD {snapshot.jsd:.4f}\nV {snapshot.value:.3f}".replace("-", MINUS))
                legend = legend or _legend(ax, answers)
        if legend:
            figure.legend(loc="outside upper center", **legend)
        return figure


def figure1_animation(recording: Recording, snapshot: Callable[[int], Snapshot]) -> list[Pixels]:
    """Animate a panel of `figure1` over training: frames (height, width, 3) of recorded iterations.

    `snapshot` gives the snapshot at an index of the recording.
    """
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(4.2, 3.2), layout="constrained", dpi=SCREEN)
        highest = _highest(snapshot(index) for index in range(len(recording.iterations)))
        answers, p_g, d, optimal, arrows = _draw_snapshot(ax, snapshot(0), highest)
        answers.set_yticks(*_HALVES)
        measured = ax.set_xlabel(" ")  # blank, to reserve room: the axis would draw it into the still part
        figure.legend(loc="outside upper right", **_legend(ax, answers))

        def show(index: int) -> None:
            now = snapshot(index)
            p_g.set_ydata(now.p_g)
            d.set_ydata(now.d)
            optimal.set_ydata(now.optimal)
            arrows.set_UVC(*_arrows(now)[2:])
            measured.set_text(f"JSD {now.jsd:.4f}    V {now.value:.3f}".replace("-", MINUS))

        return animate(figure, [p_g, optimal, d, arrows, measured], recording, show, frames=150)


def learned_discriminators(snapshots: Mapping[str, Snapshot]) -> Figure:
    """Draw Proposition 1: D, trained against fixed generators, over D*; a panel for each snapshot, by its title."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(snapshots), figsize=(WIDTH, 2.0), squeeze=False, layout="constrained")
        for ax, (title, snapshot) in zip(axes[0], snapshots.items(), strict=True):
            answers, *_ = _draw_densities(ax, snapshot, _highest([snapshot]))
            answers.set_yticks(*(_HALVES if ax is axes[0, -1] else ((), ())))
            ax.set_title(title, size=7)
            ax.set_xlabel("x")
        figure.legend(loc="outside upper center", **_legend(axes[0, 0], answers))
        return figure


def _highest(snapshots: Iterable[Snapshot]) -> float:
    return max(max(snapshot.p_data.max(), snapshot.p_g.max()) for snapshot in snapshots)


def _draw_snapshot(ax: Axes, snapshot: Snapshot, highest: float) -> tuple[Axes, Any, Any, Any, Any]:
    # Returns D's axes and the artists that change: the lines of p_g, D and D*, and the arrows.
    answers, p_g, d, optimal = _draw_densities(ax, snapshot, highest)
    for y, name in ((0, "x"), (-_DEPTH, "z")):
        answers.axhline(y, color="black", linewidth=0.7)
        answers.text(-0.02, y, name, transform=answers.get_yaxis_transform(), ha="right", va="center", size=7)
    arrows = answers.quiver(
        *_arrows(snapshot), angles="xy", scale_units="xy", scale=1, width=0.008, units="inches", headwidth=4.5,
        headlength=7, headaxislength=6, color="0.2",
    )  # fmt: skip
    for each in (ax, answers):
        each.spines["bottom"].set_visible(False)
        high = each.get_ylim()[1]
        each.set_ylim(-1.05 * _DEPTH * high / _TOP, high)
    return answers, p_g, d, optimal, arrows


def _legend(upper: Axes, answers: Axes) -> dict[str, Any]:
    # The arguments of a legend for both axes.
    lines = {line.get_label(): line for line in (*upper.lines, *answers.lines[:2])}  # the others are the x and z lines
    return {"handles": lines.values(), "labels": lines, "ncols": 4}


def _draw_densities(ax: Axes, snapshot: Snapshot, highest: float) -> tuple[Axes, Any, Any, Any]:
    ax.plot(snapshot.x, snapshot.p_data, label="$p_{data}$", **DATA)
    (p_g,) = ax.plot(snapshot.x, snapshot.p_g, label="$p_g$", **GENERATOR)
    ax.set(ylim=(0, 1.15 * highest), yticks=(), xlim=snapshot.x[[0, -1]], xticks=())
    answers = ax.twinx()
    (d,) = answers.plot(snapshot.x, snapshot.d, label="D", zorder=3, **DISCRIMINATOR)
    (optimal,) = answers.plot(snapshot.x, snapshot.optimal, label="D*", zorder=2, **OPTIMAL)
    answers.set(ylim=(0, _TOP))
    for each in (ax, answers):
        each.spines[["left", "right"]].set_visible(False)
    return answers, p_g, d, optimal


def _arrows(snapshot: Snapshot) -> tuple[Floats, Floats, Floats, Floats]:
    # Arrows from evenly spaced z to G(z): their start, x and y, and their extent in x and y. The z line is as wide as
    # the x line. If G falls, it runs from right to left, so that the arrows do not cross.
    z = np.linspace(snapshot.z[0], snapshot.z[-1], _ARROWS + 2)[1:-1]
    ends = snapshot.x[[0, -1]] if snapshot.mapped[-1] >= snapshot.mapped[0] else snapshot.x[[-1, 0]]
    tails = np.interp(z, snapshot.z[[0, -1]], ends)
    return tails, np.full_like(z, -_DEPTH), np.interp(z, snapshot.z, snapshot.mapped) - tails, np.full_like(z, _DEPTH)
