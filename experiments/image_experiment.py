"""What the experiments on images share: settings, optimizers, evaluation and figures.

Two generators are saved and evaluated: the last iterate, which the authors used, and an EMA of the weights, which the
figures show. A long EMA has a higher log-likelihood but blurred samples, so by default it spans some 200
iterations (docs/results/mnist.md compares lengths).

An epoch is as many minibatches as the training images fill. Each minibatch is drawn independently, as in Algorithm 1;
the authors' code shuffles the images and goes through them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gan_paper import GAN, parzen, run
from gan_paper.distributions import Distribution
from gan_paper.metrics import Recording, neighbours
from gan_paper.optimizers import for_run
from gan_paper.plots import image_frame, training_curves

import image_data
import image_pictures as pictures
import keras
import numpy as np
from image_data import Images, ImageSet
from keras import ops
from keras.optimizers.schedules import ExponentialDecay
from matplotlib.figure import Figure
from numpy.typing import NDArray

SAMPLES = 10_000  # for the log-likelihood, as in Table 1
FEWER = 2_000  # for precision and recall, the first of them
TRAINING, FINAL = 0, 1  # purposes of samples, each with its own noise
FRAMES = 100  # of the animation, at most


@dataclass(frozen=True)
class ImageConfig(run.Config):
    """The settings of any experiment on images."""

    p_z: ClassVar[Distribution]
    low: ClassVar[float] = 0.0  # what figures show as black, on the networks' scale
    high: ClassVar[float] = 1.0  # and as white
    shape: ClassVar[tuple[int, int, int]]  # (height, width, channels)
    dataset: ClassVar[str]  # its module in keras.datasets

    iterations: int = 20_000
    """Iterations of Algorithm 1."""
    data: Path | None = None
    """The images, as an .npz file in Keras's layout [default: download it once]."""
    m: int = 100
    """Minibatch size."""
    record_every: int = 500
    """Iterations between records; the presets have an epoch, training images / m."""
    d_learning_rate: float = 0.05
    """Initial learning rate of D: half the authors', since they halve D's objective."""
    g_learning_rate: float = 0.3
    """Initial learning rate of G."""
    cosine: bool = False
    """Whether the learning rates fall to 0 along a cosine over the run."""
    simultaneous: bool = False
    """Whether D and G are updated together, from the same samples; otherwise they alternate, as in Algorithm 1."""
    ema: float = 0.01
    """Length of the EMA of G's weights, as a share of the run; 0: no EMA."""
    evaluate_every: int = 5
    """Records between evaluations on the validation images."""

    @property
    def has_log_likelihood(self) -> bool:
        """Whether the paper reports a log-likelihood of these images."""
        return self.dataset == "mnist"

    @property
    def per_epoch(self) -> int:
        """Iterations in an epoch, of which each raises the momentum."""
        return max(1, len(self.images().train) // self.m)

    def images(self) -> ImageSet:
        """The images, as bytes.

        Raises:
            ValueError: if they cannot be loaded, in one line.
        """
        return image_data.load(self.dataset, self.data)

    def p_data(self) -> Images:
        """The training images, on the networks' scale."""
        return Images(self.images().train, self.low, self.high)

    def inputs(self, z: NDArray) -> Any:
        """G's inputs for noise z (N, ..., 100)."""
        return z.reshape(-1, 100)

    def measured(self, pixels: NDArray) -> NDArray:
        """Scale bytes as samples are measured: with 0 for `low` and 1 for `high`."""
        p_data = self.p_data()
        return p_data.unscaled(p_data.scaled(pixels))


def data(config: ImageConfig) -> Images:
    """The training images, on the networks' scale."""
    return config.p_data()


@keras.saving.register_keras_serializable("gan_paper")
class RisingMomentum(keras.optimizers.SGD):
    """SGD with a momentum that rises linearly, once per epoch (the authors' released settings).

    Keras's own SGD takes a schedule for its learning rate, but only a number for its momentum.

    Args:
        learning_rate: The learning rate, or its schedule.
        momentum: The momentum of the first epoch, in (0, 1].
        final: The momentum from epoch `saturate` on.
        saturate: The first epoch, counted from 1, with the momentum `final`; at least 2.
        updates_per_epoch: Updates per epoch.
        **kwargs: As for `keras.optimizers.SGD`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: float = 0.5,
        final: float = 0.7,
        saturate: int = 250,
        updates_per_epoch: int = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, momentum, **kwargs)
        self.final, self.saturate, self.updates_per_epoch = final, saturate, updates_per_epoch

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update the velocity, and add it to the variable."""
        rise = ops.minimum(self.iterations // self.updates_per_epoch, self.saturate - 1) / (self.saturate - 1)
        momentum = ops.cast(self.momentum + (self.final - self.momentum) * rise, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        step = ops.cast(learning_rate, variable.dtype) * ops.cast(gradient, variable.dtype)
        self.assign(velocity, momentum * velocity - step)
        self.assign_add(variable, velocity)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"final": self.final, "saturate": self.saturate, "updates_per_epoch": self.updates_per_epoch}
        return {**super().get_config(), **own}


def released_optimizers(config: ImageConfig) -> dict[str, keras.optimizers.Optimizer]:
    """The authors' optimizers of both networks, as `GAN.compile` takes them."""
    c, per_epoch = config, config.per_epoch

    def optimizer(rate: Any, ema: float) -> keras.optimizers.Optimizer:
        if not c.cosine:
            # The learning rate is divided by 1.000004 after every minibatch. The authors' lower bound of 1e-6 is
            # millions of minibatches away. (In float32, powers of 1.000004 itself would be 1.5 % off.)
            rate = ExponentialDecay(rate, decay_steps=1000, decay_rate=1.000004**-1000)
        return for_run(RisingMomentum, rate, c.iterations, cosine=c.cosine, ema=ema, updates_per_epoch=per_epoch)

    return {"d_optimizer": optimizer(c.d_learning_rate, 0), "g_optimizer": optimizer(c.g_learning_rate, c.ema)}


def recording(config: ImageConfig) -> Recording:
    """What is recorded during training: 25 samples, and the histogram of their values."""
    return Recording({"x": np.linspace(config.low, config.high, 65)}, samples=25, keep=25)


def noise(config: ImageConfig, purpose: int) -> NDArray:
    """The noise of a run's samples for one purpose, (10000, 100)."""
    return config.p_z.sample((SAMPLES, 100), (config.seed, purpose, 9))


def images_of(generator: keras.Model, z: NDArray, config: ImageConfig) -> NDArray:
    """Samples for noise z (..., 100), on the scale on which they are measured, (N, pixels)."""
    return config.p_data().unscaled(np.asarray(generator(config.inputs(z))))


def generators(gan: GAN) -> dict[str, keras.Model]:
    """The generators with the EMA of the weights and with the last iterate, by the prefix of their metrics."""
    return {"": gan.averaged().generator, "last_iterate_": gan.generator}


def callbacks(gan: GAN, config: ImageConfig) -> list[keras.callbacks.Callback]:
    """A callback that adds the epoch and, every few records, validation measures of both generators to the history.

    The measures are precision and recall among pixels and, where the paper reports it, the log-likelihood in nats with
    its sigma; NaN where they are not measured.
    """
    per_epoch, z = config.per_epoch, noise(config, TRAINING)[: None if config.has_log_likelihood else FEWER]
    validation = config.measured(config.images().validation)
    balls = neighbours.balls(validation[:FEWER])

    def measure(generator: keras.Model) -> tuple[float, ...]:
        samples = images_of(generator, z, config)
        fit = neighbours.compute_prdc(balls, neighbours.balls(samples[:FEWER]))
        estimate = parzen.validate(validation, samples) if config.has_log_likelihood else None
        return fit.precision, fit.recall, *((estimate.mean, estimate.sigma) if estimate else ())

    def add(epoch: int, logs: dict[str, float]) -> None:
        iteration = (epoch + 1) * config.every
        logs["epoch"] = iteration / per_epoch
        is_due = (epoch + 1) % config.evaluate_every == 0 or iteration == config.iterations
        names = ("precision", "recall", *(("log_likelihood", "sigma") if config.has_log_likelihood else ()))
        for prefix, generator in generators(gan).items():
            measured = measure(generator) if is_due else [np.nan] * len(names)
            logs |= {f"{prefix}{name}": value for name, value in zip(names, measured, strict=True)}

    return [keras.callbacks.LambdaCallback(on_epoch_end=add)]


def evaluate(gan: GAN, config: ImageConfig) -> dict[str, Any]:
    """Measures of samples, V, and D's outputs."""
    return {**evaluate_samples(gan, config), **gan.evaluate(data(config), count=SAMPLES, seed=config.seed)}


def evaluate_samples(gan: GAN, config: ImageConfig) -> dict[str, Any]:
    """For both generators, the log-likelihood of the test images as in Table 1, or precision and recall."""
    images = config.images()
    validation, test = config.measured(images.validation), config.measured(images.test)
    metrics: dict[str, Any] = {"note": images.note} if images.note else {}
    for prefix, generator in generators(gan).items():
        samples = images_of(generator, noise(config, FINAL), config)
        if config.has_log_likelihood:
            chosen = parzen.validate(validation, samples)
            sigma, mean, error = parzen.estimate(test, samples, chosen.sigma)
            names = ("log_likelihood", "standard_error", "sigma", "validation")
            measured = dict(zip(names, (mean, error, sigma, chosen.mean), strict=True))
        else:
            fit = neighbours.compute_prdc(neighbours.balls(test[:FEWER]), neighbours.balls(samples[:FEWER]))
            measured = {"precision": fit.precision, "recall": fit.recall}
        metrics |= {f"{prefix}{name}": value for name, value in measured.items()}
    return metrics


def plot(folder: run.Folder) -> None:
    """Samples with the nearest training images, interpolations, the training curves, and samples through training."""
    config: Any = folder.config
    history, recorded = folder.history, folder.recording
    generator = keras.saving.load_model(folder.path / "generator.keras")
    for name, figure in paper_figures(generator, config).items():
        folder.save_figure(name, figure)
    folder.save_figure("quality", pictures.quality(history))
    folder.save_figure("training", training_curves(history, "non_saturating"))

    shown = np.unique(np.geomspace(1, len(recorded.iterations), FRAMES).astype(int)) - 1  # most changes are early
    per_epoch = config.per_epoch
    epochs = [recorded.iterations[index] // per_epoch for index in shown]
    samples = config.p_data().unscaled(np.stack(recorded.samples)[shown]).reshape(-1, 5, 5, *config.shape)
    frames = [image_frame(images, f"epoch {epoch:,}") for images, epoch in zip(samples, epochs, strict=True)]
    folder.save_animation("samples", frames)


def paper_figures(generator: keras.Model, config: ImageConfig) -> dict[str, Figure]:
    """The paper's Figures 2 (samples beside the nearest training images) and 3 (interpolations), by file name."""
    z, train = noise(config, FINAL), config.measured(config.images().train)
    samples = images_of(generator, z[:20], config).reshape(4, 5, -1)
    _, nearest = neighbours.nearest(samples[:, -1], train)
    ends = z[20:40].reshape(10, 2, 100)
    lines = np.linspace(ends[:, 0], ends[:, 1], 12, axis=1)  # (row, step, noise)
    between = images_of(generator, lines, config)
    drawn, beside = samples.reshape(4, 5, *config.shape), train[nearest].reshape(4, *config.shape)
    return {
        "samples": pictures.samples_with_neighbours(drawn, beside),
        "interpolations": pictures.interpolations(between.reshape(10, 12, *config.shape)),
    }
