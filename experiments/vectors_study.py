"""Why the notebook's vectors of 1,000 collapse: `python experiments/vectors_study.py [--seed N] [--iterations N]`.

One cause after the other is taken away:
  published  The notebook's networks, rule and initial weights.
  rule       Its networks, with Adam at 0.001 (beta_1 0.5), weights of unit gain, centred noise, standardised examples.
  rank 50    The rule of `gaussian.py --preset vectors`. G is one dense layer of noise of 50 numbers. So the covariance
             of its vectors has a rank of at most 50. So has that of the notebook's G, which ends in 50 units.
  full rank  The same, with noise of 1,000 numbers.
The last two play against discriminators with 50 units, as the notebook's, and with more.

It writes the figures to `figures/reference/results/vectors-study.json` and the picture `figures/vectors-study.png` and
`.pdf`. `--draw` only draws the picture again.
"""

import dataclasses
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_paper import runs
from gan_paper.distributions import Uniform
from gan_paper.runs import files

import gaussian
import numpy as np
import tyro

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN

FIGURES = Path(__file__).parent.parent / "figures"
RESULT = FIGURES / "reference" / "results" / "vectors-study.json"
N, (P_DATA, _) = 1000, gaussian.PUBLISHED
RANKS = {"rank 50": 50, "full rank": N}
PUBLISHED_WIDTH = 50
M, D_RATE, G_RATE = 100, 1e-3, 8e-3  # of `rank 50` and `full rank`; m is the notebook's


@dataclass(frozen=True)
class Arguments:
    """Train each pair of networks, and draw how far G(z) comes."""

    widths: tuple[int, ...] = (50, 200, 1000)
    """Units of D's layer."""
    iterations: int = 1_500
    """Iterations of Algorithm 1 for each pair."""
    seed: int = 100
    """Seed of the initial weights, the examples and the noise."""
    draw: bool = False
    """Only draw the picture again, from the figures that are there."""


def main(arguments: Arguments) -> None:
    """Train, write, draw.

    Raises:
        runs.Refused: if there is nothing to draw, or a number is out of its range.
    """
    if arguments.draw:
        try:
            result = json.loads(files.read_text(RESULT))
        except (OSError, ValueError):
            raise runs.Refused(f"--draw needs {RESULT}, which cannot be read") from None
    else:
        if min(arguments.widths, default=0) < 1:
            raise runs.Refused(f"--widths must be at least one number of at least 1, not {arguments.widths}")
        for name, least in (("iterations", 1), ("seed", 0)):
            if getattr(arguments, name) < least:
                raise runs.Refused(f"--{name} must be at least {least}, not {getattr(arguments, name)}")
        runs.quiet_tensorflow()
        cases = [("published", PUBLISHED_WIDTH), ("rule", PUBLISHED_WIDTH)]
        cases += [(case, width) for case in RANKS for width in arguments.widths]
        settings = {"m": M, "k": 1, "d_rate": D_RATE, "g_rate": G_RATE, **dataclasses.asdict(arguments)}
        del settings["draw"]
        result = {"settings": settings, "pairs": [train(case, width, arguments) for case, width in cases]}
        files.write_text(RESULT, json.dumps(result, indent=1) + "\n")
    names = ("case", "width", "std_across_noise", "own_wasserstein", "wasserstein", "correlation", "d_real", "d_fake")
    print(runs.table([names, *([pair[name] for name in names] for pair in result["pairs"])]))
    config = {"experiment": "vectors-study", **result["settings"]}
    written = runs.save_picture(FIGURES / "vectors-study.png", picture(result["pairs"]), config)
    print("written:", *written, sep="\n  ")


