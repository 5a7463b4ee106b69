"""MNIST digits by their class: `python experiments/mnist_conditional.py [--seed N]`.

A conditional GAN (section 6 of the paper) with the networks of `dcgan.py`. G gets the class, one-hot, beside the noise.
D adds to its logit the inner product of its last features and a learnt embedding of the class, as Miyato and Koyama
(2018), https://arxiv.org/abs/1802.05637, do. The classifier of `image_measures.py` decides which digit a sample shows.
"""

from dataclasses import dataclass
from typing import Any

from gan_paper import GAN, run

import dcgan
import image_experiment
import image_pictures
import keras
import numpy as np
from image_classifier import load_classifier
from image_experiment import FINAL, SAMPLES, callbacks, evaluate_samples, generators, images_of, noise, recording  # noqa: F401
from keras.layers import Activation, Add, CategoryEncoding, Concatenate, Dense, Dot, Embedding
from numpy.typing import NDArray

CLASSES = 10


@dataclass(frozen=True)
class Config(dcgan.Config):
    """Train a conditional convolutional GAN on MNIST and measure whether it draws the digits that are asked for."""

    def inputs(self, z: NDArray) -> Any:
        """G's inputs for noise z (N, ..., 100): the noise, and the classes 0 to 9, repeated along the first axis."""
        c = np.resize(np.arange(CLASSES), len(z))
        return [z.reshape(-1, 100), np.repeat(c, z[0].size // 100)]


PRESETS = {"default": Config()}


def make_generator() -> keras.Model:
    """Map noise and a class, one-hot, to an image, by the layers of `dcgan.py`."""
    z, c = keras.Input((100,)), keras.Input((), dtype="int32")
    h = Concatenate()([z, CategoryEncoding(CLASSES, "one_hot")(c)])
    return keras.Model([z, c], dcgan.make_generator(100 + CLASSES)(h), name="generator")


def make_discriminator() -> keras.Model:
    """Map an image and a class to a probability, by the features of `dcgan.py` and an embedding of the class."""
    x, c = keras.Input((784,)), keras.Input((), dtype="int32")
    *layers, _ = dcgan.make_discriminator().layers
    features = keras.Sequential([keras.Input((784,)), *layers])(x)
    of_class = Dot(axes=1)([features, Embedding(CLASSES, features.shape[1])(c)])
    return keras.Model([x, c], Activation("sigmoid")(Add()([Dense(1)(features), of_class])), name="discriminator")


def data(config: Config) -> tuple[NDArray, NDArray]:
    """The training images on the networks' scale, and their classes."""
    images = config.images()
    return config.p_data().scaled(images.train), images.train_labels


def make_gan(config: Config) -> GAN:
    """The networks and the optimizers of `dcgan.py`."""
    return dcgan.make_gan(config, make_generator, make_discriminator)


def evaluate(gan: GAN, config: Config) -> dict[str, Any]:
    """The log-likelihood, V, and D's outputs; and the share of samples that are recognised as the digit asked for.

    `named_as_asked` is that share over all classes, `worst_class` that of the class with the lowest.
    """
    z, (x, c) = noise(config, FINAL), data(config)
    classifier = load_classifier(config)
    metrics = evaluate_samples(gan, config) | gan.evaluate(x[:SAMPLES], c[:SAMPLES], seed=config.seed)
    for prefix, generator in generators(gan).items():
        _, probabilities = classifier.predict(images_of(generator, z, config), batch_size=1000, verbose=0)
        named = probabilities.argmax(axis=1) == config.inputs(z)[1]
        metrics[f"{prefix}named_as_asked"] = named.mean()
        metrics[f"{prefix}worst_class"] = min(named[digit::CLASSES].mean() for digit in range(CLASSES))
    return metrics


def plot(folder: run.Folder) -> None:
    """Ten samples of each class, and the figures of any experiment on images."""
    config: Any = folder.config
    generator = keras.saving.load_model(folder.path / "generator.keras")
    samples = images_of(generator, noise(config, FINAL)[: CLASSES**2], config).reshape(CLASSES, CLASSES, *config.shape)
    folder.save_figure("classes", image_pictures.grid(samples.swapaxes(0, 1)))
    image_experiment.plot(folder)


if __name__ == "__main__":
    run.main()
