"""A GAN learns a Gaussian by Algorithm 1: `python experiments/gaussian.py [--preset NAME] [--seed N]`.

Presets:
  scalar    x is one number, p_data = N(4, 1.25). The layers are those of the Keras notebook
            (https://github.com/ronvree/GAN_Intro). The rest is our choice, since it decides how good the match is: the
            initial weights; noise of size 30; Adam with rates that fall to 0 along a cosine over the run; and averages
            of the iterates of G and of D over about a tenth of it. The averages are what is recorded, drawn, judged and
            saved. No number taken from the data enters a network. p_g begins near 0 with a spread of 0.1 to 0.2, and
            travels.
  standard  The same settings, p_data = N(0, 1).
  mixture   p_data = N(2, 0.8) and N(6, 0.8), half each. G has to be steep between the modes, some 14 times as steep as
            at them. So both networks have three hidden layers, G's units are tanh and begin with larger weights, and
            the noise has fewer numbers, since many of them smooth G. The run is longer. Nothing is standardised.
  notebook  x is a vector of 1,000 draws from N(4, 1.25), and every setting is the published notebook's. Its samples
            hardly differ from one another. The pooled histogram that it drew does not show that.
  vectors   The same vectors, and a GAN that learns them: one dense layer as G, of full rank; 1,000 units in D's layer;
            Adam. Examples are standardised by the mean and standard deviation of 100,000 entries. An entry begins with
            0.4 of the data's spread and a mean that is off by up to 1 standard deviation. Nothing in the networks says
            that the entries are independent or alike. `vectors_study.py` shows what each of these is good for.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from compare import verdict
from gaussian_networks import (
    affine_generator,
    matched_discriminator,
    matched_generator,
    notebook_discriminator,
    notebook_generator,
    wide_discriminator,
)

from gan_paper import runs
from gan_paper.distributions import Distribution, Gaussian, GaussianMixture, Uniform

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN


@dataclass(frozen=True)
class Settings(runs.FitSettings):
    """Train the notebook's GAN on a Gaussian by Algorithm 1 of the paper."""

    preset: Literal["scalar", "standard", "mixture", "notebook", "vectors"] = "scalar"
    """`scalar`, `standard`, `mixture`: x is one number. `notebook`: x is a vector of 1,000, everything as published.
    `vectors`: the same vectors, with networks that learn them."""
    iterations: runs.Iterations = 8_000
    """Iterations of Algorithm 1."""
    n: Annotated[int, runs.Between(1, 100_000)] = 1
    """Numbers in one example x."""
    noise_size: Annotated[int, runs.Between(1, 100_000)] = 30
    """Numbers in one noise sample z."""
    noise: Literal["centred", "unit", "small"] = "centred"
    """z is uniform, `centred`: on [-1, 1]; `unit`: on [0, 1]; `small`: on [-0.1, 0.1]."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 128
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 100)] = 4
    """Discriminator updates an iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as Algorithm 1 is printed, or that of section 3."""
    d_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 3e-3
    """Learning rate of the discriminator: Adam's, in `notebook` that of plain descent."""
    g_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 4e-4
    """Learning rate of the generator."""
    momentum: Annotated[float, runs.Between(0, 0.999)] = 0.5
    """Momentum of both, Adam's beta_1."""
    cosine: bool = True
    """Whether the rates fall to 0 along a cosine over the run."""
    average: Annotated[float, runs.Between(0, 1)] = 0.1
    """Share of the run that the averages of both networks' iterates reach back; 0: none, the last iterates play."""
    hidden: Annotated[int, runs.Between(1, 100)] = 2
    """Hidden layers of each network, of 50 units; not in `notebook` and `vectors`."""
    units: Literal["elu", "tanh"] = "elu"
    """G's hidden units; not in `notebook` and `vectors`."""
    first_layer: Annotated[float, runs.Between(1e-6, 1e6)] = 2.0
    """Times what G's first layer begins with; not in `notebook`."""
    other_layers: Annotated[float, runs.Between(1e-6, 1e6)] = 1.0
    """Times what G's other layers begin with; not in `notebook` and `vectors`."""
    record_every: Annotated[int, runs.Between(1, 1_000_000)] = 100
    """Iterations between recorded histograms."""


