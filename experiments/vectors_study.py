"""Why the notebook's vectors of 1,000 collapse: `python experiments/vectors_study.py [--seed N] [--iterations N]`.

One cause after the other is taken away:
  published  The notebook's networks, optimizers and initial weights.
  rule       Its networks, with Adam at 0.001 (beta_1 0.5), weights of unit gain, centred noise, standardised examples.
  rank 50    The optimizers of `vectors.py`. G is one dense layer of 50-dimensional noise. So the covariance of its
             vectors has a rank of at most 50. So has that of the notebook's G, whose last hidden layer has 50 units.
  full rank  The same, with 1,000-dimensional noise.
The last two are trained against discriminators with 50 hidden units, as the notebook's, and with more.

It writes `figures/reference/results/vectors-study.json` and `figures/vectors-study.png` and `.pdf`. `--draw` only draws
the figure again.
"""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_paper import GAN, run
from gan_paper.distributions import Uniform
from gan_paper.layers import elu, torch_dense
from gan_paper.metrics.distances import vector_distances
from gan_paper.plots import CURVES, DATA, STYLE, THEORY, WIDTH
from gan_paper.run import files

import keras
import matplotlib.pyplot as plt
import numpy as np
import tyro
import vectors
from keras.layers import Rescaling
from keras.optimizers import Adam
from keras.optimizers.schedules import CosineDecay
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from vectors import P_DATA

FIGURES = Path(__file__).parent.parent / "figures"
RESULT = FIGURES / "reference" / "results" / "vectors-study.json"
N = 1000
RANKS = {"rank 50": 50, "full rank": N}
PUBLISHED_WIDTH = 50
M, D_LEARNING_RATE, G_LEARNING_RATE = 100, 1e-3, 8e-3  # of `rank 50` and `full rank`; m is the notebook's


@dataclass(frozen=True)
class Arguments:
    """Train each pair of networks, and draw the distances of G's samples to the data."""

    widths: tuple[int, ...] = (50, 200, 1000)
    """Units of D's hidden layer."""
    iterations: int = 1_500
    """Iterations of Algorithm 1 for each pair."""
    seed: int = 100
    """Seed of the initial weights, the examples and the noise."""
    draw: bool = False
    """Only draw the figure again, from the values that are there."""


def main(arguments: Arguments) -> None:
    """Train, write, draw.

    Raises:
        run.Refused: if there is nothing to draw, or a number is out of its range.
    """
    if arguments.draw:
        try:
            result = json.loads(files.read_text(RESULT))
        except ValueError as error:
            raise run.Refused(f"--draw: {error}") from None
    else:
        if min(arguments.widths, default=0) < 1:
            raise run.Refused(f"--widths must be at least one number of at least 1, not {arguments.widths}")
        for name, least in (("iterations", 1), ("seed", 0)):
            if getattr(arguments, name) < least:
                raise run.Refused(f"--{name} must be at least {least}, not {getattr(arguments, name)}")
        cases = [("published", PUBLISHED_WIDTH), ("rule", PUBLISHED_WIDTH)]
        cases += [(case, width) for case in RANKS for width in arguments.widths]
        settings = {"m": M, "k": 1, "d_learning_rate": D_LEARNING_RATE, "g_learning_rate": G_LEARNING_RATE}
        settings |= {"widths": arguments.widths, "iterations": arguments.iterations, "seed": arguments.seed}
        result = {"settings": settings, "pairs": [train(case, width, arguments) for case, width in cases]}
        files.write_text(RESULT, json.dumps(result, indent=1) + "\n")
    names = ("case", "width", "std_across_noise", "wasserstein_per_dimension", "correlation", "d_real", "d_fake")
    print(run.table([names, *([pair[name] for name in names] for pair in result["pairs"])]))
    config = {"experiment": "vectors-study", **result["settings"]}
    written = run.save_figure(FIGURES / "vectors-study.png", draw(result["pairs"]), config)
    print("written:", *written, sep="\n  ")


