"""The paper's theorems as measurements: `python experiments/theory.py`.

Each claim of sections 3 and 4 becomes a figure, and numbers with tolerances in `metrics.json`. If one fails, the exit
status is 1.

  Proposition 1  D, trained by Algorithm 1 with G fixed (its learning rate is 0), converges to
                 D* = p_data / (p_data + p_g). Measured for generators of known densities: the largest gap where
                 p_data + p_g has 99 % of its mass, and the mean of D - D*, which shows a D that is too high or too low.
  Theorem 1      V(D*, G) = -log 4 + 2 JSD along a path of generators. Measured: Monte Carlo against quadrature; V of a
                 trained D, which is slightly lower; and the minimum, at p_g = p_data.
  Proposition 2  p_g itself, on a grid, descends the gradient of its criterion with D kept optimal, and converges to
                 p_data. The gradient is compared with finite differences of -log 4 + 2 JSD, which never rises. The step
                 is multiplicative (exponentiated gradient): p_g stays a density.
  Section 3      The ratio of the gradients of both generator objectives, while D learns to reject G's first samples.

p_data, the generators and all settings are our choices: the paper proves these claims, and measures nothing. The script
takes a minute or two. It saves no checkpoints: with `--resume` it starts again, and replaces its files.
"""

import json
import sys
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from gan_paper import GAN, run
from gan_paper.distributions import Distribution, Gaussian, GaussianMixture, Uniform
from gan_paper.objective import GENERATOR_LOSSES, criterion, jensen_shannon_divergence, optimal_discriminator
from gan_paper.plots.line import Snapshot, learned_discriminators
from gan_paper.run import files

import gaussian
import keras
import numpy as np
import tensorflow as tf
import theory_figures
import tyro
import vectors
from keras.optimizers import SGD, Adam
from keras.optimizers.schedules import CosineDecay
from matplotlib.figure import Figure
from scipy.special import expit, log_expit

P_DATA = Gaussian(4, 1.25)
X = np.linspace(-16, 24, 8001)  # wide enough for all that follows: at its ends p_data is below 1e-50, p_g below 1e-10
STEP = 0.1  # of Proposition 2's descent
K, D_LEARNING_RATE = 4, 5e-3  # in the training of D by Adam, whose learning rate falls to 0 along a cosine


@dataclass(frozen=True)
class Config(run.Config):
    """Check the paper's propositions and its theorem by measurement."""

    iterations: int = 1500
    """Training iterations of each D."""
    m: int = 1000
    """Minibatch size in the training of each D."""
    record_every: tyro.conf.Suppress[int] = 1  # nothing is recorded
    samples: int = 16_000_000
    """Samples of each distribution, for the Monte Carlo estimates of V(D*, G)."""


SETTINGS = {"default": Config()}
"""The defaults. They are not called `PRESETS`, by which `sweep.py` would take this script for an experiment."""


