"""MNIST, or Fashion-MNIST, by a deep convolutional GAN: `python experiments/dcgan.py [--dataset NAME] [--seed N]`.

The networks follow Radford et al. (2016), https://arxiv.org/abs/1511.06434, at a size that two cores train in ten
minutes: strided convolutions, BatchNormalization, ReLU in G, LeakyReLU in D, a tanh output, Adam with a beta_1 of 0.5.
`image_experiment.py` says what is saved and evaluated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian
from gan_paper.optimizers import for_run

import keras
from image_experiment import callbacks, data, evaluate, plot, recording  # noqa: F401
from keras.initializers import RandomNormal
from keras.layers import BatchNormalization, Conv2D, Conv2DTranspose, Dense, Flatten, LeakyReLU, ReLU, Reshape
from keras.optimizers import Adam
from mnist import MNISTConfig


@dataclass(frozen=True)
class Config(MNISTConfig):
    """Train convolutional networks on MNIST and measure the log-likelihood as Table 1 does; or on Fashion-MNIST."""

    low: ClassVar[float] = -1.0
    p_z: ClassVar[Distribution] = Gaussian(0, 1)

    dataset: Literal["mnist", "fashion_mnist"] = "mnist"  # type: ignore[misc]
    """The data set. On Fashion-MNIST, precision and recall are measured: the paper reports no log-likelihood."""
    iterations: int = 7_810
    """Iterations of Algorithm 1."""
    m: int = 64
    """Minibatch size."""
    record_every: int = 781
    """Iterations between records: an epoch, 50,000 / m."""
    d_learning_rate: float = 5e-4
    """Adam's initial learning rate for D."""
    g_learning_rate: float = 1e-3
    """Adam's initial learning rate for G."""
    beta_1: float = 0.5
    """Adam's beta_1, the decay rate of the first moment, for both networks."""
    cosine: bool = True
    """Whether the learning rates fall to 0 along a cosine over the run."""
    ema: float = 0.05
    """Length of the EMA of G's weights, as a share of the run; 0: no EMA."""


PRESETS = {"default": Config()}
Network = Callable[[], keras.Model]


def make_generator(inputs: int = 100) -> keras.Sequential:
    """Map numbers to 7 x 7 x 64, 14 x 14 x 32 and 28 x 28 pixels in [-1, 1], by transposed convolutions of size 4."""
    layers = [
        *(Dense(7 * 7 * 64, use_bias=False), BatchNormalization(momentum=0.9), ReLU(), Reshape((7, 7, 64))),
        *(_convolution(Conv2DTranspose, 32, use_bias=False), BatchNormalization(momentum=0.9), ReLU()),
        *(_convolution(Conv2DTranspose, 1, activation="tanh"), Flatten()),
    ]
    return keras.Sequential([keras.Input((inputs,)), *layers], name="generator")


def make_discriminator() -> keras.Sequential:
    """Map 28 x 28 pixels to 14 x 14 x 32, 7 x 7 x 64 and a probability, by convolutions of size 4."""
    layers = [
        *(Reshape((28, 28, 1)), _convolution(Conv2D, 32), LeakyReLU(0.2)),
        *(_convolution(Conv2D, 64, use_bias=False), BatchNormalization(momentum=0.9), LeakyReLU(0.2)),
        *(Flatten(), Dense(1, "sigmoid")),
    ]
    return keras.Sequential([keras.Input((784,)), *layers], name="discriminator")


def _convolution(layer: type[keras.layers.Layer], channels: int, **arguments: object) -> keras.layers.Layer:
    return layer(channels, 4, strides=2, padding="same", kernel_initializer=RandomNormal(0, 0.02), **arguments)


def make_gan(config: Config, generator: Network = make_generator, discriminator: Network = make_discriminator) -> GAN:
    """The networks, these or those of another experiment, and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    gan = GAN(generator(), discriminator(), c.p_z)
    gan.compile(
        d_optimizer=for_run(Adam, c.d_learning_rate, c.iterations, cosine=c.cosine, beta_1=c.beta_1),
        g_optimizer=for_run(Adam, c.g_learning_rate, c.iterations, cosine=c.cosine, ema=c.ema, beta_1=c.beta_1),
        simultaneous=c.simultaneous,
    )
    return gan


if __name__ == "__main__":
    run.main()
