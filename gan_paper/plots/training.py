"""Training curves."""

from collections.abc import Mapping, Sequence

from gan_paper.plots.style import DATA, DISCRIMINATOR, GENERATOR, STYLE, THEORY, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def training_curves(history: Mapping[str, Sequence[float]], generator_loss: str) -> Figure:
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
        titles = ("objectives, descended", "D's outputs", "value of the game")
        for ax, title in zip((objectives, answers, value), titles, strict=True):
            ax.locator_params(axis="x", nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)  # never over a line
            ax.set_title(title, loc="left", pad=38)  # above three lines of a legend
        figure.supxlabel("iteration")
        return figure
