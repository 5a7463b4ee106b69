"""MNIST and the log-likelihood of Table 1: `python experiments/mnist.py [--preset NAME] [--seed N]`.

The paper reports 225 +- 2 nats on the test set, by a Parzen window over 10,000 samples. It gives neither the networks
nor the learning rates; the authors' released settings do, and the presets follow them. Two generators are saved and
evaluated: the last iterate, from which the authors drew, and whose log-likelihood compares with theirs; and an EMA of
the weights, from which the figures are drawn. A long EMA has a higher log-likelihood but draws blurs, so it spans some
200 iterations (experiments/README.md compares lengths).

Presets:
  paper     Algorithm 1 as printed, k = 1: alternating updates, each on fresh noise. The released hyperparameters, but
            for G's learning rate: 0.3 in place of 0.1, at which D may win early and G collapse (experiments/README.md).
  released  The authors' code: both networks are updated together, from the same samples, at its own learning rates.
  crisp     `paper` for 100 epochs, with learning rates that fall to 0 along a cosine. Its EMA spans a tenth of the
            run, in which the learning rates are at most 0.024 of the first ones.

An epoch is as many minibatches as the 50,000 training images fill, though each is drawn from them independently, as
Algorithm 1 has it; the authors' code shuffles and deals them.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gan_paper import GAN, parzen, run
from gan_paper.distributions import Distribution, Images, Uniform
from gan_paper.layers import Dropout, Maxout
from gan_paper.metrics import Recording
from gan_paper.optimizers import RisingMomentum, for_run
from gan_paper.plots import training_curves
from gan_paper.run.recorder import discriminator_metrics

import keras
import mnist_pictures as pictures
import numpy as np
from keras.initializers import RandomUniform
from keras.layers import Dense
from keras.optimizers.schedules import ExponentialDecay
from mnist_data import load
from numpy.typing import NDArray
from scipy.special import logit

try:
    from gan_paper.metrics import neighbours
except ImportError:  # an extra of this package
    print("the experiments on MNIST need scikit-learn: pip install '.[mnist]'", file=sys.stderr)
    sys.exit(2)

SAMPLES = 10_000  # that the estimator of Table 1 draws
OF_THEM = 2_000  # with which the precision is measured during training
TRAINING, FINAL = 0, 1  # what samples are drawn for: each has noise of its own
FRAMES = 100  # of the animation, at most


@dataclass(frozen=True)
class MNISTConfig(run.Config):
    """The settings of any experiment on MNIST."""

    low: ClassVar[float] = 0.0  # what a pixel of 0 is to the networks, where one of 255 is 1
    p_z: ClassVar[Distribution] = Uniform(-(3**0.5), 3**0.5)

    iterations: int = 20_000
    """Iterations of Algorithm 1."""
    data: Path | None = None
    """MNIST as an .npz file in Keras's layout [default: download it once]."""
    m: int = 100
    """Minibatch size."""
    record_every: int = 500
    """Iterations of an epoch, 50,000 / m: between records, and between rises of the momentum of `mnist.py`."""
    d_learning_rate: float = 0.05
    """First learning rate of D. (The authors' 0.1, since they halve D's objective.)"""
    g_learning_rate: float = 0.3
    """First learning rate of G. (The authors' is 0.1: see the presets.)"""
    cosine: bool = False
    """Whether the learning rates fall to 0 along a cosine over the run."""
    simultaneous: bool = False
    """Whether D and G are updated together, from the same samples; alternating otherwise, as Algorithm 1 has it."""
    ema: float = 0.01
    """Share of the run that the EMA of G's weights spans; 0: none."""
    evaluate_every: int = 5
    """Records between evaluations of the validation log-likelihood."""


@dataclass(frozen=True)
class Config(MNISTConfig):
    """Train the authors' networks on MNIST and measure the log-likelihood as Table 1 does."""

    clip_means: float = 1e-3
    """How near to 0 and 1 a pixel's mean may lie whose logit is G's first output bias. (The authors' library: 1e-7.)"""


