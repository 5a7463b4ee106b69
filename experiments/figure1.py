"""Figure 1 of the paper, drawn from one training run: `python experiments/figure1.py [--seed N]`.

The paper sketches its Figure 1; here every line is measured. z is one number, uniform on (-1, 1), its line drawn to
where G rises; p_data = N(4, 1.25); G and D have the notebook's layers. p_g is computed from G itself, by the change of
variables along its monotone pieces. The run is Algorithm 1 with a schedule of learning rates that stops where the
paper's panels are:

  (a)  near convergence, D is partly accurate;
  (b)  G's learning rate has been 0 for a while: D has converged to D* = p_data / (p_data + p_g), drawn below it;
  (c)  D's learning rate is 0 for a small step of G: p_g has followed D's gradient to where D calls it data. The
       divergence falls, and V falls further, since D has not seen the samples that G makes now;
  (d)  both have trained on, at falling learning rates: p_g = p_data, and D = 1/2.

The paper gives no settings for this figure: target, networks, learning rates and lengths are our choices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian, Uniform
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.objective import LOG_4, optimal_discriminator
from gan_paper.plots import training_curves
from gan_paper.plots.line import Snapshot, figure1_animation
from gan_paper.plots.line import figure1 as draw_figure1
from gan_paper.run.recorder import discriminator_metrics

import gaussian
import keras
import numpy as np
import tensorflow as tf
from keras.optimizers import Adam
from keras.optimizers.schedules import PiecewiseConstantDecay
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit


class Phase(NamedTuple):
    """A stretch of Algorithm 1 with constant learning rates (Adam's)."""

    iterations: int
    d_learning_rate: float
    g_learning_rate: float
    panel: str = ""
    """The panel that shows its end."""


PHASES = (
    Phase(75, 3e-3, 3e-4, "(a)"),
    Phase(500, 3e-3, 0.0),
    Phase(500, 3e-4, 0.0, "(b)"),
    Phase(25, 0.0, 1e-5, "(c)"),
    Phase(5000, 3e-3, 1e-3),
    Phase(4000, 3e-3, 3e-4),
    Phase(2000, 1e-3, 1e-4, "(d)"),
)
ENDS = list(accumulate(phase.iterations for phase in PHASES))
"""The iterations at which they end."""


@dataclass(frozen=True)
class Config(run.Config):
    """Draw Figure 1 of the paper from one training run."""

    iterations: int = ENDS[-1]
    """Iterations of Algorithm 1; panels that a shorter run does not reach stay empty."""
    m: int = 512
    """Minibatch size."""
    k: int = 2
    """Discriminator updates an iteration."""
    record_every: int = 25
    """Iterations between frames of the animation."""


PRESETS = {"default": Config()}
P_DATA, P_Z = Gaussian(4, 1.25), Uniform(-1, 1)
EDGES = np.linspace(-6, 14, 65)
X, Z = np.linspace(-2.25, 10.25, 1001), np.linspace(P_Z.low, P_Z.high, 1001)


def data(config: Config) -> Distribution:
    """p_data."""
    return P_DATA


def make_gan(config: Config) -> GAN:
    """The networks, and optimizers that follow the phases."""

    def schedule(updates: int, learning_rates: list[float]) -> PiecewiseConstantDecay:
        # The schedule's bounds are updates already made, inclusive: so the last of a phase is its end less one.
        return PiecewiseConstantDecay([end * updates - 1 for end in ENDS[:-1]], learning_rates)

    keras.utils.set_random_seed(config.seed)
    gan = GAN(
        gaussian.make_generator(1, first_scale=3.0),
        gaussian.make_discriminator(mean=P_DATA.mean, std=P_DATA.std),
        P_Z,
    )
    gan.compile(
        d_optimizer=Adam(schedule(config.k, [phase.d_learning_rate for phase in PHASES]), beta_1=0.5),
        g_optimizer=Adam(schedule(1, [phase.g_learning_rate for phase in PHASES]), beta_1=0.5),
        k=config.k,
    )
    return gan


def recording(config: Config) -> Recording:
    """What is counted during training, with the curves of the panels."""
    return Recording({"x": EDGES}, observe=observe)


def callbacks(gan: GAN, config: Config) -> list[keras.callbacks.Callback]:
    """Two more columns of the history: the divergence and the value of G and D, by quadrature."""

    def measure(epoch: int, logs: dict[str, float]) -> None:
        now = panel(observe(gan))
        logs |= {"jsd": now.jsd, "exact_value": now.value}

    return [keras.callbacks.LambdaCallback(on_epoch_end=measure)]


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """Distances of a million samples to p_data, V, and D's outputs at the end of the run."""
    samples = gan.sample(1_000_000, config.seed)
    answers = discriminator_metrics(gan, P_DATA, samples[:100_000], config.seed)
    return {**distribution_distances(samples, P_DATA, EDGES), **answers}


def plot(folder: run.Folder) -> None:
    """Figure 1, still and moving, and the training curves."""
    recording = folder.recording

    def at(index: int) -> Snapshot:
        return panel({name: curves[index] for name, curves in recording.curves.items()})

    panels = {
        phase.panel: at(recording.nearest(end)) if end <= folder.config.iterations else None
        for end, phase in zip(ENDS, PHASES, strict=True)
        if phase.panel
    }
    folder.save_figure("figure1", draw_figure1(panels))
    folder.save_figure("training", training_curves(folder.history, "non_saturating"))
    folder.save_animation("figure1", figure1_animation(recording, at))


def observe(gan: GAN) -> dict[str, np.ndarray]:
    """G and its slope along z, D's logits along x, and those along G(z)."""
    z = tf.constant(Z[:, None], "float32")
    with tf.GradientTape() as tape:
        tape.watch(z)
        x = gan.generator(z)
    curves = {"g": x, "slope": tape.gradient(x, z), "logits": gan.logits(X[:, None]), "logits_of_g": gan.logits(x)}
    return {name: curve.numpy()[:, 0] for name, curve in curves.items()}


def panel(curves: Mapping[str, np.ndarray]) -> Snapshot:
    """What a panel shows, given what `observe` returns, with the divergence and V by quadrature."""
    names = ("g", "slope", "logits", "logits_of_g")
    g, slope, logits, logits_of_g = (curves[name].astype(float) for name in names)
    data, p_g = P_DATA.pdf(X), density_of_map(X, P_Z, Z, g, slope)
    optimal = optimal_discriminator(data, p_g)
    optimal_of_g = optimal_discriminator(P_DATA.pdf(g), density_of_map(g, P_Z, Z, g, slope))

    def value(log_d: np.ndarray, log_not_d: np.ndarray) -> float:
        # Equation 1: the expectation over x along the x grid, the one over z along the z grid.
        return float(np.trapezoid(data * log_d, X) + np.trapezoid(P_Z.pdf(Z) * log_not_d, Z))

    best = value(np.log(optimal, where=data > 0, out=np.zeros(len(X))), np.log1p(-optimal_of_g))
    return Snapshot(
        x=X,
        p_data=data,
        p_g=p_g,
        d=expit(logits),
        optimal=optimal,
        z=Z,
        mapped=g,
        jsd=(best + LOG_4) / 2,  # Theorem 1
        value=value(log_expit(logits), log_expit(-logits_of_g)),
    )


def density_of_map(x: ArrayLike, p_z: Distribution, z: ArrayLike, mapped: ArrayLike, slope: ArrayLike) -> np.ndarray:
    """The density p_g of x = G(z), by the change of variables: each monotone piece of G adds p_z(z) / |G'(z)|.

    Args:
        x: Where it is wanted, any shape.
        p_z: The prior of z.
        z: A rising grid over the range of the prior, (N,), fine enough to be straight between its points.
        mapped: G(z), (N,).
        slope: G'(z), (N,).

    Returns:
        The density at `x`, at least 0; 0 where G does not reach.
    """
    x, z, mapped, slope = (np.asarray(values, float) for values in (x, z, mapped, slope))
    density = np.zeros(x.shape)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(mapped)))) + 1
    for first, last in pairwise([0, *turns, len(z) - 1]):
        piece = slice(first, last + 1)
        order = slice(None, None, 1 if mapped[last] > mapped[first] else -1)
        place = np.interp(x, mapped[piece][order], z[piece][order], left=np.nan, right=np.nan)
        steepness = np.abs(np.interp(place, z[piece], slope[piece]))
        reached = np.isfinite(place) & (steepness > 0)
        density[reached] += p_z.pdf(place[reached]) / steepness[reached]
    return density


if __name__ == "__main__":
    run.main()
