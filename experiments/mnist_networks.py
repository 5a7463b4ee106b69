"""The networks of `mnist.py`: the authors', and those of a primer with a dense PyTorch GAN."""

from typing import TYPE_CHECKING

from gan_paper.distributions import Distribution, Gaussian, Uniform

import numpy as np

if TYPE_CHECKING:
    import keras


def scale_and_prior(preset: str) -> tuple[float, Distribution]:
    """What a pixel of 0 is to the networks of a preset, where one of 255 is 1; and the prior of the noise."""
    return (-1.0, Gaussian(0, 1)) if preset == "dense" else (0.0, Uniform(-(3**0.5), 3**0.5))


def paper_generator(pixel_means: np.ndarray, clip: float = 1e-3) -> "keras.Sequential":
    """The authors' G: 100-1200-1200-784, ReLU, a sigmoid output (the authors' released settings).

    Args:
        pixel_means: The mean of each pixel over the training set, (784,) in [0, 1]: before training, with its weights
            small, G draws about this image.
        clip: How near to 0 and 1 a mean may lie. (The authors' library: 1e-7.)
    """
    from keras import Input, Sequential
    from keras.initializers import RandomUniform
    from keras.layers import Dense
    from scipy.special import logit

    means = np.clip(pixel_means, clip, 1 - clip)
    rules = ((1200, "relu"), (1200, "relu"), (len(means), "sigmoid"))
    layers = [Dense(units, rule, kernel_initializer=RandomUniform(-0.05, 0.05)) for units, rule in rules]
    generator = Sequential([Input((100,)), *layers], name="generator")
    layers[-1].bias.assign(logit(means))
    return generator


def paper_discriminator(pixels: int = 784) -> "keras.Sequential":
    """The authors' D: two maxout layers of 240 units and 5 pieces, with dropout before every layer.

    Dropout keeps 0.8 of the pixels and 0.5 of the units (the authors' released settings).
    """
    from gan_paper.layers import Dropout, Maxout

    from keras import Input, Sequential
    from keras.initializers import RandomUniform
    from keras.layers import Dense

    hidden = [Dropout(0.2)]
    for _ in range(2):
        hidden += [Maxout(240, 5, RandomUniform(-0.005, 0.005)), Dropout(0.5)]
    output = Dense(1, activation="sigmoid", kernel_initializer=RandomUniform(-0.005, 0.005))
    return Sequential([Input((pixels,)), *hidden, output], name="discriminator")


def dense_generator(pixels: int = 784) -> "keras.Sequential":
    """The primer's G: 100-256-512-784, ReLU, a tanh output."""
    from gan_paper.layers import torch_dense

    from keras import Input, Sequential

    hidden = [torch_dense(100, 256, "relu"), torch_dense(256, 512, "relu")]
    return Sequential([Input((100,)), *hidden, torch_dense(512, pixels, "tanh")], name="generator")


def dense_discriminator(pixels: int = 784) -> "keras.Sequential":
    """The primer's D: 784-512-256-1, ReLU, a sigmoid output."""
    from gan_paper.layers import torch_dense

    from keras import Input, Sequential

    hidden = [torch_dense(pixels, 512, "relu"), torch_dense(512, 256, "relu")]
    return Sequential([Input((pixels,)), *hidden, torch_dense(256, 1, "sigmoid")], name="discriminator")
