"""A GAN learns an exponential distribution: `python exponential.py [--k 2] [--seed N]`."""

from dataclasses import dataclass

from gan_paper import GAN, run
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.optimizers import for_run
from gan_paper.plots import histograms

import keras
import numpy as np
from keras.layers import Dense
from scipy.stats import expon


@dataclass(frozen=True)
class Exponential:  # p_data(x) = exp(-x) for x >= 0
    mean = std = 1.0
    pdf, cdf, quantile = expon.pdf, expon.cdf, expon.ppf

    def sample(self, shape, seed, dtype=np.float32):  # a pure function of its arguments
        return np.random.default_rng(seed).exponential(size=shape).astype(dtype)


@dataclass(frozen=True)
class Config(run.Config):
    """Train a GAN on an exponential distribution by Algorithm 1."""

    k: int = 4
    """Discriminator updates an iteration."""


PRESETS = {"default": Config(iterations=4_000)}


def data(config):
    return Exponential()


def make_gan(config):
    keras.utils.set_random_seed(config.seed)
    G = keras.Sequential([keras.Input((8,)), Dense(32, "elu"), Dense(32, "elu"), Dense(1, "softplus")])
    D = keras.Sequential([keras.Input((1,)), Dense(32, "elu"), Dense(32, "elu"), Dense(1, "sigmoid")])
    gan = GAN(G, D)
    d_optimizer = for_run(keras.optimizers.Adam, 3e-3, config.iterations, config.k, cosine=True, ema=0.1, beta_1=0.5)
    g_optimizer = for_run(keras.optimizers.Adam, 1e-3, config.iterations, cosine=True, ema=0.1, beta_1=0.5)
    gan.compile(d_optimizer, g_optimizer, k=config.k)
    return gan


def evaluate(gan, config):
    return distribution_distances(gan.sample(100_000, config.seed), Exponential(), np.linspace(0, 8, 65))


def plot(folder):
    folder.save_figure("histograms", histograms(folder.recording, {"x": (Exponential(), "x")}))


if __name__ == "__main__":
    run.main()
