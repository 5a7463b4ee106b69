"""The published generators and discriminators, by the name of where they were published.

Each is a plain `keras.Sequential`. A generator maps noise (m, noise_size) to samples (m, n); a discriminator maps
examples (m, n) to the probabilities (m, 1) that they are data, and ends in a sigmoid.
"""

import keras
from keras.initializers import RandomUniform
from keras.layers import Dense, LeakyReLU


def notebook_generator(n: int = 1000, noise_size: int = 1000) -> keras.Sequential:
    """The notebook's G: two hidden layers of 50 ELU units, `n` linear outputs (seed document 001)."""
    return keras.Sequential(
        [
            keras.Input((noise_size,)),
            Dense(50, activation="elu"),
            Dense(50, activation="elu"),
            Dense(n, activation="linear"),
        ],
        name="generator",
    )


def notebook_discriminator(n: int = 1000) -> keras.Sequential:
    """The notebook's D: two hidden layers of 50 ELU units, one sigmoid output (seed document 001)."""
    return keras.Sequential(
        [
            keras.Input((n,)),
            Dense(50, activation="elu"),
            Dense(50, activation="elu"),
            Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )


def uniform_to_gaussian_generator(output_slope: float = 0.1) -> keras.Sequential:
    """G of seed document 003: 1-8-16-1, LeakyReLU of slope 0.1, of `output_slope` at the output (1: linear)."""
    output = [LeakyReLU(output_slope)] if output_slope != 1 else []
    return keras.Sequential(
        [
            keras.Input((1,)),
            torch_dense(1, 8),
            LeakyReLU(0.1),
            torch_dense(8, 16),
            LeakyReLU(0.1),
            torch_dense(16, 1),
            *output,
        ],
        name="generator",
    )


def uniform_to_gaussian_discriminator(hidden: int = 8) -> keras.Sequential:
    """D of seed document 003: 1-8-1, LeakyReLU of slope 0.1, a sigmoid output."""
    return keras.Sequential(
        [keras.Input((1,)), torch_dense(1, hidden), LeakyReLU(0.1), torch_dense(hidden, 1, activation="sigmoid")],
        name="discriminator",
    )


def torch_dense(inputs: int, units: int, activation: str | None = None) -> Dense:
    """A Dense layer with the initial weights of PyTorch's `Linear`: all of them U(-1, 1) / sqrt(inputs)."""
    limit = inputs**-0.5
    return Dense(
        units,
        activation=activation,
        kernel_initializer=RandomUniform(-limit, limit),
        bias_initializer=RandomUniform(-limit, limit),
    )
