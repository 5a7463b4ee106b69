"""Figure 1 of the paper, drawn from one training run: `python experiments/figure1.py [--animate]`.

The paper sketches its Figure 1; here every line is measured. z is one number, uniform on (-1, 1), its line drawn to
where G rises; p_data = N(4, 1.25); G and D have the notebook's layers. p_g is computed from G itself, by the change of
variables along its monotone pieces. The run is Algorithm 1 with a schedule of rates that halts it where the paper's
panels are:

  (a)  near convergence, D is partly accurate;
  (b)  G's rate has been 0 for a while: D has come to D* = p_data / (p_data + p_g), which is drawn below it;
  (c)  D's rate is 0 for a small step of G: it has followed D's gradient to where D calls its samples data. The
       divergence falls, and V falls further, since D has not seen the samples that G makes now;
  (d)  both have learned on, at falling rates: p_g = p_data, and D = 1/2.

The paper gives no settings for this figure: target, networks, rates and lengths are our choices.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from gan_paper import runs
from gan_paper.distributions import Distribution, Gaussian, Uniform

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN
    from gan_paper.measure.recording import Recording
    from gan_paper.plots.game import Snapshot


class Phase(NamedTuple):
    """A stretch of Algorithm 1 with constant rates (Adam's)."""

    iterations: int
    d_rate: float
    g_rate: float
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
class Settings(runs.FitSettings):
    """Draw Figure 1 of the paper from one training run."""

    PLACES: ClassVar[tuple[str, ...]] = (*runs.FitSettings.PLACES, "animate")

    preset: Literal["line"] = "line"
    """`line`: x and z are one number each."""
    iterations: runs.Iterations = ENDS[-1]
    """Iterations of Algorithm 1; panels that a shorter run does not reach stay empty."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 512
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 100)] = 2
    """Discriminator updates an iteration."""
    record_every: Annotated[int, runs.Between(1, 1_000_000)] = 25
    """Iterations between frames of the animation."""
    animate: bool = False
    """Also draw the whole run in the form of a panel, as `figure1.gif`."""

    def recorded(self) -> dict[str, Any]:
        """The settings, and the phases: with others it is another run."""
        return {**super().recorded(), "phases": PHASES}


PRESETS = {"line": Settings()}
P_DATA, P_Z = Gaussian(4, 1.25), Uniform(-1, 1)
X, Z = np.linspace(-2.25, 10.25, 1001), np.linspace(P_Z.low, P_Z.high, 1001)


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper.algorithm1 import GAN
    from gan_paper.measure.recording import Recording
    from gan_paper.measure.samples import match
    from gan_paper.plots import game as plots
    from gan_paper.plots.training import course
    from gan_paper.runs import training

    import keras
    from gaussian_networks import matched_discriminator, matched_generator
    from keras.optimizers import Adam
    from keras.optimizers.schedules import PiecewiseConstantDecay

    def rate(updates: int, rates: list[float]) -> PiecewiseConstantDecay:
        # The schedule's bounds are updates already made, inclusive: so the last of a phase is its end less one.
        return PiecewiseConstantDecay([end * updates - 1 for end in ENDS[:-1]], rates)

    keras.utils.set_random_seed(settings.seed)
    generator = matched_generator(1, 1, scale=3.0)
    gan = GAN(generator, matched_discriminator(1, P_DATA.mean, P_DATA.std), P_Z)
    gan.compile(
        d_optimizer=Adam(rate(settings.k, [phase.d_rate for phase in PHASES]), beta_1=0.5),
        g_optimizer=Adam(rate(1, [phase.g_rate for phase in PHASES]), beta_1=0.5),
        k=settings.k,
    )
    recording = Recording({"entries": np.linspace(-6, 14, 65)})
    recorder = training.Recorder(run, recording, samples=10_000, observe=lambda judged: observe(gan))
    pace = training.train(gan, P_DATA, run, recorder, batch_size=settings.m, record_every=settings.record_every)
    samples, game = training.play(gan, P_DATA, samples=1_000_000, seed=settings.seed)

    panels = {
        phase.panel: panel(recording, recording.nearest(end)) if end <= settings.iterations else None
        for end, phase in zip(ENDS, PHASES, strict=True)
        if phase.panel
    }
    run.save_figure("figure1.png", plots.figure1(panels))
    run.save_figure("training.png", course(run.columns(), "non_saturating"))
    if settings.animate:
        run.save_animation("figure1.gif", plots.figure1_animation(recording, lambda i: panel(recording, i)))
    game["panels"] = {name: {"jsd": p.jsd, "value": p.value} for name, p in panels.items() if p}
    run.finish({"match": match(samples, P_DATA, recording.edges[recording.main]), **game}, pace)


def observe(gan: "GAN") -> dict[str, np.ndarray]:
    """G and its slope along z, D's logits along x, and those along G(z)."""
    import tensorflow as tf

    z = tf.constant(Z[:, None], "float32")
    with tf.GradientTape() as tape:
        tape.watch(z)
        x = gan.generator(z)
    curves = {"g": x, "slope": tape.gradient(x, z), "logits": gan.logits(X[:, None]), "logits_of_g": gan.logits(x)}
    return {name: curve.numpy()[:, 0] for name, curve in curves.items()}


def panel(recording: "Recording", index: int) -> "Snapshot":
    """The game at a recorded iteration, with its Jensen-Shannon divergence and its value, by quadrature."""
    from gan_paper.objective import LOG_4, optimal_discriminator
    from gan_paper.plots.game import Snapshot

    names = ("g", "slope", "logits", "logits_of_g")
    g, slope, logits, logits_of_g = (recording.curves[name][index].astype(float) for name in names)
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
    runs.main("figure1", PRESETS, main)
