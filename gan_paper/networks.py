"""The published generators and discriminators, by the name of where they were published.

Each is a plain `keras.Sequential`. A generator maps noise (m, noise_size) to samples (m, n); a discriminator maps
examples (m, n) to the probabilities (m, 1) that they are data, and ends in a sigmoid.
"""

import functools
import random
from typing import Any

import keras
import numpy as np
import scipy.special
import tensorflow as tf
from keras.initializers import RandomUniform
from keras.layers import Dense, LeakyReLU, ReLU, Rescaling
from numpy.typing import NDArray


def elu(x: Any) -> Any:
    """ELU, x above 0 and exp(x) - 1 below: Keras's own `elu`, without the expm1 that XLA makes slow on a CPU.

    Keras saves an activation by its name, so what is saved with this one loads with Keras's own, anywhere.
    """
    return tf.where(x > 0, x, tf.exp(tf.minimum(x, 0)) - 1)


def notebook_generator(n: int = 1000, noise_size: int = 1000) -> keras.Sequential:
    """The notebook's G: two hidden layers of 50 ELU units, `n` linear outputs (seed document 001)."""
    return keras.Sequential(
        [
            keras.Input((noise_size,)),
            Dense(50, activation=elu),
            Dense(50, activation=elu),
            Dense(n, activation="linear"),
        ],
        name="generator",
    )


