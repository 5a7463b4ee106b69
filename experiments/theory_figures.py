"""Figures of the theorem, of Proposition 2 and of section 3, as `experiments/theory.py` measures them."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_paper.metrics import Floats
from gan_paper.plots import CURVES, DATA, DISCRIMINATOR, MINUS, SMALL, STYLE, THEORY, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

_POINTS: dict[str, Any] = {"color": "black", "markersize": 3, "markerfacecolor": "none", "markeredgewidth": 0.8}
_LEARNED: dict[str, Any] = {"color": DISCRIMINATOR["color"], "markersize": 4}


def draw_theorem1(path: Floats, exact: Sequence[float], estimated: Sequence[float], learned: Sequence[float]) -> Figure:
    """Theorem 1: the value along a path of generators, least where p_g = p_data.

    Args:
        path: The generators' places on the path, (T,); at 0, p_g = p_data.
        exact: -log 4 + 2 JSD(p_data || p_g) by quadrature, (T,) in nats.
        estimated: V(D*, G) by Monte Carlo, (T,).
        learned: V(D, G) of a trained D, (T,).
    """
    with plt.rc_context(STYLE):
        figure, (values, differences) = plt.subplots(1, 2, figsize=(WIDTH, 2.2), layout="constrained")
        values.plot(path, exact, label=f"{MINUS}log 4 + 2 JSD, quadrature", **THEORY)
        values.plot(path, estimated, "o", label="V(D*, G), Monte Carlo", **_POINTS)
        values.plot(path, learned, "x", label="V(D, G), D trained", **_LEARNED)
        values.axhline(-np.log(4), color="0.4", linestyle=":", linewidth=0.7)
        values.text(1.02, -np.log(4), f"{MINUS}log 4", transform=values.get_yaxis_transform(), va="center", size=7)
        values.set(xlabel="place of G on its path (0: $p_g = p_{data}$)", ylabel="nats", ylim=(None, 0.35))
        values.legend(loc="upper center", fontsize=SMALL)
        differences.axhline(0, **THEORY)
        differences.plot(path, np.subtract(estimated, exact), "o", label="Monte Carlo", **_POINTS)
        differences.plot(path, np.subtract(learned, exact), "x", label="D trained", **_LEARNED)
        differences.ticklabel_format(axis="y", scilimits=(-2, 2))
        differences.set(xlabel="place of G on its path", ylabel="nats above quadrature")
        differences.legend(fontsize=SMALL)
        return figure


def draw_proposition2(
    x: Floats, p_data: Floats, shown: Mapping[int, Floats], divergences: Mapping[str, Sequence[float]]
) -> Figure:
    """Proposition 2: p_g at some steps of its gradient descent, and its divergence from p_data.

    Args:
        x: The grid, (X,).
        p_data: The density of the data there, (X,).
        shown: By step, p_g on the grid, (X,); four at most.
        divergences: By the name of the initial p_g, JSD(p_data || p_g) in nats at every step, (T,).
    """
    with plt.rc_context(STYLE):
        figure, (densities, curves) = plt.subplots(1, 2, figsize=(WIDTH, 2.2), layout="constrained")
        for (step, p_g), style in zip(shown.items(), reversed(CURVES[: len(shown)]), strict=True):
            densities.plot(x, p_g, label=f"$p_g$, step {step}", **style)
        densities.plot(x, p_data, label="$p_{data}$", **DATA)
        highest = max(p_data.max(), *(p_g.max() for p_g in shown.values()))
        densities.set(xlabel="x", ylabel="density", ylim=(0, 1.5 * highest))  # with room for the legend
        for (name, series), style in zip(divergences.items(), CURVES, strict=False):
            curves.semilogy(series, label=f"from {name}", **style)
        curves.set(xlabel="step", ylabel="JSD, nats")
        densities.legend(fontsize=SMALL, ncols=2, loc="upper center")
        curves.legend(fontsize=SMALL)
        return figure


def draw_section3(d_fake: Floats, saturating: Floats, non_saturating: Floats) -> Figure:
    """Section 3: the gradients of the two generator objectives while D learns to reject G's first samples.

    Args:
        d_fake: The mean of D(G(z)), (T,).
        saturating: The norm of the gradient of log(1 - D(G(z))) with respect to G's weights, (T,).
        non_saturating: The norm of the gradient of -log D(G(z)), (T,).
    """
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(0.62 * WIDTH, 2.4), layout="constrained")
        ax.loglog(d_fake, non_saturating, label=f"{MINUS}log D(G(z)), section 3", **CURVES[0])
        ax.loglog(d_fake, saturating, label=f"log(1 {MINUS} D(G(z))), Algorithm 1", **CURVES[1])
        ax.set(xlabel="mean D(G(z)): D rejects the samples to the right", ylabel="norm of G's gradient")
        ax.invert_xaxis()
        ax.legend(fontsize=SMALL)
        return figure
