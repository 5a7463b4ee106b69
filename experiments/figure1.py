"""Figure 1 of the paper, drawn from one training run: `python experiments/figure1.py [--seed N]`.

The paper sketches its Figure 1; here every line is measured. z is one number, uniform on (-1, 1). G's first layer is
fixed, u = artanh z, half the logit of (1 + z) / 2, so that p_g is smooth and positive on the whole line: G(z) = u +
g(u), where g has the layers of the Keras notebook's G, and D those of its D. p_g is computed from G itself, by the
change of variables along its monotone pieces. The run is Algorithm 1 with learning rates that change in phases, some of
which end at the paper's panels:

  (a)  near convergence, D is partly accurate;
  (b)  G's learning rate has been 0 for a while: D has converged to D* = p_data / (p_data + p_g), drawn beneath it;
  (c)  D's learning rate was 0 for one update of G: p_g has followed D's gradient to where D takes samples for data;
  (d)  both have trained on, at falling learning rates: p_g = p_data, and D = 1/2.

The paper gives no settings for this figure: p_data, networks, learning rates and lengths are our choices.
"""

import functools
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian, Uniform
from gan_paper.metrics import Floats, Recording
from gan_paper.objective import optimal_discriminator
from gan_paper.plots import training_curves
from gan_paper.plots.line import Snapshot, figure1_animation
from gan_paper.plots.line import figure1 as draw_figure1

import gaussian
import keras
import numpy as np
from keras.optimizers import Adam
from keras.optimizers.schedules import PiecewiseConstantDecay
from scipy.special import expit, log_expit, rel_entr


class Phase(NamedTuple):
    """A stretch of Algorithm 1 with constant learning rates (Adam's)."""

    iterations: int
    d_learning_rate: float
    g_learning_rate: float
    panel: str = ""
    """The letter of the panel that shows its end, if there is one."""


PHASES = (
    Phase(50, 5e-4, 3e-4, "a"),
    Phase(300, 3e-3, 0.0),
    Phase(300, 3e-4, 0.0, "b"),
    Phase(24, 0.0, 0.0),  # up to one iteration before the next record
    Phase(1, 0.0, 3e-3, "c"),
    Phase(4500, 3e-3, 3e-4),
    Phase(2500, 3e-4, 3e-5),
    Phase(1500, 1e-4, 1e-5, "d"),
)
ENDS = list(accumulate(phase.iterations for phase in PHASES))
"""The iterations at which the phases end."""


@dataclass(frozen=True)
class Config(run.Config):
    """Draw Figure 1 of the paper from one training run."""

    iterations: int = ENDS[-1]
    """Iterations of Algorithm 1; panels that a shorter run does not reach stay empty."""
    m: int = 512
    """Minibatch size."""
    k: int = 2
    """Discriminator updates per iteration."""
    record_every: int = 25
    """Iterations between frames of the animation; divides the iterations at which panels are drawn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        drawn = [end for end, phase in zip(ENDS, PHASES, strict=True) if phase.panel and end <= self.iterations]
        if any(end % self.every for end in drawn):
            raise ValueError(f"--record-every must divide {drawn}, where panels are drawn, not be {self.every}")


PRESETS = {"default": Config()}
P_DATA = Gaussian(-2, 1)  # left of the initial p_g, as in the paper
P_Z = Uniform(-1 + 1e-5, 1 - 1e-5)  # without the ends, where artanh is infinite
EDGES = np.linspace(-8, 8, 65)
X = P_DATA.mean + P_DATA.std * np.linspace(-12, 12, 3001)
Z = np.tanh(np.arctanh(P_Z.high) * np.linspace(-1, 1, 1001)).astype("f").astype(float)
"""Noise, evenly spaced in artanh z, and rounded to float32 as G's inputs are."""
DRAWN = np.abs(X - P_DATA.mean - 0.25 * P_DATA.std) <= 3.25 * P_DATA.std
"""The part of `X` that is drawn."""


def data(config: Config) -> Distribution:
    """p_data."""
    return P_DATA


def make_generator() -> keras.Model:
    """G(z) = u + g(u), where u = artanh z and g is the notebook's G."""
    z = keras.Input((1,))
    u = keras.ops.arctanh(z)
    return keras.Model(z, u + gaussian.make_generator(1, scale=0.5)(u), name="generator")