def train(case: str, width: int, arguments: Arguments) -> dict[str, Any]:
    """Train one pair.

    Args:
        case: Of the docstring above.
        width: Units of D's hidden layer.
        arguments: The command line.

    Returns:
        The pair, the distances of G's samples to the data, D's means on the last minibatches, and the seconds.
    """
    began = time.perf_counter()
    if case == "published":
        gan = vectors.make_gan(replace(vectors.PRESETS["notebook"], seed=arguments.seed))
    else:
        gan = make_gan(case, width, arguments)
    history = gan.fit(
        P_DATA, batch_size=M, steps_per_epoch=arguments.iterations, seed=arguments.seed, verbose=0
    ).history
    found = vector_distances(gan.sample(5000, arguments.seed), P_DATA)
    found |= {name: float(history[name][-1]) for name in ("d_real", "d_fake")}
    pair = {"case": case, "width": width, **found, "seconds": time.perf_counter() - began}
    print(pair, flush=True)
    return pair


def make_gan(case: str, width: int, arguments: Arguments) -> GAN:
    """The networks and the optimizers of a case other than `published`."""
    keras.utils.set_random_seed(arguments.seed)
    moments = P_DATA.mean, P_DATA.std
    if case == "rule":
        gan = GAN(*unit_gain(), Uniform(-1, 1))
        gan.compile(Adam(1e-3, 0.5), Adam(1e-3, 0.5))
        return gan
    # With fewer dimensions the noise is wider, so that the samples start with one standard deviation.
    size, preset = RANKS[case], vectors.PRESETS["default"]
    reach = vectors.NOISE[preset.noise].high * (N / size) ** 0.5
    generator = vectors.full_rank_generator(N, size, *moments)
    gan = GAN(generator, vectors.wide_discriminator(N, *moments, units=width), Uniform(-reach, reach))
    schedules = (CosineDecay(first, arguments.iterations) for first in (D_LEARNING_RATE, G_LEARNING_RATE))
    gan.compile(*(Adam(schedule, preset.momentum) for schedule in schedules))
    return gan


def unit_gain() -> tuple[Any, Any]:
    """The notebook's G and D between layers that standardise; initial weights U(-1, 1) sqrt(3 / inputs)."""
    gain, (mean, std) = 3**0.5, (P_DATA.mean, P_DATA.std)
    hidden = [[torch_dense(N, 50, elu, gain), torch_dense(50, 50, elu, gain)] for _ in range(2)]
    outputs = [torch_dense(50, N, None, gain), Rescaling(std, mean)]
    generator = keras.Sequential([keras.Input((N,)), *hidden[0], *outputs], name="generator")
    answer = torch_dense(50, 1, "sigmoid", gain)
    scaled = Rescaling(1 / std, -mean / std)
    return generator, keras.Sequential([keras.Input((N,)), scaled, *hidden[1], answer], name="discriminator")


def draw(pairs: list[dict[str, Any]]) -> Figure:
    """The std across z, the distance per dimension, and correlations, against D's width: a line for each rank of G."""
    panels = {
        "std_across_noise": ("standard deviation across z", P_DATA.std, DATA),
        "wasserstein_per_dimension": ("Wasserstein-1 per dimension", 0.0, DATA),
        # Of two random directions in 50 dimensions the cosine is about N(0, 1 / 50).
        "correlation": ("correlation of two dimensions", (2 / np.pi / RANKS["rank 50"]) ** 0.5, THEORY),
    }
    singles = {"published": ("the notebook as published", "x"), "rule": ("its networks, Adam, unit gain", "+")}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.2), layout="constrained")
        ticks = sorted({pair["width"] for pair in pairs})
        for ax, (key, (title, level, line)) in zip(axes, panels.items(), strict=True):
            for name, style in zip(RANKS, CURVES, strict=False):
                mine = [(pair["width"], pair[key]) for pair in pairs if pair["case"] == name]
                ax.plot(*zip(*mine, strict=True), marker="o", ms=3, label=f"G of {name}", **style)
            for pair in pairs:
                if pair["case"] in singles:
                    label, marker = singles[pair["case"]]
                    ax.plot(pair["width"], pair[key], color="black", marker=marker, ms=5, ls="", label=label)
            ax.axhline(level, label="the data" if line is DATA else "rank 50, random directions", **line)
            ax.set(title=title, xscale="log", ylim=(0, None))
            ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            ax.xaxis.set_minor_locator(NullLocator())
        figure.supxlabel("units of D's hidden layer")
        labelled = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        figure.legend(labelled.values(), labelled.keys(), loc="outside upper center", ncols=3)
        return figure


if __name__ == "__main__":
    with run.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
