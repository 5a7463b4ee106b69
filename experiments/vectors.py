"""Vectors of 1,000 independent draws from N(4, 1.25): `python experiments/vectors.py [--preset NAME] [--seed N]`.

Presets:
  default   Our choice, which learns each dimension's marginal: G is one dense layer of full rank; D has 1,000 hidden
            units; both use Adam. Examples are standardised by the mean and standard deviation of 100,000 numbers. A
            dimension initially has 0.4 of the data's standard deviation, and a mean that is off by up to 1 of them.
            Nothing in the networks says that the dimensions are independent or alike.
  notebook  Every setting of the Keras notebook (https://github.com/ronvree/GAN_Intro). Its samples hardly differ from
            one another. The notebook's histogram pools the dimensions, and does not show that.
"""

from dataclasses import dataclass
from typing import Any, Literal

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian, Uniform
from gan_paper.layers import elu, torch_dense
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.metrics.distances import vector_distances
from gan_paper.optimizers import for_run
from gan_paper.plots import histograms, histograms_animation, training_curves

import keras
import numpy as np
from keras.initializers import Orthogonal, RandomUniform
from keras.layers import Dense, Rescaling
from keras.optimizers import SGD, Adam
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

P_DATA = Gaussian(4, 1.25)
EDGES = np.linspace(-6, 14, 65)
PRIORS = {"[-0.1, 0.1]": Uniform(-0.1, 0.1), "[0, 1]": Uniform(0, 1)}
STANDARDISED, CLASSIFIED = 9, 10
"""Parts of the seeds of two draws: the numbers that standardise vectors, and the examples for a classifier."""


@dataclass(frozen=True)
class Config(run.Config):
    """Train a GAN on vectors of independent draws from N(4, 1.25)."""

    networks: Literal["full_rank", "notebook"] = "full_rank"
    """`full_rank`: G is one dense layer, D has one hidden layer. `notebook`: two hidden layers of 50 units each."""
    iterations: int = 3_000
    """Iterations of Algorithm 1."""
    n: int = 1_000
    """Dimensions of an example."""
    noise_size: int = 1_000
    """Dimensions of the noise."""
    noise: Literal["[-0.1, 0.1]", "[0, 1]"] = "[-0.1, 0.1]"
    """The interval that the noise is uniform on. If it is small, an update of Adam moves a dimension's mean further."""
    k: int = 1
    """Discriminator updates per iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as printed in Algorithm 1, or that of section 3."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """The optimizer of both networks."""
    d_learning_rate: float = 2e-3
    """The discriminator's initial learning rate."""
    g_learning_rate: float = 4e-3
    """The generator's initial learning rate."""
    momentum: float = 0.5
    """Adam's beta_1, or SGD's momentum, for both networks."""
    cosine: bool = True
    """Whether the learning rates fall to 0 along a cosine over the run."""
    ema: float = 0.1
    """Length of the EMA of both networks' weights, as a share of the run; 0: no EMA."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < 2:
            raise ValueError(f"--n must be at least 2, not {self.n}")


PRESETS = {
    "default": Config(),
    "notebook": Config(
        networks="notebook",
        iterations=10_000,
        noise="[0, 1]",
        m=100,
        optimizer="sgd",
        d_learning_rate=0.01,
        g_learning_rate=0.01,
        momentum=0.0,
        cosine=False,
        ema=0.0,
        record_every=10,
    ),
}


def notebook_generator(n: int = 1_000, noise_size: int = 1_000) -> keras.Sequential:
    """The notebook's G: two hidden layers of 50 ELU units, `n` linear outputs."""
    layers = [keras.Input((noise_size,)), Dense(50, elu), Dense(50, elu), Dense(n)]
    return keras.Sequential(layers, name="generator")


def notebook_discriminator(n: int = 1_000) -> keras.Sequential:
    """The notebook's D: two hidden layers of 50 ELU units, one sigmoid output."""
    layers = [keras.Input((n,)), Dense(50, elu), Dense(50, elu), Dense(1, "sigmoid")]
    return keras.Sequential(layers, name="discriminator")