def make_gan(config: Config) -> GAN:
    """The networks, and optimizers that follow the phases."""

    def schedule(updates: int, learning_rates: list[float]) -> PiecewiseConstantDecay:
        # The schedule's bounds are updates already made, inclusive: so the last of a phase is its end less one.
        return PiecewiseConstantDecay([end * updates - 1 for end in ENDS[:-1]], learning_rates)

    keras.utils.set_random_seed(config.seed)
    gan = GAN(make_generator(), gaussian.make_discriminator(mean=P_DATA.mean, std=P_DATA.std), P_Z)
    gan.compile(
        d_optimizer=Adam(schedule(config.k, [phase.d_learning_rate for phase in PHASES]), beta_1=0.5),
        g_optimizer=Adam(schedule(1, [phase.g_learning_rate for phase in PHASES]), beta_1=0.5),
        k=config.k,
    )
    return gan


def recording(config: Config) -> Recording:
    """What is recorded during training, with the curves of the panels."""
    return Recording({"x": EDGES}, observe=observe)


def evaluate(gan: GAN, config: Config) -> dict[str, float]:
    """Distances of a million samples to p_data, V, D's outputs, and the largest |D - 1/2| over 99 % of p_data."""
    return gaussian.measured(gan, P_DATA, EDGES, config.seed)


def measure(folder: run.Folder) -> dict[str, float]:
    """The divergence and V of each panel that the run reached."""
    reached = {letter: shown for letter, shown in panels(folder).items() if shown}
    return {f"{letter}_{name}": getattr(shown, name) for letter, shown in reached.items() for name in ("jsd", "value")}


def plot(folder: run.Folder) -> None:
    """Figure 1, still and moving, and the training curves."""
    folder.save_figure("figure1", draw_figure1(panels(folder)))
    folder.save_figure("training", training_curves(folder.history, "non_saturating"))
    folder.save_animation("figure1", figure1_animation(folder.recording, functools.partial(panel, folder.recording)))


def panels(folder: run.Folder) -> dict[str, Snapshot | None]:
    """Figure 1's panels by their letters; None for a panel that the run did not reach."""
    recording = folder.recording
    return {
        phase.panel: panel(recording, recording.nearest(end)) if end <= folder.config.iterations else None
        for end, phase in zip(ENDS, PHASES, strict=True)
        if phase.panel
    }


def observe(gan: GAN) -> dict[str, np.ndarray]:
    """G along `Z`, and D's logits along `X`."""
    curves = {"g": gan.generator(Z[:, None]), "logits": gan.logits(X[:, None])}
    return {name: np.asarray(curve)[:, 0] for name, curve in curves.items()}


def panel(recording: Recording, index: int) -> Snapshot:
    """The panel of a record, with the divergence and V by quadrature."""
    g, logits = (recording.curves[name][index].astype(float) for name in ("g", "logits"))
    data, p_g = P_DATA.pdf(X), density_of_map(X, P_Z, Z, g)
    middle = (data + p_g) / 2
    return Snapshot(
        x=X[DRAWN],
        p_data=data[DRAWN],
        p_g=p_g[DRAWN],
        d=expit(logits)[DRAWN],
        optimal=optimal_discriminator(data, p_g)[DRAWN],
        z=Z,
        mapped=g,
        jsd=float(np.trapezoid(rel_entr(data, middle) + rel_entr(p_g, middle), X) / 2),
        value=float(np.trapezoid(data * log_expit(logits) + p_g * log_expit(-logits), X)),  # equation 1
    )


def density_of_map(x: Floats, p_z: Distribution, z: Floats, mapped: Floats) -> Floats:
    """The density p_g of x = G(z), by the change of variables: each monotone piece of G adds p_z(z) / |G'(z)|.

    Args:
        x: Where to compute the density, any shape.
        p_z: The prior of z.
        z: An increasing grid over the range of the prior, (N,), fine enough for G' by differences.
        mapped: G(z), (N,).

    Returns:
        The density at `x`, at least 0; 0 where G does not reach.
    """
    moves = np.append(True, np.diff(mapped) != 0)  # where G is constant, p_g has no density
    density, z, mapped = np.zeros(x.shape), z[moves], mapped[moves]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(mapped)))) + 1
    for first, last in pairwise([0, *turns, len(z) - 1]):
        piece = slice(first, last + 1)
        order = slice(None, None, 1 if mapped[last] > mapped[first] else -1)
        along = p_z.pdf(z[piece]) / np.abs(np.gradient(mapped[piece], z[piece]))
        density += np.interp(x, mapped[piece][order], along[order], left=0, right=0)
    return density


if __name__ == "__main__":
    run.main()