PRESETS = {
    "scalar": Settings(),
    "standard": replace(Settings(), preset="standard"),
    "mixture": Settings(
        preset="mixture",
        iterations=16_000,
        noise_size=10,
        d_rate=3e-3,
        g_rate=3e-4,
        hidden=3,
        units="tanh",
        first_layer=4.0,
        other_layers=2.0,
    ),
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
        cosine=False,
        average=0.0,
        record_every=10,
    ),
    # With small noise an update of Adam moves the means of the entries ten times as far, measured by their weights.
    "vectors": Settings(
        preset="vectors",
        iterations=3_000,
        n=1000,
        noise_size=1000,
        noise="small",
        k=1,
        d_rate=2e-3,
        g_rate=4e-3,
        first_layer=7.0,
    ),
}
NOISE = {"centred": Uniform(-1, 1), "unit": Uniform(0, 1), "small": Uniform(-0.1, 0.1)}
PUBLISHED = Gaussian(4, 1.25), np.linspace(-6, 14, 65)  # p_data, and the edges of 64 bins, as in the notebook
TARGETS: dict[str, tuple[Distribution, np.ndarray]] = {
    "scalar": PUBLISHED,
    "standard": (Gaussian(0, 1), np.linspace(-8, 8, 65)),
    "mixture": (GaussianMixture((0.5, 0.5), (2, 6), (0.8, 0.8)), np.linspace(-2, 10, 65)),
    "notebook": PUBLISHED,
    "vectors": PUBLISHED,
}


STATISTICS = 9  # sets the draw that vectors are standardised by apart from those of `training`


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper.measure.recording import Recording
    from gan_paper.measure.samples import match_of_entries
    from gan_paper.runs import report, training

    p_data, edges = TARGETS[settings.preset]
    gan = make_gan(settings)
    shown: dict[str, tuple[Distribution, str]] = {"entries": (p_data, "x")}
    if settings.n > 1:  # the pooled entries of vectors hide a collapse, which how an entry varies with z shows
        shown = {"entries": (p_data, "entries, pooled"), "spread": (Gaussian(0, 1.25), "entry minus its mean over z")}
    recording = Recording({"entries": edges, "spread": edges - 4} if settings.n > 1 else {"entries": edges})
    observe = training.observe_line(edges)
    recorder = training.Recorder(run, recording, samples=max(100, 20_000 // settings.n), observe=observe)
    pace = training.train(gan, p_data, run, recorder, batch_size=settings.m, record_every=settings.record_every)
    samples, game = training.play(gan, p_data, samples=max(2, 1_000_000 // settings.n), seed=settings.seed)
    if settings.n > 1:
        vectors = gan.sample(min(10_000, max(2, 10_000_000 // settings.n)), settings.seed)
        game = {"entries": match_of_entries(vectors, p_data), **game}
    else:
        inner = p_data.quantile(np.linspace(0.005, 0.995, 1001))
        answers = gan.averaged().discriminator.predict(inner[:, None], batch_size=len(inner), verbose=0)
        game["discriminator"]["largest_gap"] = float(np.abs(answers - 0.5).max())
    judged = verdict(recording, run.experiment, settings.preset)
    report.one_dimensional(run, recording, samples, game, pace, p_data, shown, settings.generator_loss, judged)


def make_gan(settings: Settings) -> "GAN":
    """The networks and their learning rules."""
    import keras
    from keras.optimizers import SGD, Adam
    from keras.optimizers.schedules import CosineDecay

    from gan_paper.algorithm1 import GAN
    from gan_paper.optimizers import average_decay

    keras.utils.set_random_seed(settings.seed)
    n, noise_size, p_z = settings.n, settings.noise_size, NOISE[settings.noise]
    if settings.preset == "notebook":
        rule = SGD
        gan = GAN(notebook_generator(n, noise_size), notebook_discriminator(n), p_z)
    else:
        rule = Adam
        if settings.preset == "vectors":
            entries = TARGETS[settings.preset][0].sample((100_000,), seed=(settings.seed, 0, STATISTICS))
            moments = float(entries.mean()), float(entries.std())
            generator = affine_generator(n, noise_size, *moments, scale=settings.first_layer)
            discriminator = wide_discriminator(n, *moments)
        else:
            generator = matched_generator(
                n,
                noise_size,
                scale=settings.first_layer,
                others=settings.other_layers,
                hidden=settings.hidden,
                activation=None if settings.units == "elu" else settings.units,
            )
            discriminator = matched_discriminator(n, hidden=settings.hidden)
        gan = GAN(generator, discriminator, p_z)

    def optimizer(rate: float, updates: int) -> Any:
        # Of `updates` an iteration: D's rate falls, and its average forgets, with its own updates.
        decay = average_decay(settings.average, settings.iterations, updates)
        falling = CosineDecay(rate, settings.iterations * updates) if settings.cosine else rate
        return rule(falling, settings.momentum, use_ema=settings.average > 0, ema_momentum=decay)

    gan.compile(
        d_optimizer=optimizer(settings.d_rate, settings.k),
        g_optimizer=optimizer(settings.g_rate, 1),
        k=settings.k,
        generator_loss=settings.generator_loss,
    )
    return gan


if __name__ == "__main__":
    runs.main("gaussian", PRESETS, main)
