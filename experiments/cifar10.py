"""CIFAR-10, the paper's Figures 2 (c) and (d): `python experiments/cifar10.py [--preset NAME] [--seed N]`.

The paper shows samples and reports no number. The networks and all other settings are those that the authors released:
https://github.com/goodfeli/adversarial. The contrast of each image is normalised: its mean is subtracted, and it is
scaled to a length of 55 as a vector. Figures show -3 as black and 3 as white; 0.2 % of the values lie outside. The
authors scale by the largest value of the samples instead. `image_experiment.py` says what is saved and evaluated.

Presets:
  full        Figure 2 (c): fully connected networks. An iteration takes 1.4 s on two cores, so this needs a GPU. The
              authors did not publish how long they trained; 300 epochs are our choice.
  conv        Figure 2 (d): D is convolutional, G has a transposed convolution. An iteration takes 1.9 s on two cores.
  full-small  `full` with all hidden layers a quarter as wide, for 100 epochs.
  conv-small  `conv`, likewise, for 60 epochs, with larger initial weights and learning rates. With those of `conv`, D
              stays at 1/2 for 33 epochs, and then wins: G's samples hardly depend on z.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian
from gan_paper.layers import Dropout, Maxout, greatest

import image_data
import keras
import tensorflow as tf
from image_experiment import ImageConfig, callbacks, data, evaluate, plot, recording, released_optimizers  # noqa: F401
from keras.initializers import RandomUniform
from keras.layers import Conv2D, Conv2DTranspose, Dense, Flatten, Reshape, ZeroPadding2D


@dataclass(frozen=True)
class Config(ImageConfig):
    """Train the authors' networks on CIFAR-10 and draw Figure 2 (c) or (d)."""

    p_z: ClassVar[Distribution] = Gaussian(0, 1)
    low: ClassVar[float] = -3.0
    high: ClassVar[float] = 3.0
    shape: ClassVar[tuple[int, int, int]] = (32, 32, 3)
    dataset: ClassVar[str] = "cifar10"

    convolutional: bool = False
    """Whether the networks are those of Figure 2 (d); otherwise those of Figure 2 (c)."""
    narrower: int = 1
    """Factor by which the hidden layers are narrower than the authors'."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.narrower not in (1, 2, 4):
            raise ValueError(f"--narrower must be 1, 2 or 4, not {self.narrower}")

    def p_data(self) -> image_data.ContrastNormalised:
        """The training images, normalised."""
        return image_data.ContrastNormalised(self.images().train, self.low, self.high)


FULL = Config(
    iterations=120_000, record_every=400, d_learning_rate=0.0125, g_learning_rate=0.025, simultaneous=True, ema=0.0015
)
CONV = replace(
    FULL, iterations=93_600, m=128, record_every=312, d_learning_rate=0.002, g_learning_rate=0.004, convolutional=True
)
PRESETS = {
    "full-small": replace(FULL, iterations=40_000, ema=0.005, narrower=4),
    "conv-small": replace(CONV, iterations=18_720, ema=0.005, narrower=4, d_learning_rate=0.005, g_learning_rate=0.04),
    "full": FULL,
    "conv": CONV,
}


@keras.saving.register_keras_serializable("gan_paper")
class MaxoutPooling(keras.layers.Layer):
    """Max pooling of a maxout convolution: each output is the maximum of its pieces over a pool.

    It maps (m, height, width, pieces * channels), one piece after the other, to (m, rows, columns, channels). As in
    cuda-convnet, the authors' library, a pool starts every `stride` pixels, and the last one may extend past the edge.

    Args:
        pieces: Convolutions whose maximum each output is.
        size: Side of a pool, in pixels.
        stride: Distance from one pool to the next, in pixels.
    """

    def __init__(self, pieces: int, size: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pieces, self.size, self.stride = pieces, size, stride

    def call(self, x: Any) -> Any:
        """The greatest value of each pool."""
        beyond = [(0, -(side - self.size) % self.stride) for side in x.shape[1:3]]
        x = tf.pad(greatest(x, self.pieces), [(0, 0), *beyond, (0, 0)], constant_values=x.dtype.min)
        return tf.nn.max_pool2d(x, self.size, self.stride, "VALID")

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "pieces": self.pieces, "size": self.size, "stride": self.stride}


@keras.saving.register_keras_serializable("gan_paper")
class Bias(keras.layers.Layer):
    """Adds a bias to each entry of an example of (m, ...); it is initialised as 0."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of this shape."""
        self.bias = self.add_weight(shape=input_shape[1:], initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """The sum."""
        return x + self.bias


def make_generator(narrower: int = 1, convolutional: bool = False) -> keras.Sequential:
    """The authors' G.

    Fully connected: 100-8000-8000-3072, ReLU, sigmoid, linear. Convolutional: the second 8000 units are 80 maps of
    10 x 10, which a transposed convolution of size 5 and stride 3 maps to 32 x 32 x 3.
    """
    units = 8000 // narrower
    layers: list[keras.Layer] = [Dense(units, "relu", kernel_initializer=_uniform(0.05))]
    layers += [Dense(units, "sigmoid", kernel_initializer=_uniform(0.05 * (narrower if convolutional else 1)))]
    if convolutional:
        kernel = _uniform(0.05 if narrower == 1 else 0.5)  # 0.5 is Figure 2 (c)'s last layer
        deconvolution = Conv2DTranspose(3, 5, strides=3, use_bias=False, kernel_initializer=kernel)
        layers += [Reshape((10, 10, units // 100)), deconvolution, Flatten(), Bias()]
    else:
        layers += [Dense(3072, kernel_initializer=_uniform(0.5))]
    return keras.Sequential([keras.Input((100,)), *layers], name="generator")


def make_discriminator(narrower: int = 1, convolutional: bool = False) -> keras.Sequential:
    """The authors' D: maxout layers; dropout before every layer keeps 0.8 of the input, and 0.5 of each hidden layer.

    Fully connected: twice 1600 units x 5 pieces. Convolutional: 32, 32 and 192 channels x 2 pieces, and 500 x 5 units.
    """
    if convolutional:
        before: list[keras.Layer] = [Reshape((32, 32, 3))]
        kernels = [_uniform(0.005 * narrower) for _ in range(5)]
        hidden: list[keras.Layer] = []
        shapes = (32, 8, 4, 4), (32, 8, 3, 4), (192, 5, 3, 2)
        for (channels, size, border, pool), kernel in zip(shapes, kernels[:3], strict=True):
            convolution = Conv2D(2 * channels // narrower, size, kernel_initializer=kernel)
            hidden += [ZeroPadding2D(border), convolution, MaxoutPooling(2, pool, 2)]
        hidden += [Flatten(), Maxout(500 // narrower, 5, kernels[3])]
    else:
        before, kernels = [], [_uniform(0.005) for _ in range(3)]
        hidden = [Maxout(1600 // narrower, 5, kernel) for kernel in kernels[:2]]
    layers = [*before, Dropout(0.2)]
    for layer in hidden:
        layers += [layer, Dropout(0.5)] if isinstance(layer, Maxout | MaxoutPooling) else [layer]
    output = Dense(1, activation="sigmoid", kernel_initializer=kernels[-1])
    return keras.Sequential([keras.Input((3072,)), *layers, output], name="discriminator")


def _uniform(limit: float) -> RandomUniform:
    return RandomUniform(-limit, limit)


def make_gan(config: Config) -> GAN:
    """The authors' networks and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    gan = GAN(make_generator(c.narrower, c.convolutional), make_discriminator(c.narrower, c.convolutional), c.p_z)
    gan.compile(**released_optimizers(c), simultaneous=c.simultaneous)
    return gan


if __name__ == "__main__":
    run.main()