PRESETS = {
    "paper": Config(),
    "released": Config(iterations=150_000, g_learning_rate=0.1, simultaneous=True, ema=0.0015, evaluate_every=10),
    "crisp": Config(iterations=50_000, cosine=True, ema=0.1, evaluate_every=10),
}


def make_generator(pixel_means: NDArray, clip: float = 1e-3) -> keras.Sequential:
    """The authors' G: 100-1200-1200-784, ReLU, a sigmoid output (the authors' released settings).

    Args:
        pixel_means: The mean of each pixel over the training set, (784,) in [0, 1]: before training, with its weights
            small, G draws about this image.
        clip: How near to 0 and 1 a mean may lie.

    Raises:
        ValueError: if `clip` is not in (0, 0.5].
    """
    if not 0 < clip <= 0.5:
        raise ValueError(f"clip_means must be above 0 and at most 0.5, not {clip}")
    means = np.clip(pixel_means, clip, 1 - clip)
    sizes = ((1200, "relu"), (1200, "relu"), (len(means), "sigmoid"))
    layers = [Dense(units, activation, kernel_initializer=RandomUniform(-0.05, 0.05)) for units, activation in sizes]
    generator = keras.Sequential([keras.Input((100,)), *layers], name="generator")
    layers[-1].bias.assign(logit(means))
    return generator


def make_discriminator(pixels: int = 784) -> keras.Sequential:
    """The authors' D: two maxout layers of 240 units and 5 pieces, with dropout before every layer.

    Dropout keeps 0.8 of the pixels and 0.5 of the units (the authors' released settings).
    """
    hidden = [Dropout(0.2)]
    for _ in range(2):
        hidden += [Maxout(240, 5, RandomUniform(-0.005, 0.005)), Dropout(0.5)]
    output = Dense(1, activation="sigmoid", kernel_initializer=RandomUniform(-0.005, 0.005))
    return keras.Sequential([keras.Input((pixels,)), *hidden, output], name="discriminator")


def data(config: MNISTConfig) -> Images:
    """The 50,000 training images, on the networks' scale."""
    return Images(load(config.data).train, config.low, 1)


def make_gan(config: Config) -> GAN:
    """The authors' networks and their optimizers."""
    c = config

    def optimizer(learning_rate: Any, ema: float = 0.0) -> keras.optimizers.Optimizer:
        if not c.cosine:
            # Divided by 1.000004 after every minibatch. Their floor of 1e-6 is millions of minibatches away. (In
            # float32, powers of 1.000004 itself would be 1.5 % off.)
            learning_rate = ExponentialDecay(learning_rate, decay_steps=1000, decay_rate=1.000004**-1000)
        return for_run(
            RisingMomentum, learning_rate, c.iterations, cosine=c.cosine, ema=ema, updates_per_epoch=c.record_every
        )

    keras.utils.set_random_seed(c.seed)
    gan = GAN(make_generator(load(c.data).train.mean(axis=0) / 255, c.clip_means), make_discriminator(), c.p_z)
    gan.compile(
        d_optimizer=optimizer(c.d_learning_rate),
        g_optimizer=optimizer(c.g_learning_rate, c.ema),
        simultaneous=c.simultaneous,
    )
    return gan


def recording(config: MNISTConfig) -> Recording:
    """What is counted during training: the pixels of 25 samples, which are kept."""
    return Recording({"x": np.linspace(config.low, 1, 65)}, samples=25, keep=25)


def noise(config: MNISTConfig, purpose: int) -> NDArray:
    """The noise that a run's samples are drawn from, (10000, 100)."""
    return config.p_z.sample((SAMPLES, 100), (config.seed, purpose, 9))


def draw(generator: keras.Model, z: NDArray, config: MNISTConfig) -> NDArray:
    """Samples for noise z (N, 100), as pixels in [0, 1], (N, 784)."""
    return data(config).unscaled(np.asarray(generator(z)))