def notebook_discriminator(n: int = 1000) -> keras.Sequential:
    """The notebook's D: two hidden layers of 50 ELU units, one sigmoid output (seed document 001)."""
    return keras.Sequential(
        [
            keras.Input((n,)),
            Dense(50, activation=elu),
            Dense(50, activation=elu),
            Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )


def standardised_generator(
    n: int, noise_size: int, mean: float = 0.0, std: float = 1.0, scale: float = 1.0
) -> keras.Sequential:
    """The notebook's G with other initial weights, and outputs scaled to the examples; our choice, not published.

    The initial weights, biases among them, are U(-1, 1) / sqrt(inputs).

    Args:
        n: Outputs.
        noise_size: Inputs.
        mean: Of the examples' entries.
        std: Of the examples' entries.
        scale: Of the first layer's initial weights.
    """
    return keras.Sequential(
        [
            keras.Input((noise_size,)),
            torch_dense(noise_size, 50, elu, scale),
            torch_dense(50, 50, elu),
            torch_dense(50, n),
            Rescaling(std, mean),
        ],
        name="generator",
    )


def standardised_discriminator(n: int, mean: float = 0.0, std: float = 1.0) -> keras.Sequential:
    """The notebook's D with other initial weights, behind a standardisation; our choice, not published.

    The initial weights, biases among them, are U(-1, 1) / sqrt(inputs), and three times that in the first layer. With
    Keras's default, a ninth of that, its units are nearly straight over the examples, and p_g matches less well.

    Args:
        n: Inputs.
        mean: Of the examples' entries.
        std: Of the examples' entries.
    """
    return keras.Sequential(
        [
            keras.Input((n,)),
            Rescaling(1 / std, -mean / std),
            torch_dense(n, 50, elu, scale=3.0),
            torch_dense(50, 50, elu),
            torch_dense(50, 1, "sigmoid"),
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


def sine_generator() -> keras.Sequential:
    """G of seed document 004: 2-16-32-2, ReLU, a linear output."""
    return keras.Sequential(
        [keras.Input((2,)), torch_dense(2, 16), ReLU(), torch_dense(16, 32), ReLU(), torch_dense(32, 2)],
        name="generator",
    )


def sine_discriminator(dropout: float = 0.3) -> keras.Sequential:
    """D of seed document 004: 2-256-128-64-1, ReLU and dropout, a sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((2,)),
            torch_dense(2, 256),
            ReLU(),
            Dropout(dropout),
            torch_dense(256, 128),
            ReLU(),
            Dropout(dropout),
            torch_dense(128, 64),
            ReLU(),
            Dropout(dropout),
            torch_dense(64, 1, activation="sigmoid"),
        ],
        name="discriminator",
    )


def paper_generator(pixel_means: NDArray[np.floating]) -> keras.Sequential:
    """The authors' G for MNIST: 100-1200-1200-784, ReLU, a sigmoid output (the authors' released settings).

    Args:
        pixel_means: The mean of each pixel over the training set, (784,) in [0, 1]: before training, with its weights
            small, G draws about this image.
    """
    means = np.clip(pixel_means, 1e-7, 1 - 1e-7)  # as the authors' library does
    output = Dense(len(means), activation="sigmoid", kernel_initializer=RandomUniform(-0.05, 0.05))
    generator = keras.Sequential(
        [
            keras.Input((100,)),
            Dense(1200, activation="relu", kernel_initializer=RandomUniform(-0.05, 0.05)),
            Dense(1200, activation="relu", kernel_initializer=RandomUniform(-0.05, 0.05)),
            output,
        ],
        name="generator",
    )
    output.bias.assign(scipy.special.logit(means))
    return generator


def paper_discriminator(pixels: int = 784) -> keras.Sequential:
    """The authors' D for MNIST: two maxout layers of 240 units and 5 pieces, with dropout before every layer.

    Dropout keeps 0.8 of the pixels and 0.5 of the units (the authors' released settings).
    """
    return keras.Sequential(
        [
            keras.Input((pixels,)),
            Dropout(0.2),
            Maxout(240, 5, RandomUniform(-0.005, 0.005)),
            Dropout(0.5),
            Maxout(240, 5, RandomUniform(-0.005, 0.005)),
            Dropout(0.5),
            Dense(1, activation="sigmoid", kernel_initializer=RandomUniform(-0.005, 0.005)),
        ],
        name="discriminator",
    )


def dense_generator(pixels: int = 784) -> keras.Sequential:
    """G of seed document 002: 100-256-512-784, ReLU, a tanh output."""
    return keras.Sequential(
        [
            keras.Input((100,)),
            torch_dense(100, 256, activation="relu"),
            torch_dense(256, 512, activation="relu"),
            torch_dense(512, pixels, activation="tanh"),
        ],
        name="generator",
    )


def dense_discriminator(pixels: int = 784) -> keras.Sequential:
    """D of seed document 002: 784-512-256-1, ReLU, a sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((pixels,)),
            torch_dense(pixels, 512, activation="relu"),
            torch_dense(512, 256, activation="relu"),
            torch_dense(256, 1, activation="sigmoid"),
        ],
        name="discriminator",
    )


@keras.saving.register_keras_serializable("gan_paper")
class Maxout(keras.layers.Layer):
    """A maxout layer (Goodfellow et al., 2013): each unit is the greatest of several linear pieces.

    It maps (m, inputs) to (m, units). Its weights are `kernel` (inputs, pieces * units), piece by piece, and `bias`
    (pieces * units,), which begins at 0.

    Args:
        units: Outputs, at least 1.
        pieces: Linear functions of the input in each, at least 1.
        kernel_initializer: Of `kernel`.

    Raises:
        ValueError: if `units` or `pieces` is less than 1.
    """

    def __init__(self, units: int, pieces: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1 or pieces < 1:
            raise ValueError(f"a maxout layer needs at least 1 unit and 1 piece, not {units} and {pieces}")
        self.units, self.pieces = units, pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of this shape."""
        shape = (input_shape[-1], self.pieces * self.units)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """The greatest piece of each unit."""
        pieces = tf.split(x @ self.kernel + self.bias, self.pieces, axis=-1)
        return functools.reduce(tf.maximum, pieces)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": initializer,
        }


def torch_dense(inputs: int, units: int, activation: Any = None, scale: float = 1.0) -> Dense:
    """A Dense layer with the initial weights of PyTorch's `Linear`, U(-1, 1) / sqrt(inputs), times `scale`."""
    limit = scale * inputs**-0.5
    return Dense(
        units,
        activation=activation,
        kernel_initializer=RandomUniform(-limit, limit),
        bias_initializer=RandomUniform(-limit, limit),
    )


@keras.saving.register_keras_serializable("gan_paper")
class Dropout(keras.layers.Layer):
    """Dropout whose masks are a hash of (seed, number of the call, position), for training compiled by XLA on a CPU.

    Keras's own draws its masks with TensorFlow's generator, which is slow there (1,150 microseconds an iteration for
    the sine experiment's three layers, against 65), and a checkpoint does not restore that generator's state. Here the
    number of the call is a weight, so a resumed run drops what the uninterrupted one would have dropped.

    Args:
        rate: The probability in [0, 1) that an entry becomes 0; the others are divided by 1 - rate.
        seed: Chooses the masks; by default it follows from `keras.utils.set_random_seed`.

    Raises:
        ValueError: if `rate` is not in [0, 1).
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"the rate of dropout must be in [0, 1), not {rate}")
        self.rate = rate
        self.seed = random.getrandbits(32) if seed is None else seed
        self.calls = self.add_weight(shape=(), initializer="zeros", dtype="uint32", trainable=False, name="calls")
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """X with entries dropped if `training`, and x itself otherwise."""
        if not training or self.rate == 0:
            return x
        call = tf.identity(self.calls.value)
        self.calls.assign(call + 1)
        # Two keys a call. With one, calls a few apart had masks that correlate.
        first = _scatter(_scatter(call) + self.seed)
        second = _scatter(_scatter(first) + self.seed)
        position = tf.cast(tf.reshape(tf.range(tf.size(x)), tf.shape(x)), "uint32")
        bits = _scatter(_scatter(position + first) ^ second)
        return tf.where(bits >= round(self.rate * 2**32), x / (1 - self.rate), tf.zeros_like(x))

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the seed that was chosen."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def _scatter(x: Any) -> Any:
    # A bijection of uint32 that sends near numbers far apart: lowbias32, found by C. Wellons's search for such hashes.
    x = (x ^ tf.bitwise.right_shift(x, 16)) * 0x7FEB352D
    x = (x ^ tf.bitwise.right_shift(x, 15)) * 0x846CA68B
    return x ^ tf.bitwise.right_shift(x, 16)
