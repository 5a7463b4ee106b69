"""From U(-1, 1) to N(0, 1): `python experiments/uniform_to_gaussian.py [--preset NAME] [--seed N]`.

The GAN series (https://monellimankeimontenegro.eu/php/content/gans/gan_3.php) maps one uniform number to one Gaussian:
G 1-8-16-1 with a LeakyReLU of slope 0.1 after every layer, its output too; D 1-8-1 with one after its hidden layer and
a sigmoid at its end; k = 2, m = 512, a learning rate of 0.0005, 20,000 iterations. We chose what it leaves open: Adam;
p_data = N(0, 1); PyTorch's initial weights, since it uses PyTorch; the non-saturating objective; and k fresh
minibatches per iteration, as in Algorithm 1, where the series trains D k times on one.

Presets:
  default   A linear output, 64 hidden units in D instead of 8, higher learning rates, D's above G's and both falling,
            and Adam's beta_1 at 0.5: the published D is too small and too slow to resolve the shape of p_g. The EMA of
            both networks' weights spans about a fifth of the run, since the weights still fluctuate at its end. The
            EMAs are recorded, drawn, evaluated and saved.
  document  As published.
  linear    `document` with a linear output, to show what the output's LeakyReLU does to the left tail (`tail.png`).
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian, Uniform
from gan_paper.layers import torch_dense
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.optimizers import for_run
from gan_paper.plots import DATA, GENERATOR, STYLE, THEORY, WIDTH, histograms, histograms_animation, training_curves
from gan_paper.run.recorder import observe_line

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras.layers import LeakyReLU
from keras.optimizers import Adam
from keras.optimizers.schedules import InverseTimeDecay
from matplotlib.figure import Figure

P_DATA, P_Z = Gaussian(0, 1), Uniform(-1, 1)
EDGES = np.linspace(-5, 5, 65)


@dataclass(frozen=True)
class Config(run.Config):
    """Train a GAN from one uniform number to one Gaussian number."""

    iterations: int = 20_000
    """Iterations of Algorithm 1."""
    m: int = 512
    """Minibatch size."""
    k: int = 2
    """Discriminator updates per iteration."""
    output_slope: float = 1.0
    """Slope of G's output for negative values; 1 is a linear output."""
    d_hidden: int = 64
    """Hidden units of the discriminator."""
    d_learning_rate: float = 2e-2
    """Adam's initial learning rate for the discriminator."""
    g_learning_rate: float = 3e-3
    """Adam's initial learning rate for the generator."""
    beta_1: float = 0.5
    """Adam's beta_1, the decay rate of the first moment, for both networks."""
    decay: float = 1e-3
    """At iteration t both learning rates are divided by 1 + decay t."""
    ema: float = 0.2
    """Length of the EMA of both networks' weights, as a share of the run; 0: no EMA."""


PUBLISHED = Config(
    output_slope=0.1, d_hidden=8, d_learning_rate=5e-4, g_learning_rate=5e-4, beta_1=0.9, decay=0.0, ema=0.0
)
PRESETS = {"default": Config(), "document": PUBLISHED, "linear": replace(PUBLISHED, output_slope=1.0)}


def make_generator(output_slope: float = 0.1) -> keras.Sequential:
    """1-8-16-1, LeakyReLU of slope 0.1 after each layer, of `output_slope` after the last (1: linear)."""
    hidden = [torch_dense(1, 8), LeakyReLU(0.1), torch_dense(8, 16), LeakyReLU(0.1)]
    output = [LeakyReLU(output_slope)] if output_slope != 1 else []
    return keras.Sequential([keras.Input((1,)), *hidden, torch_dense(16, 1), *output], name="generator")


def make_discriminator(hidden: int = 8) -> keras.Sequential:
    """1-8-1, LeakyReLU of slope 0.1, a sigmoid output."""
    layers = [torch_dense(1, hidden), LeakyReLU(0.1), torch_dense(hidden, 1, "sigmoid")]
    return keras.Sequential([keras.Input((1,)), *layers], name="discriminator")


