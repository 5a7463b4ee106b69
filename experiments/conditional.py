"""A conditional GAN (section 6 of the paper) on the line: `python experiments/conditional.py [--seed N]`.

The data are p(x | c) = N(2c, 1) for three classes, c = 0, 1, 2. Both networks take c, so the generator learns each
class's distribution, and not only their mixture. The networks are those of `gaussian.py`; a learnt embedding of the
class is appended to their input.
"""

from dataclasses import dataclass

from gan_paper import GAN, Gaussian, Uniform, run
from gan_paper.layers import elu, torch_dense
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.optimizers import for_run
from gan_paper.plots import histograms, training_curves

import keras
import numpy as np
from keras.layers import Concatenate, Embedding
from keras.optimizers import Adam
from numpy.typing import NDArray

CONDITIONALS = [Gaussian(2 * c, 1) for c in range(3)]
EDGES = np.linspace(-5, 9, 65)
SIZE = 30_000  # examples


@dataclass(frozen=True)
class Config(run.Config):
    """Train a conditional GAN on three Gaussians."""

    iterations: int = 8_000
    """Iterations of Algorithm 1."""
    k: int = 4
    """Discriminator updates per iteration."""
    noise_size: int = 10
    """Dimensions of the noise, which is uniform on [-1, 1]."""
    d_learning_rate: float = 3e-3
    """Adam's initial learning rate for the discriminator."""
    g_learning_rate: float = 6e-4
    """Adam's initial learning rate for the generator."""


PRESETS = {"default": Config()}


def network(inputs: int, last: str | None, name: str) -> keras.Model:
    """Map a vector (m, inputs) and a class (m,) to one number, by two hidden layers of 50 ELU units."""
    x, c = keras.Input((inputs,)), keras.Input((), dtype="int32")
    h = Concatenate()([x, Embedding(len(CONDITIONALS), 3)(c)])
    h = torch_dense(50, 50, elu)(torch_dense(inputs + 3, 50, elu, scale=3.0)(h))
    return keras.Model([x, c], torch_dense(50, 1, last)(h), name=name)


def data(config: Config, purpose: int = 1) -> tuple[NDArray, NDArray]:
    """Examples (N, 1) and their classes (N,), equally many of each class; another `purpose` gives other examples."""
    c = np.arange(SIZE) % len(CONDITIONALS)
    x = [p.sample((SIZE // len(CONDITIONALS), 1), seed=(config.seed, purpose, i)) for i, p in enumerate(CONDITIONALS)]
    return np.stack(x, axis=1).reshape(SIZE, 1), c


def make_gan(config: Config) -> GAN:
    """The networks and their optimizers."""
    c = config
    keras.utils.set_random_seed(c.seed)
    generator = network(c.noise_size, None, "generator")
    gan = GAN(generator, network(1, "sigmoid", "discriminator"), Uniform(-1, 1))
    gan.compile(
        d_optimizer=for_run(Adam, c.d_learning_rate, c.iterations, c.k, cosine=True, ema=0.1, beta_1=0.5),
        g_optimizer=for_run(Adam, c.g_learning_rate, c.iterations, cosine=True, ema=0.1, beta_1=0.5),
        k=c.k,
    )
    return gan


def recording(config: Config) -> Recording:
    """Histograms of the samples of each class; recorded samples have the classes of the data's first rows."""
    views = {f"c={c}": lambda samples, c=c: samples[c :: len(CONDITIONALS)] for c in range(len(CONDITIONALS))}
    return Recording(dict.fromkeys(views, EDGES), views, samples=30_000)


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """Distances to its distribution of each class's samples, of 100,000, as NAME_CLASS; V and D's outputs."""
    metrics = gan.evaluate(*data(config, purpose=2))
    for c, p_data in enumerate(CONDITIONALS):
        distances = distribution_distances(gan.sample(100_000, config.seed, c=c), p_data, EDGES)
        metrics |= {f"{name}_{c}": distances[name] for name in ("mean", "std", "wasserstein", "ks")}
    return metrics


def plot(folder: run.Folder) -> None:
    """Each class's samples over its distribution, and the training curves."""
    shown = {f"c={c}": (p_data, f"x, c = {c}") for c, p_data in enumerate(CONDITIONALS)}
    folder.save_figure("histograms", histograms(folder.recording, shown))
    folder.save_figure("training", training_curves(folder.history, "non_saturating"))


if __name__ == "__main__":
    run.main()
