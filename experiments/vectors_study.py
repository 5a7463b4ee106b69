"""Why the notebook's vectors of 1,000 collapse: `python experiments/vectors_study.py [--seed N] [--iterations N]`.

Two generators, the notebook's layers and one linear layer of full rank, each against discriminators whose first layer
has 50 units, as published, and more. The notebook's layers make a G(z) of rank 50 at most.
All else is one setting: m = 100, k = 1, Adam at 0.001 for both (beta_1 0.5), z of size 1,000,
examples standardised, weights U(-1, 1) / sqrt(inputs). An entry of the data has a standard deviation of 1.25.

It writes the figures to `figures/reference/results/vectors-study.json` and the picture `figures/vectors-study.png` and
`.pdf`. `--draw` only draws the picture again.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from gan_paper import runs
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.runs import files

FIGURES = Path(__file__).parent.parent / "figures"
RESULT = FIGURES / "reference" / "results" / "vectors-study.json"
N, P_DATA = 1000, Gaussian(4, 1.25)
GENERATORS = {"rank 50": "the notebook's layers: rank 50", "full rank": "one linear layer: full rank"}
RATE, M = 1e-3, 100


@dataclass(frozen=True)
class Arguments:
    """Train each pair of networks, and draw how far G(z) comes."""

    widths: tuple[int, ...] = (50, 200, 1000)
    """Units of D's first layer."""
    iterations: int = 2000
    """Iterations of Algorithm 1 for each pair."""
    records: int = 10
    """Records of each pair, evenly spaced."""
    seed: Annotated[int, runs.Between(0, 1_000_000_000)] = 100
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
        if not 1 <= arguments.records <= arguments.iterations:
            raise runs.Refused(f"--records must be from 1 to the iterations, not {arguments.records}")
        runs.quiet_tensorflow()
        result = {"settings": settings(arguments), "pairs": []}
        for generator in GENERATORS:
            for width in arguments.widths:
                result["pairs"].append(train(generator, width, arguments))
        RESULT.parent.mkdir(exist_ok=True)
        files.write_text(RESULT, json.dumps(result, indent=1) + "\n")
    table: list[tuple[Any, ...]] = [("G", "D's width", "across z", "own distance", "pooled", "correlation")]
    for pair in result["pairs"]:
        last = pair["course"][-1]
        found = (last["across_z"], last["own_wasserstein"], last["wasserstein"], last["correlation"])
        table.append((pair["generator"], pair["width"], *found))
    print(runs.table(table))
    config = {"experiment": "vectors-study", **result["settings"]}
    written = runs.save_picture(FIGURES / "vectors-study.png", picture(result["pairs"]), config)
    print("written:", *written, sep="\n  ")


def settings(arguments: Arguments) -> dict[str, Any]:
    """What the figures were made with."""
    return {"m": M, "k": 1, "rate": RATE, **{n: v for n, v in dataclasses.asdict(arguments).items() if n != "draw"}}


def train(generator: str, width: int, arguments: Arguments) -> dict[str, Any]:
    """Train one pair.

    Args:
        generator: One of `GENERATORS`.
        width: Units of D's first layer.
        arguments: The command line.

    Returns:
        The pair, and its `course`: at each record how G's last iterate matches the data.
    """
    import keras
    from gaussian import affine_generator, match_of_entries, standardised_discriminator, standardised_generator
    from keras.optimizers import Adam

    from gan_paper.algorithm1 import GAN

    keras.utils.set_random_seed(arguments.seed)
    full = generator == "full rank"
    scale = P_DATA.mean, P_DATA.std
    make = affine_generator if full else standardised_generator
    gan = GAN(make(N, N, *scale), standardised_discriminator(N, *scale, units=width), Uniform(-1, 1))
    gan.compile(Adam(RATE, 0.5), Adam(RATE, 0.5))
    steps = arguments.iterations // arguments.records
    course = []
    for record in range(arguments.records + 1):
        row: dict[str, float] = {"iteration": record * steps}
        if record:
            history = gan.fit(
                P_DATA, batch_size=M, steps_per_epoch=steps, initial_epoch=record - 1, epochs=record,
                seed=arguments.seed, verbose=0,
            ).history  # fmt: skip
            row |= {name: float(history[name][-1]) for name in ("d_real", "d_fake")}
        course.append(row | match_of_entries(gan.sample(2000, arguments.seed), P_DATA))
    print(generator, width, course[-1], flush=True)
    return {"generator": generator, "width": width, "course": course}


def picture(pairs: list[dict[str, Any]]) -> Any:
    """Standard deviation across z, and an entry's own distance, against D's width: a line for each generator."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    from gan_paper.plots.style import CURVES, DATA, STYLE, THEORY, WIDTH

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.2), layout="constrained")
        for (name, label), style in zip(GENERATORS.items(), CURVES, strict=False):
            mine = [pair for pair in pairs if pair["generator"] == name]
            widths = [pair["width"] for pair in mine]
            for ax, key in zip(axes, ("across_z", "own_wasserstein"), strict=True):
                ax.plot(widths, [pair["course"][-1][key] for pair in mine], marker="o", ms=3, label=label, **style)
        axes[0].axhline(P_DATA.std, label="the data", **DATA)
        limit = P_DATA.std * np.sqrt(50 / N)
        axes[0].axhline(limit, label="rank 50, the data's variance in each direction", **THEORY)
        axes[0].set(ylabel="standard deviation across z", ylim=(0, 1.4))
        axes[1].set(ylabel="an entry's own Wasserstein-1", ylim=(0, None))
        for ax in axes:
            ax.set_xscale("log")
            ticks = sorted({pair["width"] for pair in pairs})
            ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            ax.xaxis.set_minor_locator(NullLocator())
        figure.supxlabel("units of D's first layer")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
