"""A GAN learns a Gaussian by Algorithm 1: `python experiments/gaussian.py [--preset NAME] [--seed N]`.

Presets:
  scalar    x is one number, p_data = N(4, 1.25). The layers are the notebook's; the rest is our choice, since it
            decides how good the match is (README, "How good is it?"): the initial weights, and examples standardised
            by the mean and standard deviation of 100,000 of them (`networks.standardised_discriminator`); noise of size
            30; Adam with rates that fall to 0 along a cosine; and averages of the iterates of G and of D, which are
            what is judged and saved (the recorded histograms are the iterates').
  standard  The same settings, p_data = N(0, 1).
  mixture   The same settings, p_data = N(2, 0.8) and N(6, 0.8), half each.
  notebook  x is a vector of 1,000 draws from N(4, 1.25), and every setting is the published notebook's (seed document
            001). Its samples hardly differ from one another, which the pooled histogram that it drew does not show.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gan_paper import runs
from gan_paper.distributions import Distribution, Gaussian, GaussianMixture, Uniform

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN


@dataclass(frozen=True)
class Settings(runs.FitSettings):
    """Train the notebook's GAN on a Gaussian by Algorithm 1 of the paper."""

    preset: Literal["scalar", "standard", "mixture", "notebook"] = "scalar"
    """`scalar`, `standard`, `mixture`: x is one number. `notebook`: x is a vector of 1,000, everything as published."""
    iterations: int = 20_000
    """Iterations of Algorithm 1."""
    n: int = 1
    """Numbers in one example x."""
    noise_size: int = 30
    """Numbers in one noise sample z."""
    noise: Literal["centred", "unit"] = "centred"
    """z is uniform, `centred`: on [-1, 1]; `unit`: on [0, 1]."""
    m: int = 400
    """Minibatch size."""
    k: int = 2
    """Discriminator updates an iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as Algorithm 1 is printed, or that of section 3."""
    d_rate: float = 3e-3
    """Learning rate of the discriminator: Adam's, in `notebook` that of plain descent."""
    g_rate: float = 1.5e-4
    """Learning rate of the generator."""
    momentum: float = 0.5
    """Momentum of both, Adam's beta_1."""
    cosine: int = 20_000
    """Iterations over which the rates fall to 0 along a cosine; 0: they stay."""
    average: float = 0.9995
    """Decay, an iteration, of the averages of both networks' iterates; 0: none, the last iterates play."""
    record_every: int = 100
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
            "cosine": (0, 1_000_000_000),
            "average": (0, 0.999999),
            "record_every": (1, 1_000_000),
        }


PRESETS = {
    "scalar": Settings(),
    "standard": replace(Settings(), preset="standard"),
    "mixture": replace(Settings(), preset="mixture"),
    "notebook": Settings(
        preset="notebook",
        iterations=10_000,
        n=1000,
        noise_size=1000,
        noise="unit",
        m=100,
        k=1,
        d_rate=0.01,
        g_rate=0.01,
        momentum=0.0,
        cosine=0,
        average=0.0,
        record_every=10,
    ),
}
PUBLISHED = Gaussian(4, 1.25), np.linspace(-6, 14, 65)  # p_data, and the edges of 64 bins, as in the notebook
TARGETS: dict[str, tuple[Distribution, np.ndarray]] = {
    "scalar": PUBLISHED,
    "standard": (Gaussian(0, 1), np.linspace(-8, 8, 65)),
    "mixture": (GaussianMixture((0.5, 0.5), (2, 6), (0.8, 0.8)), np.linspace(-2, 10, 65)),
    "notebook": PUBLISHED,
}


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper import report, training
    from gan_paper.histograms import Recording

    (p_data, edges), p_z = TARGETS[settings.preset], Uniform(-1 if settings.noise == "centred" else 0, 1)
    gan = make_gan(settings, p_data.sample((100_000,), seed=(settings.seed, 0, _STATISTICS)))
    shown: dict[str, tuple[Distribution, str]] = {"entries": (p_data, "x")}
    if settings.n > 1:  # the pooled entries of vectors hide a collapse, which how an entry varies with z shows
        shown = {"entries": (p_data, "entries, pooled"), "spread": (Gaussian(0, 1.25), "entry minus its mean over z")}
    recording = Recording({"entries": edges, "spread": edges - 4} if settings.n > 1 else {"entries": edges})
    pace = training.train(
        gan, run, recording, p_data=p_data, p_z=p_z, m=settings.m,
        record_every=settings.record_every, record_samples=max(2, 100_000 // settings.n),
        picture=lambda: report.histograms(recording, shown),
    )  # fmt: skip
    final = gan.averaged()
    samples, game = training.play(final, p_data, p_z, samples=max(2, 1_000_000 // settings.n), seed=settings.seed)
    if settings.n == 1:
        inner = p_data.quantile(np.linspace(0.005, 0.995, 1001))
        answers = final.discriminator.predict(inner[:, None], batch_size=len(inner), verbose=0)
        game["discriminator"]["largest_gap"] = float(np.abs(answers - 0.5).max())
    report.one_dimensional(run, recording, samples, game, pace, p_data, shown, settings.generator_loss)


_STATISTICS = 9  # sets the draw that the examples are standardised by apart from those of `training`


def make_gan(settings: Settings, examples: np.ndarray) -> "GAN":
    """The networks and their learning rules.

    Args:
        settings: The settings.
        examples: Any number of entries of examples; `scalar` takes their mean and standard deviation.
    """
    import keras
    from keras.optimizers import SGD, Adam
    from keras.optimizers.schedules import CosineDecay

    from gan_paper import networks
    from gan_paper.algorithm1 import GAN

    keras.utils.set_random_seed(settings.seed)
    n, noise_size = settings.n, settings.noise_size
    if settings.preset == "notebook":
        rule = SGD
        gan = GAN(networks.notebook_generator(n, noise_size), networks.notebook_discriminator(n))
    else:
        rule, scale = Adam, (float(examples.mean()), float(examples.std()))
        gan = GAN(
            networks.standardised_generator(n, noise_size, *scale), networks.standardised_discriminator(n, *scale)
        )

    def optimizer(rate: float, updates: int) -> Any:
        # Of `updates` an iteration: D's rate falls, and its average forgets, with its own updates.
        decay = settings.average ** (1 / updates)
        falling = CosineDecay(rate, settings.cosine * updates) if settings.cosine else rate
        return rule(falling, settings.momentum, use_ema=decay > 0, ema_momentum=decay)

    gan.compile(
        d_optimizer=optimizer(settings.d_rate, settings.k),
        g_optimizer=optimizer(settings.g_rate, 1),
        k=settings.k,
        generator_loss=settings.generator_loss,
    )
    return gan


if __name__ == "__main__":
    runs.main("gaussian", PRESETS, main)