def full_rank_generator(n: int, noise_size: int, mean: float, std: float, scale: float = 7.0) -> keras.Sequential:
    """One dense layer, G(z) = mean + std (a + B z), whose covariance has the rank of B.

    B is initialised as `scale` times a random orthogonal matrix, so that no two dimensions are correlated at first, and
    a as U(-1, 1).
    """
    dense = Dense(n, kernel_initializer=Orthogonal(scale), bias_initializer=RandomUniform(-1, 1))
    return keras.Sequential([keras.Input((noise_size,)), dense, Rescaling(std, mean)], name="generator")


def wide_discriminator(n: int, mean: float, std: float, units: int = 1_000) -> keras.Sequential:
    """One hidden layer of ELU units, whose pre-activations initially have the standard deviation of its inputs."""
    layers = [Rescaling(1 / std, -mean / std), torch_dense(n, units, elu, scale=3**0.5)]
    return keras.Sequential([keras.Input((n,)), *layers, torch_dense(units, 1, "sigmoid")], name="discriminator")


def data(config: Config) -> Distribution:
    """p_data of each dimension."""
    return P_DATA


def make_gan(config: Config) -> GAN:
    """The networks and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    if c.networks == "notebook":
        networks = notebook_generator(c.n, c.noise_size), notebook_discriminator(c.n)
    else:
        draws = P_DATA.sample((100_000,), seed=(c.seed, 0, STANDARDISED))
        moments = float(draws.mean()), float(draws.std())
        networks = full_rank_generator(c.n, c.noise_size, *moments), wide_discriminator(c.n, *moments)
    gan = GAN(*networks, PRIORS[c.noise])
    optimizer, momentum = (Adam, "beta_1") if c.optimizer == "adam" else (SGD, "momentum")
    arguments: dict[str, Any] = {"cosine": c.cosine, "ema": c.ema, momentum: c.momentum}
    gan.compile(
        d_optimizer=for_run(optimizer, c.d_learning_rate, c.iterations, c.k, **arguments),
        g_optimizer=for_run(optimizer, c.g_learning_rate, c.iterations, **arguments),
        k=c.k,
        generator_loss=c.generator_loss,
    )
    return gan


def recording(config: Config) -> Recording:
    """Histograms of all dimensions, pooled, and of each minus its mean over z, which shows a collapse."""
    return Recording({"x": EDGES, "spread": EDGES - 4}, samples=max(100, 20_000 // config.n))


def classifier_accuracy(samples: np.ndarray, examples: np.ndarray) -> float:
    """Held-out accuracy of a classifier of samples (N, n) and examples (N, n): 1/2 if they are alike.

    The classifier is quadratic, which is optimal for Gaussians, and is fitted to every other vector. A tenth of the
    identity in each covariance avoids a division by 0 where samples are of low rank.
    """
    x = (np.concatenate([samples, examples]) - P_DATA.mean) / P_DATA.std
    y, train = np.repeat([0, 1], [len(samples), len(examples)]), np.arange(len(x)) % 2 == 0
    return float(QuadraticDiscriminantAnalysis(reg_param=0.1).fit(x[train], y[train]).score(x[~train], y[~train]))


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """Distances of pooled dimensions and of each dimension to p_data, a classifier's accuracy, V, and D's outputs."""
    samples = gan.sample(max(2, 1_000_000 // config.n), config.seed)
    vectors = gan.sample(min(10_000, max(2, 10_000_000 // config.n)), config.seed)
    pooled = distribution_distances(samples, P_DATA, EDGES)
    examples = P_DATA.sample(vectors.shape, (config.seed, 0, CLASSIFIED))
    return {
        **pooled,
        **vector_distances(vectors, P_DATA),
        "classifier_accuracy": classifier_accuracy(vectors, examples),
        **gan.evaluate(P_DATA, count=len(samples), seed=config.seed),
    }


def plot(folder: run.Folder) -> None:
    """p_g over p_data, still and moving, and the training curves."""
    recording = folder.recording
    shown = {"x": (P_DATA, "dimensions, pooled"), "spread": (Gaussian(0, 1.25), "dimension minus its mean over z")}
    folder.save_figure("histograms", histograms(recording, shown))
    folder.save_figure("training", training_curves(folder.history, folder.config.generator_loss))
    folder.save_animation("histograms", histograms_animation(recording, shown))


if __name__ == "__main__":
    run.main()
