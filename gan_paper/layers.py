"""Layers that Keras does not have, or not fast: maxout, biases, dropout, ELU, dense layers as PyTorch begins them."""

import functools
import random
from typing import Any

import keras
import tensorflow as tf
from keras.initializers import RandomUniform
from keras.layers import Dense


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
        return _greatest(x @ self.kernel + self.bias, self.pieces)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {"units": self.units, "pieces": self.pieces, "kernel_initializer": initializer}


@keras.saving.register_keras_serializable("gan_paper")
class MaxoutConv2D(keras.layers.Layer):
    """A maxout convolution and max pooling: each output is the greatest of several convolutions, over a pool.

    It maps (m, height, width, channels) to (m, ..., filters). As in cuda-convnet, the authors' library, a pool begins
    at every `pool_stride`, and the last one may reach over the edge. Its weights are `kernel` (kernel_size,
    kernel_size, channels, pieces * filters), piece by piece, and `bias`, which begins at 0.

    Args:
        filters: Channels of the output.
        pieces: Convolutions of which each is the greatest.
        kernel_size: Side of the kernels.
        padding: Zeros on each side of the input.
        pool_size: Side of the pools.
        pool_stride: From one pool to the next.
        kernel_initializer: Of `kernel`.
    """

    def __init__(
        self,
        filters: int,
        pieces: int,
        kernel_size: int,
        padding: int,
        pool_size: int,
        pool_stride: int,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.pieces, self.kernel_size, self.padding = filters, pieces, kernel_size, padding
        self.pool_size, self.pool_stride = pool_size, pool_stride
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of this shape."""
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.pieces * self.filters)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """The greatest value of each pool."""
        around = [(0, 0), (self.padding, self.padding), (self.padding, self.padding), (0, 0)]
        x = _greatest(tf.nn.conv2d(x, self.kernel, 1, around) + self.bias, self.pieces)
        beyond = [(0, -(side - self.pool_size) % self.pool_stride) for side in x.shape[1:3]]
        x = tf.pad(x, [(0, 0), *beyond, (0, 0)], constant_values=x.dtype.min)
        return tf.nn.max_pool2d(x, self.pool_size, self.pool_stride, "VALID")

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        names = "filters", "pieces", "kernel_size", "padding", "pool_size", "pool_stride"
        initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own, "kernel_initializer": initializer}


@keras.saving.register_keras_serializable("gan_paper")
class Bias(keras.layers.Layer):
    """Adds to each entry of (m, ...) a weight of its own, which begins at 0."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of this shape."""
        self.bias = self.add_weight(shape=input_shape[1:], initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """The sum."""
        return x + self.bias


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


def _greatest(x: Any, pieces: int) -> Any:
    return functools.reduce(tf.maximum, tf.split(x, pieces, axis=-1))


def _scatter(x: Any) -> Any:
    # A bijection of uint32 that sends near numbers far apart: lowbias32, found by C. Wellons's search for such hashes.
    x = (x ^ tf.bitwise.right_shift(x, 16)) * 0x7FEB352D
    x = (x ^ tf.bitwise.right_shift(x, 15)) * 0x846CA68B
    return x ^ tf.bitwise.right_shift(x, 16)
