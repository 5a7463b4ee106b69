"""From U(-1, 1) to a Gaussian: `python experiments/uniform_to_gaussian.py [--preset matched | document | linear]`.

The GAN series (https://monellimankeimontenegro.eu/php/content/gans/gan_3.php) maps one uniform number to one Gaussian:
G 1-8-16-1 with a LeakyReLU of slope 0.1 after every layer, its output too; D 1-8-1 with one after its hidden layer and
a sigmoid at its end; k = 2, m = 512, rate 0.0005, 20,000 iterations. Our choices,
which it leaves open: Adam; the target N(0, 1); PyTorch's initial weights, since it uses PyTorch; the non-saturating
objective; and k fresh minibatches an iteration, as Algorithm 1 has it, where the series trains D k times on one.

Presets:
  matched   A linear output, 64 hidden units in D instead of 8, higher rates, D's above G's and both falling, and Adam's
            beta_1 at 0.5: what limits the published setting is a D too small and too slow to see the shape of p_g.
            Averages of the iterates of G and of D over about a fifth of the run play, since the iterates still wander
            at its end. They are what is recorded, drawn, judged and saved.
  document  As published.
  linear    The same with a linear output, to show what the output's LeakyReLU does to the left tail (`tail.png`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from gan_paper import runs
from gan_paper.distributions import Distribution, Gaussian, Uniform

import numpy as np
from compare import verdict

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN

    import keras
    from matplotlib.figure import Figure

P_DATA = Gaussian(0, 1)
EDGES = np.linspace(-5, 5, 65)


@dataclass(frozen=True)
class Settings(runs.FitSettings):
    """Train a GAN from one uniform number to one Gaussian number."""

    preset: Literal["matched", "document", "linear"] = "matched"
    """`document`: as published. `linear`: with a linear output. `matched`: what reaches the target."""
    iterations: runs.Iterations = 20_000
    """Iterations of Algorithm 1."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 512
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 100)] = 2
    """Discriminator updates an iteration."""
    output_slope: Annotated[float, runs.Between(0, 1)] = 1.0
    """Slope of G's output for negative values; 1 is a linear output."""
    d_hidden: Annotated[int, runs.Between(1, 100_000)] = 64
    """Hidden units of the discriminator."""
    d_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 2e-2
    """Adam's rate for the discriminator."""
    g_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 3e-3
    """Adam's rate for the generator."""
    beta_1: Annotated[float, runs.Between(0, 0.999)] = 0.5
    """Adam's first decay."""
    decay: Annotated[float, runs.Between(0, 1e9)] = 1e-3
    """At iteration t both rates are divided by 1 + decay t."""
    average: Annotated[float, runs.Between(0, 1)] = 0.2
    """Share of the run that the averages of both networks' iterates reach back; 0: none, the last iterates play."""
    record_every: Annotated[int, runs.Between(1, 1_000_000)] = 100
    """Iterations between recorded histograms."""


PUBLISHED = Settings(
    preset="document", output_slope=0.1, d_hidden=8, d_rate=5e-4, g_rate=5e-4, beta_1=0.9, decay=0.0, average=0.0
)
PRESETS = {
    "matched": Settings(),
    "document": PUBLISHED,
    "linear": replace(PUBLISHED, preset="linear", output_slope=1.0),
}


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper.measure.recording import Recording
    from gan_paper.runs import report, training

    gan = make_gan(settings)
    recording, shown = Recording({"entries": EDGES}), {"entries": (P_DATA, "x")}
    recorder = training.Recorder(run, recording, samples=10_000, observe=training.observe_line(EDGES))
    pace = training.train(gan, P_DATA, run, recorder, batch_size=settings.m, record_every=settings.record_every)
    samples, game = training.play(gan, P_DATA, samples=1_000_000, seed=settings.seed)

    z = np.linspace(-1, 1, 1001)
    run.save_figure("tail.png", left_tail(z, gan.averaged().predict(z[:, None], verbose=0)[:, 0], gan.p_z, P_DATA))
    game["left_tail"] = {"quantile_01": float(np.quantile(samples, 0.01)), "exact_01": float(P_DATA.quantile(0.01))}
    judged = verdict(recording, run.experiment, settings.preset)
    report.one_dimensional(run, recording, samples, game, pace, P_DATA, shown, "non_saturating", judged)