def generators(gan: GAN) -> dict[str, keras.Model]:
    """By the prefix of its metrics: the generator with the EMA of its weights, and its last iterate."""
    return {"": gan.averaged().generator, "last_iterate_": gan.generator}


def callbacks(gan: GAN, config: MNISTConfig) -> list[keras.callbacks.Callback]:
    """Adds to the history the epoch and, every few records, measures of both generators on the validation images.

    They are the log-likelihood in nats, its sigma, and the precision among pixels; NaN where they are not measured.
    """
    z, validation = noise(config, TRAINING), load(config.data).validation / np.float32(255)
    balls = neighbours.balls(validation[:OF_THEM])

    def add(epoch: int, logs: dict[str, float]) -> None:
        iteration = (epoch + 1) * config.every
        logs["epoch"] = iteration / config.record_every
        is_due = (epoch + 1) % config.evaluate_every == 0 or iteration == config.iterations
        for prefix, generator in generators(gan).items():
            log_likelihood = sigma = precision = np.nan
            if is_due:
                samples = draw(generator, z, config)
                sigma, log_likelihood, *_ = parzen.validate(validation, samples)
                precision = neighbours.fit(balls, neighbours.balls(samples[:OF_THEM])).precision
            logs[f"{prefix}log_likelihood"] = log_likelihood
            logs[f"{prefix}sigma"] = sigma
            logs[f"{prefix}precision"] = precision

    return [keras.callbacks.LambdaCallback(on_epoch_end=add)]


def evaluate(gan: GAN, config: MNISTConfig) -> dict[str, float]:
    """The log-likelihood of the test images in nats, as Table 1 has it, of both generators; V, and D's outputs."""
    mnist = load(config.data)
    metrics: dict[str, float] = {}
    for prefix, generator in generators(gan).items():
        samples = draw(generator, noise(config, FINAL), config)
        validation = parzen.validate(mnist.validation / np.float32(255), samples)
        test = parzen.estimate(mnist.test / np.float32(255), samples, validation.sigma)
        metrics |= {
            f"{prefix}log_likelihood": test.mean,
            f"{prefix}standard_error": test.standard_error,
            f"{prefix}sigma": test.sigma,
            f"{prefix}validation": validation.mean,
        }
    return {**metrics, **discriminator_metrics(gan, data(config), gan.sample(SAMPLES, config.seed), config.seed)}


def plot(folder: run.Folder) -> None:
    """Samples with the nearest training images, interpolations, the training curves, and samples through training."""
    config: Any = folder.config
    images, history, recorded = data(config), folder.history, folder.recording
    generator, z = keras.saving.load_model(folder.path / "generator.keras"), noise(config, FINAL)

    samples, train = draw(generator, z[:20], config).reshape(4, 5, -1), images.pixels / np.float32(255)
    _, nearest = neighbours.nearest(samples[:, -1], train)
    folder.save_figure("samples", pictures.samples_with_neighbours(samples, train[nearest]))

    ends = z[20:40].reshape(10, 2, 100)
    lines = np.linspace(ends[:, 0], ends[:, 1], 12, axis=1)  # (row, step, noise)
    between = draw(generator, lines.reshape(-1, 100), config).reshape(10, 12, -1)
    folder.save_figure("interpolations", pictures.interpolations(between))

    folder.save_figure("log_likelihood", pictures.quality(history))
    folder.save_figure("training", training_curves(history, "non_saturating"))

    shown = np.unique(np.geomspace(1, len(recorded.iterations), FRAMES).astype(int)) - 1  # most changes are early
    epochs = [recorded.iterations[index] // config.record_every for index in shown]
    through = images.unscaled(np.stack([recorded.samples[index] for index in shown]))
    folder.save_animation("samples", pictures.images_animation(through, epochs, columns=5))


if __name__ == "__main__":
    run.main()
