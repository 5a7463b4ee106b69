"""Layers that Keras does not have, or not fast: maxout, dropout, ELU, dense layers as PyTorch begins them."""

import functools
import random
from typing import Any

import keras
import tensorflow as tf
from keras.initializers import RandomUniform
from keras.layers import Dense


@keras.saving.register_keras_serializable("gan_paper")
class Maxout(Dense):
    """A maxout layer (Goodfellow et al., 2013): each unit is the greatest of several linear pieces.

    It maps (m, inputs) to (m, units). Its weights are `kernel` (inputs, pieces * units), piece by piece, and `bias`
    (pieces * units,), which begins at 0.

    Args:
        units: Outputs.
        pieces: Linear functions of the input in each.
        kernel_initializer: Of `kernel`.
        **kwargs: As for `keras.layers.Dense`.
    """

    def __init__(self, units: int, pieces: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(units * pieces, kernel_initializer=kernel_initializer, **kwargs)
        self.pieces = pieces

    def call(self, x: Any) -> Any:
        """The greatest piece of each unit."""
        return greatest(super().call(x), self.pieces)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(m, units)."""
        return *input_shape[:-1], self.units // self.pieces

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "units": self.units // self.pieces, "pieces": self.pieces}


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


def elu(x: Any) -> Any:
    """ELU, x above 0 and exp(x) - 1 below: Keras's own `elu`, without the expm1 that XLA makes slow on a CPU.

    Keras saves an activation by its name, so what is saved with this one loads with Keras's own, anywhere.
    """
    return tf.where(x > 0, x, tf.exp(tf.minimum(x, 0)) - 1)


def torch_dense(inputs: int, units: int, activation: Any = None, scale: float = 1.0) -> Dense:
    """A Dense layer with the initial weights of PyTorch's `Linear`, U(-1, 1) / sqrt(inputs), times `scale`."""
    limit = scale * inputs**-0.5
    kernel, bias = RandomUniform(-limit, limit), RandomUniform(-limit, limit)
    return Dense(units, activation, kernel_initializer=kernel, bias_initializer=bias)


def greatest(x: Any, pieces: int) -> Any:
    """The greatest of each unit's pieces: (m, ..., pieces * units), piece by piece, to (m, ..., units)."""
    return functools.reduce(tf.maximum, tf.split(x, pieces, axis=-1))


def _scatter(x: Any) -> Any:
    # A bijection of uint32 that sends near numbers far apart: lowbias32, found by C. Wellons's search for such hashes.
    x = (x ^ tf.bitwise.right_shift(x, 16)) * 0x7FEB352D
    x = (x ^ tf.bitwise.right_shift(x, 15)) * 0x846CA68B
    return x ^ tf.bitwise.right_shift(x, 16)
