"""MNIST with a primer's dense networks: `python experiments/mnist_dense.py [--seed N]`.

The networks, the pixels in [-1, 1], the Gaussian noise, and Adam with a learning rate of 0.0002 are those of a primer
with a dense PyTorch GAN. The primer gives neither m, nor a number of iterations, nor a measure of quality: these are
those of `mnist.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian
from gan_paper.layers import torch_dense
from gan_paper.optimizers import for_run

import keras
from image_experiment import callbacks, data, evaluate, plot, recording  # noqa: F401
from keras.optimizers import Adam
from mnist import MNISTConfig


@dataclass(frozen=True)
class Config(MNISTConfig):
    """Train a primer's networks on MNIST and measure the log-likelihood as Table 1 does."""

    low: ClassVar[float] = -1.0
    p_z: ClassVar[Distribution] = Gaussian(0, 1)

    d_learning_rate: float = 2e-4
    """Adam's learning rate for D."""
    g_learning_rate: float = 2e-4
    """Adam's learning rate for G."""


PRESETS = {"default": Config()}


def make_generator() -> keras.Sequential:
    """The primer's G: 100-256-512-784, ReLU, a tanh output."""
    hidden = [torch_dense(100, 256, "relu"), torch_dense(256, 512, "relu")]
    return keras.Sequential([keras.Input((100,)), *hidden, torch_dense(512, 784, "tanh")], name="generator")


def make_discriminator() -> keras.Sequential:
    """The primer's D: 784-512-256-1, ReLU, a sigmoid output."""
    hidden = [torch_dense(784, 512, "relu"), torch_dense(512, 256, "relu")]
    output = torch_dense(256, 1, "sigmoid")
    return keras.Sequential([keras.Input((784,)), *hidden, output], name="discriminator")


def make_gan(config: Config) -> GAN:
    """The primer's networks and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    gan = GAN(make_generator(), make_discriminator(), c.p_z)
    gan.compile(
        d_optimizer=for_run(Adam, c.d_learning_rate, c.iterations, cosine=c.cosine),
        g_optimizer=for_run(Adam, c.g_learning_rate, c.iterations, cosine=c.cosine, ema=c.ema),
        simultaneous=c.simultaneous,
    )
    return gan


if __name__ == "__main__":
    run.main()
