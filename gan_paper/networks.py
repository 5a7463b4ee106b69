"""The published generators and discriminators, by the name of where they were published.

Each is a plain `keras.Sequential`. A generator maps noise (m, noise_size) to samples (m, n); a discriminator maps
examples (m, n) to the probabilities (m, 1) that they are data, and ends in a sigmoid.
"""

import keras
from keras.layers import Dense


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