def make_gan(settings: Settings) -> "GAN":
    """The networks and their learning rules, on one thread."""
    from gan_paper.algorithm1 import GAN
    from gan_paper.optimizers import average_decay
    from gan_paper.runs import training

    import keras
    from keras.optimizers import Adam
    from keras.optimizers.schedules import InverseTimeDecay

    def optimizer(rate: float, updates: int) -> Adam:
        # Of `updates` an iteration: D's rate falls, and its average forgets, with its own updates.
        falling = InverseTimeDecay(rate, updates, settings.decay)
        forgets = average_decay(settings.average, settings.iterations, updates)
        return Adam(falling, settings.beta_1, use_ema=settings.average > 0, ema_momentum=forgets)

    training.one_thread()
    keras.utils.set_random_seed(settings.seed)
    gan = GAN(make_generator(settings.output_slope), make_discriminator(settings.d_hidden), Uniform(-1, 1))
    gan.compile(
        d_optimizer=optimizer(settings.d_rate, settings.k),
        g_optimizer=optimizer(settings.g_rate, 1),
        k=settings.k,
        generator_loss="non_saturating",
    )
    return gan


def make_generator(output_slope: float = 0.1) -> "keras.Sequential":
    """1-8-16-1, LeakyReLU of slope 0.1 after each layer, of `output_slope` after the last (1: linear)."""
    from gan_paper.layers import torch_dense

    from keras import Input, Sequential
    from keras.layers import LeakyReLU

    hidden = [torch_dense(1, 8), LeakyReLU(0.1), torch_dense(8, 16), LeakyReLU(0.1)]
    output = [LeakyReLU(output_slope)] if output_slope != 1 else []
    return Sequential([Input((1,)), *hidden, torch_dense(16, 1), *output], name="generator")


def make_discriminator(hidden: int = 8) -> "keras.Sequential":
    """1-8-1, LeakyReLU of slope 0.1, a sigmoid output."""
    from gan_paper.layers import torch_dense

    from keras import Input, Sequential
    from keras.layers import LeakyReLU

    layers = [Input((1,)), torch_dense(1, hidden), LeakyReLU(0.1), torch_dense(hidden, 1, activation="sigmoid")]
    return Sequential(layers, name="discriminator")


def left_tail(z: np.ndarray, samples: np.ndarray, p_z: Distribution, p_data: Distribution) -> "Figure":
    """The map x = G(z) of a number to a number, and what it does to the left tail.

    Args:
        z: Noise in rising order, (N,), evenly spread over its range.
        samples: G(z), (N,).
        p_z: The prior of the noise.
        p_data: The distribution to reach; the rising map that turns p_z into it is drawn beside G, falling if G falls.
    """
    from gan_paper.plots.style import DATA, GENERATOR, STYLE, THEORY, WIDTH

    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, (mapping, tail) = plt.subplots(1, 2, figsize=(WIDTH, 2.3), layout="constrained")
        levels = p_z.cdf(z)
        ideal = p_data.quantile(levels if samples[-1] > samples[0] else 1 - levels)
        inner = np.isfinite(ideal)
        mapping.plot(z[inner], ideal[inner], label="the map to $p_{data}$", **DATA)
        mapping.plot(z, samples, label="G", **GENERATOR)
        mapping.axhline(0, **THEORY)
        mapping.set(xlabel="z", ylabel="x", title="x = G(z)")
        t = np.linspace(p_data.quantile(1e-4), p_data.quantile(0.5), 200)
        tail.semilogy(t, p_data.cdf(t), label="$p_{data}$", **DATA)
        reached = np.searchsorted(np.sort(samples), t) / len(samples)
        tail.semilogy(t, np.where(reached > 0, reached, np.nan), label="$p_g$", **GENERATOR)
        tail.yaxis.set_major_formatter("{x:g}")  # the exponents of powers of ten would be too small
        tail.set(xlabel="x", ylabel="share of samples below x", title="the left tail")
        for ax in (mapping, tail):
            ax.legend()
        return figure


if __name__ == "__main__":
    runs.main("uniform_to_gaussian", PRESETS, main)
