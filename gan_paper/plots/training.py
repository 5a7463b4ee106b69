"""Curves over training."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from gan_paper.plots.style import CURVES, DATA, DISCRIMINATOR, GENERATOR, STYLE, THEORY, WIDTH


def course(history: Mapping[str, Sequence[float]], generator_loss: str) -> Figure:
    """The course of training: both objectives, D's mean answers, and V.

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
        titles = ("objectives, descended", "what D answers", "value of the game")
        for ax, title in zip((objectives, answers, value), titles, strict=True):
            ax.locator_params(axis="x", nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)  # never over a line
            ax.set_title(title, loc="left", pad=38)  # above three lines of a legend
        figure.supxlabel("iteration")
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
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
        t = np.asarray(epochs)
        for (name, values), style in zip(curves.items(), cycle(CURVES), strict=False):
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
