"""MNIST and the log-likelihood of Table 1: `python experiments/mnist.py [--preset NAME] [--seed N]`.

The paper reports 225 +- 2 nats on the test set, by a Parzen window over 10,000 samples. It gives neither the networks
nor the learning rates; the authors' released settings do, and the presets follow them. What is saved and evaluated:
`image_experiment.py`. The last iterate's log-likelihood is the one that compares with theirs.

Presets:
  paper     Algorithm 1 as printed, k = 1: alternating updates, each on fresh noise. The released hyperparameters, but
            for G's learning rate: 0.3 in place of 0.1, at which D may win early and G collapse (docs/notes/mnist.md).
  released  The authors' code: both networks are updated together, from the same samples, at its own learning rates.
  crisp     `paper` for 100 epochs, with learning rates that fall to 0 along a cosine. Its EMA spans a tenth of the
            run, in which the learning rates are at most 0.024 of the first ones.
  sharp     Table 1's best row: 160 more epochs, from the last iterate of `crisp` with `--iterations 200000`, in which D
            sees all pixels. The learning rates fall from 0.2 of the first ones to 0 (docs/notes/mnist.md).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Uniform
from gan_paper.layers import Dropout, Maxout

import keras
import numpy as np
from image_experiment import ImageConfig, callbacks, data, evaluate, plot, recording, released_optimizers  # noqa: F401
from keras.initializers import RandomUniform
from keras.layers import Dense
from numpy.typing import NDArray
from scipy.special import logit


@dataclass(frozen=True)
class MNISTConfig(ImageConfig):
    """The settings of any experiment on MNIST."""

    p_z: ClassVar[Distribution] = Uniform(-(3**0.5), 3**0.5)
    shape: ClassVar[tuple[int, int, int]] = (28, 28, 1)
    dataset: ClassVar[str] = "mnist"


@dataclass(frozen=True)
class Config(MNISTConfig):
    """Train the authors' networks on MNIST and measure the log-likelihood as Table 1 does."""

    pixel_dropout: float = 0.2
    """Share of the pixels that dropout hides from D."""
    start: str = ""
    """Name, without the seed, of a finished run beside this one's folder: training starts from its last iterate."""
    clip_means: float = 1e-3
    """How near to 0 and 1 a pixel's mean may lie whose logit is G's first output bias. (The authors' library: 1e-7.)"""


PRESETS = {
    "paper": Config(),
    "released": Config(iterations=150_000, g_learning_rate=0.1, simultaneous=True, ema=0.0015, evaluate_every=10),
    "crisp": Config(iterations=50_000, cosine=True, ema=0.1, evaluate_every=10),
    "sharp": Config(
        iterations=80_000,
        d_learning_rate=0.01,
        g_learning_rate=0.06,
        cosine=True,
        ema=0.1,
        evaluate_every=10,
        pixel_dropout=0.0,
        start="crisp-iterations=200000",
    ),
}


def make_generator(pixel_means: NDArray, clip: float = 1e-3) -> keras.Sequential:
    """The authors' G: 100-1200-1200-784, ReLU, a sigmoid output (the authors' released settings).

    Args:
        pixel_means: The mean of each pixel over the training set, (784,) in [0, 1]: before training, with its weights
            small, G draws about this image.
        clip: How near to 0 and 1 a mean may lie.

    Raises:
        ValueError: if `clip` is not in (0, 0.5].
    """
    if not 0 < clip <= 0.5:
        raise ValueError(f"clip_means must be above 0 and at most 0.5, not {clip}")
    means = np.clip(pixel_means, clip, 1 - clip)
    sizes = ((1200, "relu"), (1200, "relu"), (len(means), "sigmoid"))
    layers = [Dense(units, activation, kernel_initializer=RandomUniform(-0.05, 0.05)) for units, activation in sizes]
    generator = keras.Sequential([keras.Input((100,)), *layers], name="generator")
    layers[-1].bias.assign(logit(means))
    return generator


def make_discriminator(pixels: int = 784, pixel_dropout: float = 0.2) -> keras.Sequential:
    """The authors' D: two maxout layers of 240 units and 5 pieces, with dropout before every layer.

    The authors' dropout keeps 0.8 of the pixels and 0.5 of the units (their released settings).
    """
    hidden = [Dropout(pixel_dropout)]
    for _ in range(2):
        hidden += [Maxout(240, 5, RandomUniform(-0.005, 0.005)), Dropout(0.5)]
    output = Dense(1, activation="sigmoid", kernel_initializer=RandomUniform(-0.005, 0.005))
    return keras.Sequential([keras.Input((pixels,)), *hidden, output], name="discriminator")


def make_gan(config: Config) -> GAN:
    """The authors' networks and their optimizers."""
    keras.utils.set_random_seed(config.seed)
    means = config.images().train.mean(axis=0) / 255
    discriminator = make_discriminator(pixel_dropout=config.pixel_dropout)
    gan = GAN(make_generator(means, config.clip_means), discriminator, config.p_z)
    if config.start:
        load_last_iterate(gan, (config.output or Path("runs/mnist/new")).parent / f"{config.start}-seed{config.seed}")
    gan.compile(**released_optimizers(config), simultaneous=config.simultaneous)
    return gan


def load_last_iterate(gan: GAN, folder: Path) -> None:
    """Give G and D the weights with which a run in another folder has ended.

    Raises:
        ValueError: if there is no finished run in the folder.
    """
    if not (folder / "metrics.json").exists():
        raise ValueError(f"--start needs a finished run in {folder}: train it first, or name another")
    last = "generator-last" if (folder / "generator-last.keras").exists() else "generator"  # of a run without an EMA
    for network, name in ((gan.generator, last), (gan.discriminator, "discriminator")):
        network.set_weights(keras.saving.load_model(folder / f"{name}.keras").get_weights())


if __name__ == "__main__":
    run.main()
