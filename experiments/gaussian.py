"""A GAN learns a one-dimensional distribution: `python experiments/gaussian.py [--preset NAME] [--seed N]`.

Presets:
  default   p_data = N(4, 1.25), the data of the Keras notebook (https://github.com/ronvree/GAN_Intro), and the layers
            of its networks. The other settings are our choice: the initial weights; 30-dimensional noise; Adam with
            learning rates that fall to 0 along a cosine; and EMAs of the weights of G and of D over about a tenth of
            the run. The EMAs are recorded, drawn, evaluated and saved. No number taken from the data enters a network:
            p_g starts near 0 with a standard deviation of 0.1 to 0.2.
  standard  The same settings with p_data = N(0, 1).
  mixture   p_data is half N(2, 0.8) and half N(6, 0.8). Between the modes G has to be some 14 times as steep as at
            them. So both networks have three hidden layers, G has tanh units and larger initial weights, and the noise
            has fewer dimensions.
"""

from dataclasses import dataclass
from typing import Any, Literal

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian, GaussianMixture, Uniform
from gan_paper.layers import elu, torch_dense
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.optimizers import for_run
from gan_paper.plots import histograms, histograms_animation, training_curves
from gan_paper.run.recorder import observe_line

import keras
import numpy as np
from keras.layers import Rescaling
from keras.optimizers import Adam

TARGETS: dict[str, tuple[Distribution, np.ndarray]] = {
    "N(4, 1.25)": (Gaussian(4, 1.25), np.linspace(-6, 14, 65)),
    "N(0, 1)": (Gaussian(0, 1), np.linspace(-8, 8, 65)),
    "mixture": (GaussianMixture((0.5, 0.5), (2, 6), (0.8, 0.8)), np.linspace(-2, 10, 65)),
}
"""By name: p_data, and the edges of 64 bins."""


@dataclass(frozen=True)
class Config(run.Config):
    """Train a GAN on a one-dimensional distribution by Algorithm 1."""

    target: Literal["N(4, 1.25)", "N(0, 1)", "mixture"] = "N(4, 1.25)"
    """p_data."""
    iterations: int = 8_000
    """Iterations of Algorithm 1."""
    noise_size: int = 30
    """Dimensions of the noise, which is uniform on [-1, 1]."""
    k: int = 4
    """Discriminator updates per iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as printed in Algorithm 1, or that of section 3."""
    d_learning_rate: float = 3e-3
    """Adam's initial learning rate for the discriminator."""
    g_learning_rate: float = 4e-4
    """Adam's initial learning rate for the generator."""
    beta_1: float = 0.5
    """Adam's beta_1, the decay rate of the first moment, for both networks."""
    cosine: bool = True
    """Whether the learning rates fall to 0 along a cosine over the run."""
    ema: float = 0.1
    """Length of the EMA of both networks' weights, as a share of the run; 0: no EMA."""
    hidden: int = 2
    """Hidden layers of each network, each of 50 units."""
    activation: Literal["elu", "tanh"] = "elu"
    """Activation of G's hidden units."""
    first_scale: float = 2.0
    """Factor of the initial weights of G's first layer."""
    scale: float = 1.0
    """Factor of the initial weights of G's other layers."""


PRESETS = {
    "default": Config(),
    "standard": Config(target="N(0, 1)"),
    "mixture": Config(
        target="mixture",
        iterations=16_000,
        noise_size=10,
        g_learning_rate=3e-4,
        hidden=3,
        activation="tanh",
        first_scale=4.0,
        scale=2.0,
    ),
}


def make_generator(
    noise_size: int, first_scale: float = 1.0, scale: float = 1.0, hidden: int = 2, activation: Any = "elu"
) -> keras.Sequential:
    """The notebook's G: hidden layers of 50 units, a linear output. Its initial weights are our choice.

    Weights and biases are U(-1, 1) / sqrt(inputs), times `first_scale` in the first layer and `scale` in the others.
    """
    activation = elu if activation == "elu" else activation
    layers = [torch_dense(noise_size, 50, activation, first_scale)]
    layers += [torch_dense(50, 50, activation, scale) for _ in range(hidden - 1)]
    return keras.Sequential([keras.Input((noise_size,)), *layers, torch_dense(50, 1, scale=scale)], name="generator")


def make_discriminator(hidden: int = 2, mean: float = 0.0, std: float = 1.0) -> keras.Sequential:
    """The notebook's D: hidden layers of 50 ELU units, a sigmoid. Its initial weights are our choice.

    Weights and biases are U(-1, 1) / sqrt(inputs), and three times that in the first layer. With Keras's default, a
    ninth of that, the first layer's units are nearly linear over the examples, and p_g is further from p_data.

    Args:
        hidden: Number of hidden layers.
        mean: Subtracted from the inputs.
        std: The inputs, less `mean`, are divided by it.
    """
    scaled = [] if (mean, std) == (0, 1) else [Rescaling(1 / std, -mean / std)]
    layers = [torch_dense(1, 50, elu, scale=3.0), *(torch_dense(50, 50, elu) for _ in range(hidden - 1))]
    return keras.Sequential([keras.Input((1,)), *scaled, *layers, torch_dense(50, 1, "sigmoid")], name="discriminator")


def data(config: Config) -> Distribution:
    """p_data."""
    return TARGETS[config.target][0]


def make_gan(config: Config) -> GAN:
    """The networks and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    generator = make_generator(c.noise_size, c.first_scale, c.scale, c.hidden, c.activation)
    gan = GAN(generator, make_discriminator(c.hidden), Uniform(-1, 1))
    gan.compile(
        d_optimizer=for_run(Adam, c.d_learning_rate, c.iterations, c.k, c.cosine, c.ema, beta_1=c.beta_1),
        g_optimizer=for_run(Adam, c.g_learning_rate, c.iterations, 1, c.cosine, c.ema, beta_1=c.beta_1),
        k=c.k,
        generator_loss=c.generator_loss,
    )
    return gan


def recording(config: Config) -> Recording:
    """What is recorded during training."""
    edges = TARGETS[config.target][1]
    return Recording({"x": edges}, observe=observe_line(edges))


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """Distances of a million samples to p_data, V, D's outputs, and the largest |D - 1/2| over 99 % of p_data."""
    return measured(gan, *TARGETS[config.target], config.seed)


def measured(gan: GAN, p_data: Distribution, edges: np.ndarray, seed: int) -> dict[str, float]:
    """The metrics of `evaluate`, for any p_data and bin edges."""
    distances = distribution_distances(gan.sample(1_000_000, seed), p_data, edges)
    answers = gan.evaluate(p_data, count=100_000, seed=seed)
    d = gan.averaged().discriminator.predict_on_batch(p_data.quantile(np.linspace(0.005, 0.995, 1001))[:, None])
    return {**distances, **answers, "largest_gap": float(np.abs(d - 0.5).max())}


def plot(folder: run.Folder) -> None:
    """p_g over p_data, still and moving, and the training curves."""
    recording, shown = folder.recording, {"x": (data(folder.config), "x")}
    folder.save_figure("histograms", histograms(recording, shown))
    folder.save_figure("training", training_curves(folder.history, folder.config.generator_loss))
    folder.save_animation("histograms", histograms_animation(recording, shown))


if __name__ == "__main__":
    run.main()
