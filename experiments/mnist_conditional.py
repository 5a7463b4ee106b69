"""Digits by their class: `python experiments/mnist_conditional.py [--seed N]`.

A conditional GAN (section 6 of the paper) on MNIST: the networks of `mnist_dense.py`, to both of which the class is
given as 10 more inputs, one-hot. Its figure has a row for each class. The classifier of `image_measures.py` says
which class each sample shows.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian
from gan_paper.layers import Dropout, torch_dense
from gan_paper.optimizers import for_run
from gan_paper.plots import training_curves

import image_pictures
import keras
import numpy as np
from image_classifier import load_classifier
from image_experiment import FINAL, callbacks, draw, generators, neighbours, noise, recording  # noqa: F401
from keras.layers import Concatenate, LeakyReLU
from keras.optimizers import Adam
from mnist import MNISTConfig
from numpy.typing import NDArray

CLASSES = 10
CLASSIFIER = Path(__file__).parent.parent / "figures" / "reference" / "mnist" / "classifier.npz"
"""Its weights."""


@dataclass(frozen=True)
class Config(MNISTConfig):
    """Train a conditional GAN on MNIST."""

    low: ClassVar[float] = -1.0
    p_z: ClassVar[Distribution] = Gaussian(0, 1)

    iterations: int = 20_000
    """Iterations of Algorithm 1."""
    d_learning_rate: float = 2e-4
    """Adam's first learning rate for D."""
    g_learning_rate: float = 2e-4
    """Adam's first learning rate for G."""
    cosine: bool = True
    """Whether the learning rates fall to 0 along a cosine over the run."""

    def inputs(self, z: NDArray) -> Any:
        """What G takes, for noise z (N, 100): the classes 0 to 9, again and again."""
        return [z, np.resize(np.eye(CLASSES, dtype="float32"), (len(z), CLASSES))]


PRESETS = {"default": Config()}


def make_generator() -> keras.Model:
    """(100 + 10)-256-512-784, ReLU, a tanh output."""
    z, c = keras.Input((100,)), keras.Input((CLASSES,))
    h = torch_dense(256, 512, "relu")(torch_dense(100 + CLASSES, 256, "relu")(Concatenate()([z, c])))
    return keras.Model([z, c], torch_dense(512, 784, "tanh")(h), name="generator")


def make_discriminator() -> keras.Model:
    """(784 + 10)-512-256-1, leaky ReLU and dropout, a sigmoid output."""
    x, c = keras.Input((784,)), keras.Input((CLASSES,))
    h = Concatenate()([x, c])
    for inputs, units in ((784 + CLASSES, 512), (512, 256)):
        h = Dropout(0.3)(LeakyReLU(0.2)(torch_dense(inputs, units)(h)))
    return keras.Model([x, c], torch_dense(256, 1, "sigmoid")(h), name="discriminator")


def data(config: Config) -> tuple[NDArray, NDArray]:
    """The training images on the scale of the samples, and their classes, one-hot."""
    images = config.images()
    return config.p_data().scaled(images.train), np.eye(CLASSES, dtype="float32")[images.train_labels]


def make_gan(config: Config) -> GAN:
    """The networks and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    gan = GAN(make_generator(), make_discriminator(), c.p_z)
    gan.compile(
        d_optimizer=for_run(Adam, c.d_learning_rate, c.iterations, cosine=c.cosine, beta_1=0.5),
        g_optimizer=for_run(Adam, c.g_learning_rate, c.iterations, cosine=c.cosine, ema=c.ema, beta_1=0.5),
    )
    return gan


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """The share of 10,000 samples that the classifier names as asked, of all and of the worst class; how they fit."""
    images, z = config.images(), noise(config, FINAL)
    asked, test = np.resize(np.arange(CLASSES), len(z)), config.measured(images.test)
    classifier = load_classifier(CLASSIFIER, config)
    metrics: dict[str, float] = {}
    for prefix, generator in generators(gan).items():
        samples = draw(generator, z, config)
        _, classes = classifier.predict(samples, verbose=0)
        named = classes.argmax(axis=1) == asked
        fit = neighbours.fit(neighbours.balls(test[:2000]), neighbours.balls(samples[:2000]))
        metrics |= {
            f"{prefix}named_as_asked": float(named.mean()),
            f"{prefix}worst_class": float(min(named[asked == c].mean() for c in range(CLASSES))),
            f"{prefix}precision": fit.precision,
            f"{prefix}recall": fit.recall,
        }
    return metrics


def plot(folder: run.Folder) -> None:
    """Ten samples of each class, a row each, and the training curves."""
    config: Any = folder.config
    generator = keras.saving.load_model(folder.path / "generator.keras")
    samples = draw(generator, noise(config, FINAL)[: CLASSES**2], config).reshape(CLASSES, CLASSES, *config.shape)
    folder.save_figure("classes", image_pictures.grid(samples.swapaxes(0, 1)))
    folder.save_figure("training", training_curves(folder.history, "non_saturating"))


if __name__ == "__main__":
    run.main()
