"""MNIST and the log-likelihood of Table 1: `python experiments/mnist.py [--preset NAME] [--seed N]`.

The paper reports 225 +- 2 nats on the test set, by a Parzen window of 10,000 samples. It gives neither the networks nor
the rates; the authors' released settings do, and all presets but `dense` follow them. Two generators are kept, and
measured: the last iterate, from which the authors drew, and whose figure is to be compared with theirs; and an average
of the iterates, from which the pictures are drawn. A long average scores more and draws blurs. So it reaches back some
200 iterations: there, after six epochs of `released`, it brought the share of samples that lie among the data from 0.15
to 0.53 (precision among pixels, 2,000 samples, `mnist_measures.py`); over 1,000 it was 0.42 again.

Presets:
  paper     Algorithm 1 as printed, k = 1: D and G take turns, each on fresh noise. The released hyperparameters but for
            G's rate, 0.3 in place of 0.1, with which D may win at once.
  released  What the released code does: both are updated together, from the same samples, at its own rates. With the
            authors' clip of the pixel means (1e-7) and with ours (1e-3) it lived through the first three epochs on
            each of seeds 100 to 105; with ours through 20 on seeds 0 to 4, and through 300 on 0, 1 and 2.
  crisp     `paper` for 100 epochs, with rates that fall to 0 along a cosine. Its average reaches back a tenth of the
            run, in which the rates are at most 0.024 of the first ones. (`released` with falling rates lets D get
            ahead.)
  dense     The networks of a primer with a dense PyTorch GAN, and its Adam of rate 0.0002. The primer names neither m
            nor a number of iterations, nor a measure of quality.

Where the gradient dies when D wins: in the sigmoids of G's outputs. D grows sure of every sample (D(G(z)) 0.001), and
all samples are pulled the same way, until they are one image whose pixels are 0 or 1. In the worst of 16 runs of
1,500 iterations by turns with G's rate at 0.1 (seed 101), D still pulled hard at the samples (a gradient of norm 2; in
runs that live, 3). But 98 % of the pixels inside were at 0 or 1, and their sigmoids' mean slope had fallen
from 0.15 to 0.0002. So a gradient of 0.004 came back to G's last hidden layer, where runs that live have 0.7. The
border, where the clip counts, carries less than 1 % of what comes back.

An epoch is as many minibatches as the 50,000 training images fill, though each is drawn from them independently, as
Algorithm 1 has it; the authors' code shuffles and deals them.
"""

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from gan_paper import runs
from gan_paper.runs import files

import mnist_networks as networks
import numpy as np

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Distribution, Images

    from mnist_data import MNIST, Labels

SAMPLES = 10_000  # that the estimator of Table 1 draws
OF_THEM = 2_000  # that precision is measured with in the course of training
FIGURES = ("log_likelihood", "sigma", "precision")
FRAMES = 100  # of the moving picture, at most


@dataclass(frozen=True)
class Settings(runs.FitSettings):
    """Train a GAN on MNIST and measure its log-likelihood as Table 1 does."""

    PLACES: ClassVar[tuple[str, ...]] = (*runs.FitSettings.PLACES, "data")

    preset: Literal["paper", "released", "crisp", "dense"] = "paper"
    """`paper`: Algorithm 1. `released`: the authors' code. `crisp`: Algorithm 1 with falling rates. `dense`: a primer's
    networks."""
    iterations: runs.Iterations = 20_000
    """Iterations of Algorithm 1; 500 are an epoch of the 50,000 images when m is 100."""
    data: Path | None = None
    """MNIST as an .npz file in Keras's layout [default: download it once]."""
    m: Annotated[int, runs.Between(1, 50_000)] = 100
    """Minibatch size."""
    d_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 0.05
    """Rate of D. (The authors' 0.1, since they halve D's objective.)"""
    g_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 0.3
    """Rate of G. (The authors' is 0.1: see the presets.)"""
    cosine: bool = False
    """Whether the rates fall to 0 along a cosine over the run."""
    simultaneous: bool = False
    """Whether D and G are updated together, from the same samples; by turns otherwise, as Algorithm 1 has it."""
    clip_means: Annotated[float, runs.Between(1e-12, 0.5)] = 1e-3
    """How near to 0 and 1 a pixel's mean may lie whose logit is G's first output bias. (The authors' library: 1e-7.)"""
    average: Annotated[float, runs.Between(0, 1)] = 0.01
    """Share of the run that the average of G's iterates reaches back, with which samples are drawn; 0: the last one."""
    evaluate_every: Annotated[int, runs.Between(1, 1_000_000)] = 5
    """Epochs between measurements of the validation log-likelihood."""


