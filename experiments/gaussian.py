"""A GAN learns a Gaussian by Algorithm 1: `python experiments/gaussian.py [--preset scalar | notebook] [--seed N]`.

Presets:
  scalar    x is one number, p_data = N(4, 1.25). The networks are the notebook's; the noise, k, m and the decaying
            rate are our choice, since they decide how good the match is (README, "How good is it?").
  notebook  x is a vector of 1,000 such numbers, and every setting is the published notebook's (seed document 001).
            Its samples hardly differ from one another, which the pooled histogram that it drew does not show.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gan_paper import runs


@dataclass(frozen=True)
class Settings(runs.Settings):
    """Train the notebook's GAN on a Gaussian by Algorithm 1 of the paper."""

    preset: Literal["scalar", "notebook"] = "scalar"
    """`scalar`: x is one number. `notebook`: x is a vector of 1,000, everything as published."""
    n: int = 1
    """Numbers in one example x."""
    noise_size: int = 10
    """Numbers in one noise sample z."""
    noise: Literal["centred", "unit"] = "centred"
    """z is uniform, `centred`: on [-1, 1]; `unit`: on [0, 1]."""
    m: int = 256
    """Minibatch size."""
    k: int = 2
    """Discriminator updates an iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as Algorithm 1 is printed, or that of section 3."""
    d_rate: float = 0.1
    """Learning rate of the discriminator."""
    g_rate: float = 0.03
    """Learning rate of the generator."""
    momentum: float = 0.5
    """Momentum of both."""
    decay: float = 1e-3
    """At iteration t both rates are divided by 1 + decay t."""
    record_every: int = 50
    """Iterations between recorded histograms."""

    @classmethod
    def ranges(cls) -> dict[str, tuple[float, float]]:
        """What each number may be."""
        return {
            **super().ranges(),
            "n": (1, 100_000),
            "noise_size": (1, 100_000),
            "m": (1, 1_000_000),
            "k": (1, 100),
            "d_rate": (1e-9, 1e9),
            "g_rate": (1e-9, 1e9),
            "momentum": (0, 0.999),
            "decay": (0, 1e9),
            "record_every": (1, 1_000_000),
        }


PRESETS = {
    "scalar": Settings(),
    "notebook": Settings(
        preset="notebook",
        n=1000,
        noise_size=1000,
        noise="unit",
        m=100,
        k=1,
        d_rate=0.01,
        g_rate=0.01,
        momentum=0.0,
        decay=0.0,
        record_every=10,
    ),
}
EDGES = np.linspace(-6, 14, 65)  # 64 bins, as in the notebook


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    import keras
    from keras.optimizers import SGD
    from keras.optimizers.schedules import InverseTimeDecay

    from gan_paper import networks, report, training
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian, Uniform
    from gan_paper.histograms import Recording

    p_data, p_z = Gaussian(4, 1.25), Uniform(-1 if settings.noise == "centred" else 0, 1)

    keras.utils.set_random_seed(settings.seed)
    gan = GAN(networks.notebook_generator(settings.n, settings.noise_size), networks.notebook_discriminator(settings.n))
    gan.compile(
        # D's rate decays with its own updates, of which an iteration has k.
        d_optimizer=SGD(InverseTimeDecay(settings.d_rate, settings.k, settings.decay), settings.momentum),
        g_optimizer=SGD(InverseTimeDecay(settings.g_rate, 1, settings.decay), settings.momentum),
        k=settings.k,
        generator_loss=settings.generator_loss,
    )

    shown = {"entries": (p_data, "x")}
    if settings.n > 1:  # the pooled entries of vectors hide a collapse, which how an entry varies with z shows
        shown = {"entries": (p_data, "entries, pooled"), "spread": (Gaussian(0, 1.25), "entry minus its mean over z")}
    recording = Recording({"entries": EDGES, "spread": EDGES - 4} if settings.n > 1 else {"entries": EDGES})
    pace = training.train(
        gan, run, recording, p_data=p_data, p_z=p_z, m=settings.m,
        record_every=settings.record_every, record_samples=max(2, 100_000 // settings.n),
    )  # fmt: skip
    samples, game = training.play(gan, p_data, p_z, samples=max(2, 1_000_000 // settings.n), seed=settings.seed)
    report.one_dimensional(run, recording, samples, game, pace, p_data, shown, settings.generator_loss)


if __name__ == "__main__":
    runs.main("gaussian", PRESETS, main)