class Check(NamedTuple):
    """A measured number of a claim, and the most that it may be."""

    claim: str
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the number is within its tolerance."""
        return self.measured <= self.tolerance


def main(config: Config) -> bool:
    """Measure, draw and write; return whether all claims hold.

    Raises:
        run.Refused: if the folder is not empty.
    """
    began, folder = time.perf_counter(), run.Folder("theory", SETTINGS, config)
    with folder.opened():
        checks, fixed = [], FixedGenerator(config)
        for some, name, figure in (proposition_1(fixed), theorem_1(fixed), proposition_2(), section_3(config)):
            checks += some
            folder.save_figure(name, figure)
        metrics = {"experiment": "theory", "preset": config.preset, "seed": config.seed}
        metrics |= {"iterations": config.iterations, "samples": config.samples}
        metrics["checks"] = [{**check._asdict(), "holds": check.holds} for check in checks]
        metrics["seconds"] = time.perf_counter() - began
        path = folder.path / "metrics.json"
        files.write_text(path, json.dumps(metrics, indent=2) + "\n")
    rows = [(*check, "yes" if check.holds else "NO") for check in checks]
    print(run.table([("claim", "measured", "tolerance", "holds"), *rows]))
    print("written:", *map(str, [*folder.written, path]), sep="\n  ")
    return all(check.holds for check in checks)


Outcome = tuple[list[Check], str, Figure]
"""The checks of a claim, the name of its figure, and the figure."""


class FixedGenerator:
    """A GAN in which only D trains: G is the identity, and its learning rate is 0.

    The samples are then the noise, whose density is known.
    """

    def __init__(self, settings: Config) -> None:
        keras.utils.set_random_seed(settings.seed)
        identity = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        self.settings = settings
        self.gan = GAN(identity, gaussian.make_discriminator(mean=P_DATA.mean, std=P_DATA.std))
        self.gan.compile(Adam(CosineDecay(D_LEARNING_RATE, settings.iterations * K)), SGD(0.0), k=K)
        optimizers = [*self.gan.d_optimizer.variables, *self.gan.g_optimizer.variables]
        self.state = [*self.gan.variables, self.gan.iterations, *optimizers]
        self.initial = [np.copy(variable) for variable in self.state]

    def learn(self, p_g: Distribution) -> np.ndarray:
        """Train D from its initial weights against a generator of density p_g; return its logits on X, (X,)."""
        for variable, value in zip(self.state, self.initial, strict=True):
            variable.assign(value)
        s, self.gan.p_z = self.settings, p_g
        self.gan.fit(P_DATA, batch_size=s.m, steps_per_epoch=s.iterations, seed=s.seed, verbose=0)
        return self.gan.logits(X[:, None]).numpy()[:, 0].astype(float)


def value(p_g: np.ndarray, logits: np.ndarray) -> float:
    """V(D, G) of equation 1, by quadrature on X."""
    data = P_DATA.pdf(X)
    return float(np.trapezoid(data * log_expit(logits) + p_g * log_expit(-logits), X))


GENERATORS: dict[str, Distribution] = {
    "shifted": Gaussian(5.5, 1.25),
    "wide": Gaussian(4, 2),
    "narrow": Gaussian(4, 0.8),
    "two modes": GaussianMixture((0.5, 0.5), (2.5, 5.5), (0.6, 0.8)),
}


def proposition_1(fixed: FixedGenerator) -> Outcome:
    """D converges to D*."""
    shown, gaps, biases = {}, [], []
    for name, p_g in GENERATORS.items():
        d = expit(fixed.learn(p_g))
        data, density = P_DATA.pdf(X), p_g.pdf(X)
        optimal = optimal_discriminator(data, density)
        mass = (P_DATA.cdf(X) + p_g.cdf(X)) / 2
        gap = float(np.abs(d - optimal)[(mass >= 0.005) & (mass <= 0.995)].max())
        gaps.append(Check(f"Proposition 1, {name}: largest |D - D*|", gap, 0.02))
        bias = abs(float(np.trapezoid((d - optimal) * (data + density) / 2, X)))
        biases.append(Check(f"Proposition 1, {name}: |mean of D - D*|", bias, 0.003))
        title = f"{name}\n|D \N{MINUS SIGN} D*| \N{LESS-THAN OR EQUAL TO} {gap:.3f}"
        part = (X >= -1) & (X <= 9)
        shown[title] = Snapshot(X[part], data[part], density[part], d[part], optimal[part])
    return [*gaps, *biases], "proposition1", learned_discriminators(shown)


def theorem_1(fixed: FixedGenerator) -> Outcome:
    """V(D*, G) = -log 4 + 2 JSD, at least -log 4, which only p_g = p_data reaches; a trained D stays just below."""
    path, settings = np.linspace(-1, 1, 9), fixed.settings
    exact, estimated, learned = [], [], []
    for t in path:
        p_g = Gaussian(4 + 3 * t, 1.25 * 2**t)  # p_data at t = 0
        exact.append(criterion(P_DATA.pdf(X), p_g.pdf(X)))
        estimated.append(monte_carlo(p_g, settings.samples, settings.seed))
        learned.append(value(p_g.pdf(X), fixed.learn(p_g)))
    (means, errors), above = np.transpose(estimated), np.subtract(learned, exact)
    least = abs(float(path[np.argmin(learned)]))
    off = float((np.abs(means - exact) / np.maximum(errors, 1e-9)).max())  # where p_g = p_data, D* is constant
    checks = [
        Check("Theorem 1: Monte Carlo estimate of V(D*, G) minus -log 4 + 2 JSD, standard errors", off, 4),
        Check("Theorem 1: V of a trained D above V(D*, G), nats", float(above.max()), 1e-6),
        Check("Theorem 1: V of a trained D below V(D*, G), nats", float(-above.min()), 0.0005),
        Check("Theorem 1: position on the path at which V of a trained D is least (0: p_data)", least, 1e-9),
    ]
    return checks, "theorem1", theory_figures.draw_theorem1(path, exact, means, learned)


def monte_carlo(p_g: Distribution, samples: int, seed: int) -> tuple[float, float]:
    """V(D*, G) from samples of p_data and of p_g, and its standard error."""
    sums, chunk = np.zeros(2), 1_000_000
    for index, begin in enumerate(range(0, samples, chunk)):
        terms = np.zeros(min(chunk, samples - begin))
        for purpose, (source, other) in enumerate(((P_DATA, p_g), (p_g, P_DATA))):
            x = source.sample(terms.shape, (seed, index, purpose + 1), np.float64)
            terms += np.log(source.pdf(x) / (source.pdf(x) + other.pdf(x)))
        sums += terms.sum(), (terms**2).sum()
    mean, square = sums / samples
    return float(mean), float(np.sqrt(max(square - mean**2, 0) / samples))


def proposition_2() -> Outcome:
    """p_g descends the gradient of its criterion, with D kept optimal, and converges to p_data."""
    x = np.linspace(-2, 10, 601)
    p_data = P_DATA.pdf(x) / P_DATA.pdf(x).sum()
    starts = {"uniform": np.ones(len(x)), "two modes": GaussianMixture((0.5, 0.5), (1, 8), (0.6, 0.6)).pdf(x)}
    checks, divergences, densities = [], {}, []
    for name, start in starts.items():
        densities, slopes, errors = [start / start.sum()], [], []
        for _ in range(300):
            p_g = densities[-1]
            # The derivative of max_D V with respect to p_g(x) is log(1 - D*(x)).
            gradient = np.log1p(-optimal_discriminator(p_data, p_g))
            move = 1e-3 * p_g * (gradient @ p_g - gradient)  # sums to 0
            slopes.append((criterion(p_data, p_g + move) - criterion(p_data, p_g - move)) / 2)
            errors.append(abs(gradient @ move - slopes[-1]))
            moved = p_g * np.exp(-STEP * gradient)
            densities.append(moved / moved.sum())
        divergences[name] = series = [jensen_shannon_divergence(p_data, p) for p in densities]
        rise, error = float(np.max(np.diff(series))), float(np.max(errors) / np.max(np.abs(slopes)))
        checks += [
            Check(f"Proposition 2, from {name}: JSD at the end, nats", series[-1], 1e-6),
            Check(f"Proposition 2, from {name}: largest increase of JSD in a step, nats", rise, 1e-12),
            Check(f"Proposition 2, from {name}: gradient against finite differences, relative", error, 1e-4),
        ]
    per_bin = x[1] - x[0]
    shown = {step: densities[step] / per_bin for step in (0, 10, 30, 100)}
    return checks, "proposition2", theory_figures.draw_proposition2(x, p_data / per_bin, shown, divergences)


def section_3(config: Config) -> Outcome:
    """While D learns to reject G's first samples, the saturating gradient vanishes; the other one does not."""
    keras.utils.set_random_seed(config.seed)
    gan = GAN(vectors.notebook_generator(1, 10), vectors.notebook_discriminator(1), Uniform(-1, 1))
    gan.compile(SGD(0.05, 0.5), SGD(0.0))
    z = tf.constant(gan.p_z.sample((1000, 10), (config.seed, 0, 9)))

    @tf.function
    def gradients() -> Any:
        weights, norms = gan.combined.trainable_variables, []
        for name in ("saturating", "non_saturating"):
            with tf.GradientTape() as tape:
                logits = gan.logits(gan.generator(z))
                loss = GENERATOR_LOSSES[name](logits)
            norms.append(tf.linalg.global_norm(tape.gradient(loss, weights)))
        return tf.reduce_mean(tf.sigmoid(logits)), *norms

    rows = [gradients()]
    measure = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rows.append(gradients()))
    gan.fit(P_DATA, batch_size=256, steps_per_epoch=3, epochs=100, seed=config.seed, verbose=0, callbacks=[measure])
    d_fake, saturating, non_saturating = np.array(rows, float).T
    late = d_fake <= 0.02
    ratio = float((saturating / non_saturating)[late].max()) if late.any() else np.inf
    check = Check("Section 3: saturating over non-saturating gradient where D(G(z)) <= 0.02", ratio, 0.05)
    return [check], "section3", theory_figures.draw_section3(d_fake, saturating, non_saturating)


if __name__ == "__main__":
    with run.exit_statuses():
        sys.exit(0 if main(run.parse(SETTINGS, description=__doc__)) else 1)