PRESETS = {
    "paper": Settings(),
    "released": Settings(
        preset="released", iterations=150_000, g_rate=0.1, simultaneous=True, average=0.0015, evaluate_every=10
    ),
    "crisp": Settings(preset="crisp", iterations=50_000, cosine=True, average=0.1, evaluate_every=10),
    "dense": Settings(preset="dense", d_rate=2e-4, g_rate=2e-4),
}


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper import parzen
    from gan_paper.distributions import Images
    from gan_paper.measure.recording import Recording
    from gan_paper.plots import course
    from gan_paper.runs import training

    import keras
    import mnist_pictures as pictures

    data = load(settings.data)
    low, p_z = networks.scale_and_prior(settings.preset)
    images = Images(data.train, low, 1)
    epoch = len(data.train) // settings.m

    keras.utils.set_random_seed(settings.seed)
    gan = make_gan(settings, data.train, epoch, p_z)
    noise = [p_z.sample((SAMPLES, 100), (settings.seed, purpose, 9)) for purpose in range(2)]
    judge = Judge(gan, settings, images, data.validation / np.float32(255), noise[0], epoch)
    recording = Recording({"entries": np.linspace(images.low, images.high, 65)}, keep=25)
    recorder = training.Recorder(run, recording, samples=25, measure=judge)
    pace = training.train(gan, images, run, recorder, batch_size=settings.m, record_every=epoch)
    run.save_network("generator-last", gan.generator)

    average = gan.averaged().generator
    match: dict[str, float] = {}
    for name, generator in (("", average), ("last_iterate_", gan.generator)):
        samples = images.unscaled(training.generate(generator, noise[1]))
        validation = parzen.validate(judge.validation, samples)
        estimate = parzen.estimate(data.test / np.float32(255), samples, validation.sigma)
        match |= {
            f"{name}log_likelihood": estimate.mean,
            f"{name}standard_error": estimate.standard_error,
            f"{name}sigma": estimate.sigma,
            f"{name}validation": validation.mean,
        }

    def draw(z: np.ndarray) -> np.ndarray:
        return images.unscaled(training.generate(average, z))

    samples = draw(noise[1][:20]).reshape(4, 5, -1)
    run.save_figure("samples.png", pictures.samples_with_neighbours(samples, nearest(samples[:, -1], data.train)))
    ends = noise[1][20:40].reshape(10, 2, 100)
    lines = np.linspace(ends[:, 0], ends[:, 1], 12, axis=1)  # (row, step, noise)
    run.save_figure("interpolations.png", pictures.interpolations(draw(lines.reshape(-1, 100)).reshape(10, 12, -1)))
    columns = run.columns()
    run.save_figure("log_likelihood.png", pictures.quality(columns))
    run.save_figure("training.png", course(columns, "non_saturating"))
    shown = np.unique(np.geomspace(1, len(recording.iterations), FRAMES).astype(int)) - 1  # most happens early
    epochs = [recording.iterations[index] // epoch for index in shown]
    drawn = images.unscaled(np.stack([recording.samples[index] for index in shown]))
    run.save_animation("samples.gif", pictures.images_animation(drawn, epochs, 5))
    _, game = training.play(gan, images, samples=SAMPLES, seed=settings.seed)
    run.finish({"match": match, **game}, pace)


def check(settings: Settings) -> None:
    """Refuse, before anything is made, what cannot be trained or measured.

    Raises:
        ValueError: in one line.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ValueError("mnist.py must have scikit-learn installed: pip install '.[mnist]'")
    load(settings.data)


@functools.cache
def load(path: Path | None) -> "MNIST":
    """MNIST's images, read and checked once: before a folder is made for the run, and for the run."""
    import mnist_data

    return mnist_data.of_arrays(arrays(path), path or "the download")


def load_labels(path: Path | None) -> "Labels":
    """MNIST's labels, checked."""
    import mnist_data

    return mnist_data.labels_of_arrays(arrays(path), path or "the download")


@functools.cache
def arrays(path: Path | None) -> dict[str, Any]:
    """MNIST in Keras's layout, from an .npz file or downloaded, unchecked."""
    import mnist_data

    if path:
        return files.read_arrays(path)
    runs.quiet_tensorflow()  # whose Keras downloads it
    try:
        return mnist_data.download()
    except ValueError as error:
        raise ValueError(f"{error}: --data PATH") from None


def make_gan(settings: Settings, train: np.ndarray, epoch: int, p_z: "Distribution") -> "GAN":
    """The networks and the rules of a preset.

    Args:
        settings: The settings.
        train: The training images, (N, 784) bytes.
        epoch: Minibatches in an epoch.
        p_z: The prior.
    """
    from gan_paper.algorithm1 import GAN
    from gan_paper.optimizers import RisingMomentum, average_decay

    from keras.optimizers import Adam
    from keras.optimizers.schedules import CosineDecay, ExponentialDecay

    dense = settings.preset == "dense"

    def optimizer(first: float, **average: Any) -> Any:
        rate: Any = first
        if settings.cosine:
            rate = CosineDecay(first, settings.iterations)
        elif not dense:
            # Divided by 1.000004 after every minibatch. Their floor of 1e-6 is millions of minibatches away. (In
            # float32, powers of 1.000004 itself would be 1.5 % off.)
            rate = ExponentialDecay(first, decay_steps=1000, decay_rate=1.000004**-1000)
        return Adam(rate, **average) if dense else RisingMomentum(rate, updates_per_epoch=epoch, **average)

    if dense:
        gan = GAN(networks.dense_generator(), networks.dense_discriminator(), p_z)
    else:
        generator = networks.paper_generator(train.mean(axis=0) / 255, settings.clip_means)
        gan = GAN(generator, networks.paper_discriminator(), p_z)
    decay = average_decay(settings.average, settings.iterations)
    gan.compile(
        d_optimizer=optimizer(settings.d_rate),
        g_optimizer=optimizer(settings.g_rate, use_ema=settings.average > 0, ema_momentum=decay),
        simultaneous=settings.simultaneous,
    )
    return gan


class Judge:
    """Measures G every few epochs, as it is and averaged.

    Args:
        gan: The GAN in training.
        settings: Of its run.
        images: The data, for the scale of their pixels.
        validation: The validation images (N, 784) in [0, 1].
        noise: What the samples are drawn from, the same at every epoch.
        epoch: Iterations in an epoch.
    """

    def __init__(
        self, gan: "GAN", settings: Settings, images: "Images", validation: np.ndarray, noise: np.ndarray, epoch: int
    ) -> None:
        from gan_paper.measure import neighbours

        self.gan, self.settings, self.images, self.epoch = gan, settings, images, epoch
        self.validation, self.noise = validation, noise
        self.balls = neighbours.balls(validation[:OF_THEM])

    def __call__(self, iteration: int) -> dict[str, float]:
        """The figures of the history's row: NaN where nothing was measured."""
        every = self.settings.evaluate_every * self.epoch
        measured = iteration % every == 0 or iteration == self.settings.iterations
        row = {"epoch": iteration / self.epoch}
        for name, generator in (("", self.gan.averaged().generator), ("last_iterate_", self.gan.generator)):
            figures = self.measure(generator) if measured else dict.fromkeys(FIGURES, np.nan)
            row |= {f"{name}{figure}": value for figure, value in figures.items()}
        return row

    def measure(self, generator: Any) -> dict[str, float]:
        """`FIGURES`: the mean log-likelihood of the validation images in nats, its sigma, and the precision."""
        from gan_paper import parzen
        from gan_paper.measure import neighbours
        from gan_paper.runs import training

        samples = self.images.unscaled(training.generate(generator, self.noise))
        estimate = parzen.validate(self.validation, samples)
        precision = neighbours.fit(self.balls, neighbours.balls(samples[:OF_THEM])).precision
        return dict(zip(FIGURES, (estimate.mean, estimate.sigma, precision), strict=True))


def nearest(samples: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The training image nearest to each sample, in the Euclidean distance.

    Args:
        samples: (N, 784) in [0, 1].
        train: The training images, (M, 784) bytes.

    Returns:
        (N, 784) in [0, 1].
    """
    images = train / np.float32(255)
    distances = (images**2).sum(axis=1) - 2 * samples @ images.T  # less |sample|^2, the same for all
    return images[distances.argmin(axis=1)]


if __name__ == "__main__":
    runs.main("mnist", PRESETS, main, check=check)
