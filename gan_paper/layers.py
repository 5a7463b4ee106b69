"""Layers that Keras lacks or that are slow in it: maxout, dropout, ELU, dense layers initialised as in PyTorch."""

import functools
import random
from typing import Any

import keras
import tensorflow as tf
from keras.initializers import RandomUniform
from keras.layers import Dense


@keras.saving.register_keras_serializable("gan_paper")
class Maxout(Dense):
    """A maxout layer (Goodfellow et al., 2013): each unit is the maximum of several linear pieces.

    It maps (m, inputs) to (m, units). Its weights are `kernel` (inputs, pieces * units), piece by piece, and `bias`
    (pieces * units,), which is initialised with 0.

    Args:
        units: Outputs.
        pieces: Linear functions of the input in each unit.
        kernel_initializer: The initializer of `kernel`.
        **kwargs: As for `keras.layers.Dense`.
    """

    def __init__(self, units: int, pieces: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(units * pieces, kernel_initializer=kernel_initializer, **kwargs)
        self.pieces = pieces

    def call(self, x: Any) -> Any:
        """The maximum over the pieces of each unit."""
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

    Keras's own layer draws its masks with TensorFlow's generator, which is slow there: 1,150 microseconds an iteration
    for the three layers of `sine`, against 65 here. A checkpoint does not restore that generator's state. Here the
    number of the call is a weight, so a resumed run has the masks of the uninterrupted one.

    Args:
        rate: The probability in [0, 1) that a value becomes 0; the others are divided by 1 - rate.
        seed: Seed of the masks [default: one that follows from `keras.utils.set_random_seed`].

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
        """Drop values of x if `training`; otherwise return x."""
        if not training or self.rate == 0:
            return x
        call = tf.identity(self.calls.value)
        self.calls.assign(call + 1)
        # Two keys for each call: with one key, the masks of calls a few apart were correlated.
        first = _hash(_hash(call) + self.seed)
        second = _hash(_hash(first) + self.seed)
        position = tf.cast(tf.reshape(tf.range(tf.size(x)), tf.shape(x)), "uint32")
        bits = _hash(_hash(position + first) ^ second)
        return tf.where(bits >= round(self.rate * 2**32), x / (1 - self.rate), tf.zeros_like(x))

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the seed that was chosen."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def elu(x: Any) -> Any:
    """ELU: x above 0, exp(x) - 1 below. Unlike Keras's own `elu` it does without expm1, slow under XLA on a CPU.

    Keras saves an activation by its name, so a saved network loads with Keras's own `elu`.
    """
    return tf.where(x > 0, x, tf.exp(tf.minimum(x, 0)) - 1)


def torch_dense(inputs: int, units: int, activation: Any = None, scale: float = 1.0) -> Dense:
    """A Dense layer with the initial weights of PyTorch's `Linear`, U(-1, 1) / sqrt(inputs), times `scale`."""
    limit = scale * inputs**-0.5
    kernel, bias = RandomUniform(-limit, limit), RandomUniform(-limit, limit)
    return Dense(units, activation, kernel_initializer=kernel, bias_initializer=bias)


def greatest(x: Any, pieces: int) -> Any:
    """The maximum over each unit's pieces: (m, ..., pieces * units), piece by piece, to (m, ..., units)."""
    return functools.reduce(tf.maximum, tf.split(x, pieces, axis=-1))


def _hash(x: Any) -> Any:
    # lowbias32, found by C. Wellons's search for hashes: a bijection of uint32 that sends near numbers far apart.
    x = (x ^ tf.bitwise.right_shift(x, 16)) * 0x7FEB352D
    x = (x ^ tf.bitwise.right_shift(x, 15)) * 0x846CA68B
    return x ^ tf.bitwise.right_shift(x, 16)
