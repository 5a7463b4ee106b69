"""The game on the real line: p_data, p_g, D, and the map from z to x, as the paper's Figure 1 draws them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gan_paper.metrics import Floats, Recording
from gan_paper.plots import DATA, DISCRIMINATOR, GENERATOR, MINUS, SCREEN, STYLE, WIDTH, Pixels, animate

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_OPTIMAL: dict[str, Any] = {"color": "#56b4e9", "linestyle": "-", "linewidth": 2.2, "alpha": 0.6}  # below D, wider
_ARROWS = 17  # from the z line to the x line
_HALVES = (0, 0.5, 1), ("0", "1/2", "1")


class Snapshot(NamedTuple):
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


def figure1(games: Mapping[str, Snapshot | None]) -> Figure:
    """Figure 1: p_data, p_g and D over the x line, and below it the z line with arrows z -> x = G(z).

    D* lies beneath D. Under each panel stand the divergence and the value, measured.

    Args:
        games: By its letter, a panel each, left to right, with the same x and p_data; None is one that the run did not
            reach.
    """
    with plt.rc_context(STYLE):
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
            caption = f"{letter}\nJSD {game.jsd:.3f}\nV {game.value:.3f}".replace("-", MINUS)
            lower.set_xlabel(caption, size=7)
            key = key or _key(upper, answers)
        if key:
            figure.legend(loc="outside upper center", **key)
        return figure


def figure1_animation(recording: Recording, game: Callable[[int], Snapshot]) -> list[Pixels]:
    """A panel of `figure1`, moving: pictures (height, width, 3) of recorded iterations, evenly spread.

    `game` gives the game at an index of the recording.
    """
    with plt.rc_context(STYLE):
        figure, (upper, lower) = plt.subplots(
            2, figsize=(4.2, 3.4), sharex=True, height_ratios=(3, 1.1), layout="constrained", dpi=SCREEN
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
            measured.set_text(f"JSD {now.jsd:.3f}    V {now.value:.3f}".replace("-", MINUS))

        return animate(figure, [p_g, optimal, d, arrows, measured], recording, show, frames=150)


def learned_discriminators(games: Mapping[str, Snapshot]) -> Figure:
    """Proposition 1: D, trained against fixed generators, over D*; a panel for each game, under its title."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(games), figsize=(WIDTH, 2.0), squeeze=False, layout="constrained")
        for ax, (title, game) in zip(axes[0], games.items(), strict=True):
            answers, *_ = _draw_densities(ax, game)
            answers.set_yticks(*(_HALVES if ax is axes[0, -1] else ((), ())))
            ax.set_title(title, size=7)
            ax.set_xlabel("x")
        figure.legend(loc="outside upper center", **_key(axes[0, 0], answers))
        return figure


def _draw_game(upper: Axes, lower: Axes, game: Snapshot) -> tuple[Axes, Any, Any, Any, Any]:
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


def _draw_densities(upper: Axes, game: Snapshot) -> tuple[Axes, Any, Any, Any]:
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


def _arrows(game: Snapshot) -> tuple[Floats, Floats, Floats, Floats]:
    # From evenly spaced z, on a line as wide as the x line, to G(z): x, y, and how far right and up. The z line points
    # to where G rises, so that the arrows do not cross.
    z = np.linspace(game.z[0], game.z[-1], _ARROWS + 2)[1:-1]
    ends = game.x[[0, -1]] if game.mapped[-1] >= game.mapped[0] else game.x[[-1, 0]]
    tails = np.interp(z, game.z[[0, -1]], ends)
    return tails, np.zeros_like(z), np.interp(z, game.z, game.mapped) - tails, np.ones_like(z)