def data(config: Config) -> Distribution:
    """p_data."""
    return P_DATA


def make_gan(config: Config) -> GAN:
    """The networks and their optimizers. One thread for each operation takes 0.8 times as long as two."""
    c = config
    with contextlib.suppress(RuntimeError):  # raised if TensorFlow has already started
        tf.config.threading.set_intra_op_parallelism_threads(1)
    keras.utils.set_random_seed(c.seed)
    gan = GAN(make_generator(c.output_slope), make_discriminator(c.d_hidden), P_Z)
    d_learning_rate = InverseTimeDecay(c.d_learning_rate, c.k, c.decay)
    g_learning_rate = InverseTimeDecay(c.g_learning_rate, 1, c.decay)
    gan.compile(
        d_optimizer=for_run(Adam, d_learning_rate, c.iterations, c.k, ema=c.ema, beta_1=c.beta_1),
        g_optimizer=for_run(Adam, g_learning_rate, c.iterations, ema=c.ema, beta_1=c.beta_1),
        k=c.k,
    )
    return gan


def recording(config: Config) -> Recording:
    """What is recorded during training."""
    return Recording({"x": EDGES}, observe=observe_line(EDGES), tolerance=2.5)


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """Distances of a million samples to p_data, V, D's outputs, and the left tail."""
    samples = gan.sample(1_000_000, config.seed)
    answers = gan.evaluate(P_DATA, count=100_000, seed=config.seed)
    tail = {"quantile_01": float(np.quantile(samples, 0.01)), "exact_01": float(P_DATA.quantile(0.01))}
    return {**distribution_distances(samples, P_DATA, EDGES), **answers, **tail}


def plot(folder: run.Folder) -> None:
    """G's map and its left tail, p_g over p_data, still and moving, and the training curves."""
    recording, shown = folder.recording, {"x": (P_DATA, "x")}
    generator = keras.models.load_model(folder.path / "generator.keras")
    folder.save_figure("tail", left_tail(generator.predict_on_batch))
    folder.save_figure("histograms", histograms(recording, shown))
    folder.save_figure("training", training_curves(folder.history, "non_saturating"))
    folder.save_animation("histograms", histograms_animation(recording, shown))


def left_tail(generator: Callable[[np.ndarray], np.ndarray]) -> Figure:
    """G, of z (N, 1), with the monotone map of p_z to p_data; and the left tails of p_g and p_data."""
    z = np.linspace(-1, 1, 1001)
    samples = generator(z[:, None])[:, 0]
    with plt.rc_context(STYLE):
        figure, (mapping, tail) = plt.subplots(1, 2, figsize=(WIDTH, 2.3), layout="constrained")
        levels = P_Z.cdf(z)
        ideal = P_DATA.quantile(levels if samples[-1] > samples[0] else 1 - levels)
        inner = np.isfinite(ideal)
        mapping.plot(z[inner], ideal[inner], label="the map to $p_{data}$", **DATA)
        mapping.plot(z, samples, label="G", **GENERATOR)
        mapping.axhline(0, **THEORY)
        mapping.set(xlabel="z", ylabel="x", title="x = G(z)")
        t = np.linspace(P_DATA.quantile(1e-4), P_DATA.quantile(0.5), 200)
        tail.semilogy(t, P_DATA.cdf(t), label="$p_{data}$", **DATA)
        reached = np.searchsorted(np.sort(samples), t) / len(samples)
        tail.semilogy(t, np.where(reached > 0, reached, np.nan), label="$p_g$", **GENERATOR)
        tail.yaxis.set_major_formatter("{x:g}")  # the exponents of powers of ten would be too small
        tail.set(xlabel="x", ylabel="share of samples below x", title="the left tail")
        for ax in (mapping, tail):
            ax.legend()
        return figure


if __name__ == "__main__":
    run.main()