def train(case: str, width: int, arguments: Arguments) -> dict[str, Any]:
    """Train one pair.

    Args:
        case: Of the docstring above.
        width: Units of D's layer.
        arguments: The command line.

    Returns:
        The pair, how G's last iterate matches the data, D's means on the last minibatches, and the seconds.
    """
    began = time.perf_counter()
    if case == "published":
        gan = gaussian.make_gan(replace(gaussian.PRESETS["notebook"], seed=arguments.seed))
    else:
        gan = adversaries(case, width, arguments)
    history = gan.fit(
        P_DATA, batch_size=M, steps_per_epoch=arguments.iterations, seed=arguments.seed, verbose=0
    ).history
    found = match(gan, arguments.seed) | {name: float(history[name][-1]) for name in ("d_real", "d_fake")}
    pair = {"case": case, "width": width, **found, "seconds": time.perf_counter() - began}
    print(pair, flush=True)
    return pair


def match(gan: "GAN", seed: int) -> dict[str, Any]:
    """How 5,000 samples match the data, entry by entry."""
    from gan_paper.measure.samples import match_of_entries

    return match_of_entries(gan.sample(5000, seed), P_DATA)


def adversaries(case: str, width: int, arguments: Arguments) -> "GAN":
    """The networks and the rule of a case other than `published`."""
    from gan_paper.algorithm1 import GAN

    import keras
    from keras.optimizers import Adam
    from keras.optimizers.schedules import CosineDecay

    keras.utils.set_random_seed(arguments.seed)
    moments = P_DATA.mean, P_DATA.std
    if case == "rule":
        gan = GAN(*unit_gain(), Uniform(-1, 1))
        gan.compile(Adam(1e-3, 0.5), Adam(1e-3, 0.5))
        return gan
    # Of less noise each number is larger, so that the entries begin with one spread and need weights of one size.
    size, preset = RANKS[case], gaussian.PRESETS["vectors"]
    reach = gaussian.NOISE[preset.noise].high * (N / size) ** 0.5
    generator = gaussian.affine_generator(N, size, *moments, scale=preset.first_layer)
    gan = GAN(generator, gaussian.wide_discriminator(N, *moments, units=width), Uniform(-reach, reach))
    rates = (CosineDecay(rate, arguments.iterations) for rate in (D_RATE, G_RATE))
    d_optimizer, g_optimizer = (Adam(rate, preset.momentum) for rate in rates)
    gan.compile(d_optimizer, g_optimizer)
    return gan


def unit_gain() -> tuple[Any, Any]:
    """The notebook's G and D between layers that standardise; the weights begin in U(-1, 1) sqrt(3 / inputs)."""
    from gan_paper.layers import elu, torch_dense

    from keras import Input, Sequential
    from keras.layers import Rescaling

    gain, (mean, std) = 3**0.5, (P_DATA.mean, P_DATA.std)
    hidden = [[torch_dense(N, 50, elu, gain), torch_dense(50, 50, elu, gain)] for _ in range(2)]
    outputs = [torch_dense(50, N, None, gain), Rescaling(std, mean)]
    generator = Sequential([Input((N,)), *hidden[0], *outputs], name="generator")
    answer = torch_dense(50, 1, "sigmoid", gain)
    scaled = Rescaling(1 / std, -mean / std)
    return generator, Sequential([Input((N,)), scaled, *hidden[1], answer], name="discriminator")


def picture(pairs: list[dict[str, Any]]) -> Any:
    """Spread across z, an entry's own distance, and correlations, against D's width: a line for each rank of G."""
    from gan_paper.plots.style import CURVES, DATA, STYLE, THEORY, WIDTH

    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    panels = {
        "std_across_noise": ("standard deviation across z", P_DATA.std, DATA),
        "own_wasserstein": ("an entry's own Wasserstein-1", 0.0, DATA),
        # Of two random directions in 50 dimensions the cosine is about N(0, 1 / 50).
        "correlation": ("correlation of two entries", (2 / np.pi / RANKS["rank 50"]) ** 0.5, THEORY),
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
        figure.supxlabel("units of D's layer")
        labelled = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        figure.legend(labelled.values(), labelled.keys(), loc="outside upper center", ncols=3)
        return figure


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
