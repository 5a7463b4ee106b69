"""The paper's theorems as measurements: `python experiments/theory.py`.

Each claim of sections 3 and 4 becomes a figure, a number and a tolerance, in `metrics.json`; if one fails, the exit
status is 1.

  Proposition 1  D, trained by Algorithm 1 with G fixed (its learning rate is 0), converges to
                 D* = p_data / (p_data + p_g): for generators of known densities, the largest gap where p_data + p_g
                 carries 99 % of its mass.
  Theorem 1      V(D*, G) = -log 4 + 2 JSD along a path of generators: Monte Carlo against quadrature; the value of a
                 trained D, which is below, also from samples; and the minimum, where p_g = p_data.
  Proposition 2  p_g itself, on a grid, descends the gradient of its criterion with D kept optimal, and converges to
                 p_data. The step is multiplicative (exponentiated gradient): p_g stays a density.
  Section 3      The gradients of both generator objectives while D learns to reject G's first samples.

p_data, the generators and all settings are our choices: the paper proves, and measures nothing here. The whole takes a
minute or two.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper import GAN, objective, run
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
from scipy.optimize import minimize
from scipy.special import expit, log_expit

P_DATA = Gaussian(4, 1.25)
X = np.linspace(-16, 24, 8001)  # far enough for all that follows; densities there are below 1e-50


@dataclass(frozen=True)
class Arguments:
    """Check the paper's propositions and its theorem by measurement."""

    seed: int = 0
    """Seed of the initial weights, the examples and the noise."""
    iterations: int = 1500
    """Iterations in which each D is trained, of k updates each."""
    m: int = 1000
    """Minibatch size."""
    k: int = 4
    """Discriminator updates an iteration."""
    d_learning_rate: float = 5e-3
    """Adam's first learning rate for D, which falls to 0 along a cosine."""
    samples: int = 16_000_000
    """Of each distribution, for the Monte Carlo estimates of V."""
    output: Path = Path("runs/theory")
    """Folder of the figures and of `metrics.json`."""


class Check(NamedTuple):
    """A claim's number, and what it may be."""

    claim: str
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the number is within its tolerance."""
        return self.measured <= self.tolerance


def main(arguments: Arguments) -> bool:
    """Measure, draw, and write; whether all claims hold.

    Raises:
        run.Refused: if a number is out of its range.
    """
    numbers = {name: number for name, number in asdict(arguments).items() if name not in ("seed", "output")}
    for name, number in numbers.items():
        if not number > 0:
            raise run.Refused(f"--{name.replace('_', '-')} must be more than 0, not {number}")
    began, fixed = time.perf_counter(), FixedGenerator(arguments)
    arguments.output.mkdir(parents=True, exist_ok=True)
    found = [proposition_1(fixed), theorem_1(fixed), proposition_2(), section_3(arguments)]
    checks = [check for some, _, _ in found for check in some]
    content = {"experiment": "theory", "seed": arguments.seed, "settings": numbers}
    written: list[Path] = []
    for _, name, figure in found:
        written += run.save_figure(arguments.output / f"{name}.png", figure, content)
    results = [{**check._asdict(), "holds": check.holds} for check in checks]
    metrics = {**content, "checks": results, "seconds": time.perf_counter() - began}
    files.write_text(arguments.output / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    rows = [(*check, "yes" if check.holds else "NO") for check in checks]
    print(run.table([("claim", "measured", "at most", "holds"), *rows]))
    print("written:", *map(str, [*written, arguments.output / "metrics.json"]), sep="\n  ")
    return all(check.holds for check in checks)


Found = tuple[list[Check], str, Figure]
"""The checks of a claim, and its figure with its name."""


class FixedGenerator:
    """D trains by its own step of Algorithm 1, while G, the identity, is fixed: its learning rate is 0.

    Its samples are then the noise, whose density is known.
    """

    def __init__(self, settings: Arguments) -> None:
        keras.utils.set_random_seed(settings.seed)
        identity = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        self.settings = settings
        self.gan = GAN(identity, gaussian.make_discriminator(mean=P_DATA.mean, std=P_DATA.std))
        falling = CosineDecay(settings.d_learning_rate, settings.iterations * settings.k)
        self.gan.compile(Adam(falling), SGD(0.0), k=settings.k)
        self.state = [*self.gan.variables, *self.gan.d_optimizer.variables, *self.gan.g_optimizer.variables]
        self.beginning = [np.copy(variable) for variable in self.state]

    def learn(self, p_g: Distribution) -> np.ndarray:
        """Train D from its beginning against a generator of density p_g; returns its logits on X."""
        for variable, value in zip(self.state, self.beginning, strict=True):
            variable.assign(value)
        s = self.settings
        self.gan.p_z = p_g
        self.gan.fit(P_DATA, batch_size=s.m, steps_per_epoch=s.iterations, seed=s.seed, verbose=0)
        return self.gan.logits(X[:, None]).numpy()[:, 0].astype(float)

    def sampled_value(self, p_g: Distribution) -> float:
        """V(D, G) as training measures it, on 200,000 examples and as many samples."""
        draws = (source.sample((200_000, 1), (self.settings.seed, 0, 7)) for source in (P_DATA, p_g))
        return float(objective.value(*map(self.gan.logits, draws)))


def value(p_g: np.ndarray, logits: np.ndarray) -> float:
    """V(D, G) of equation 1, by quadrature on X."""
    data = P_DATA.pdf(X)
    return float(np.trapezoid(data * log_expit(logits) + p_g * log_expit(-logits), X))


def best_value(p_g: np.ndarray) -> float:
    """V(D*, G), by quadrature on X."""
    return value(p_g, np.log(P_DATA.pdf(X)) - np.log(p_g))


def proposition_1(fixed: FixedGenerator) -> Found:
    """D converges to D*."""
    generators: dict[str, Distribution] = {
        "shifted": Gaussian(5.5, 1.25),
        "wide": Gaussian(4, 2),
        "narrow": Gaussian(4, 0.8),
        "two modes": GaussianMixture((0.5, 0.5), (2.5, 5.5), (0.6, 0.8)),
    }
    games, checks = {}, []
    for name, p_g in generators.items():
        d = expit(fixed.learn(p_g))
        data, density = P_DATA.pdf(X), p_g.pdf(X)
        optimal = optimal_discriminator(data, density)
        mass = (P_DATA.cdf(X) + p_g.cdf(X)) / 2
        inner = (mass >= 0.005) & (mass <= 0.995)
        gap = float(np.abs(d - optimal)[inner].max())
        checks.append(Check(f"Proposition 1, {name}: largest |D - D*|", gap, 0.02))
        shown = (X >= -1) & (X <= 9)
        title = f"{name}\n|D \N{MINUS SIGN} D*| \N{LESS-THAN OR EQUAL TO} {gap:.3f}"
        games[title] = Snapshot(X[shown], data[shown], density[shown], d[shown], optimal[shown])
    return checks, "proposition1", learned_discriminators(games)


def theorem_1(fixed: FixedGenerator) -> Found:
    """V(D*, G) = -log 4 + 2 JSD, at least -log 4, which only p_g = p_data reaches; a trained D stays below."""

    def generator(t: float) -> Gaussian:
        return Gaussian(4 + 3 * t, 1.25 * 2**t)  # p_data at t = 0

    path, settings = np.linspace(-1, 1, 9), fixed.settings
    exact, estimated, learned, sampled = [], [], [], []
    for t in path:
        p_g = generator(t)
        exact.append(criterion(P_DATA.pdf(X), p_g.pdf(X)))
        estimated.append(monte_carlo(p_g, settings.samples, settings.seed))
        learned.append(value(p_g.pdf(X), fixed.learn(p_g)))
        sampled.append(fixed.sampled_value(p_g))
    least = abs(float(path[np.argmin(learned)]))
    errors, off = (np.abs(np.subtract(*pair)).max() for pair in ((estimated, exact), (sampled, learned)))
    best = minimize(lambda p: best_value(Gaussian(p[0], np.exp(p[1])).pdf(X)), (5, 0.5), method="Nelder-Mead", tol=1e-9)
    checks = [
        Check("Theorem 1: Monte Carlo of V(D*, G) against -log 4 + 2 JSD", float(errors), 1e-3),
        Check("Theorem 1: a trained D's V below V(D*, G)", float(np.subtract(exact, learned).max()), 0.01),
        Check("Theorem 1: a trained D's V on samples, against quadrature", float(off), 0.01),
        Check("Theorem 1: where on the path a trained D's V is least (p_data: 0)", least, 1e-9),
        Check("Theorem 1: |mean - 4| of the Gaussian of least V(D*, G)", abs(float(best.x[0]) - 4), 1e-3),
        Check("Theorem 1: |std - 1.25| of the Gaussian of least V(D*, G)", abs(float(np.exp(best.x[1])) - 1.25), 1e-3),
    ]
    return checks, "theorem1", theory_figures.criterion(path, exact, estimated, learned)


def monte_carlo(p_g: Distribution, samples: int, seed: int) -> float:
    """V(D*, G) from samples of p_data and of p_g."""
    total, chunk = 0.0, 1_000_000
    for index, begin in enumerate(range(0, samples, chunk)):
        count = min(chunk, samples - begin)
        for purpose, (source, other) in enumerate(((P_DATA, p_g), (p_g, P_DATA))):
            x = source.sample((count,), (seed, index, purpose + 1), np.float64)
            total += np.log(source.pdf(x) / (source.pdf(x) + other.pdf(x))).sum()
    return float(total / samples)


def proposition_2() -> Found:
    """p_g descends the gradient of its criterion, with D kept optimal, and converges to p_data."""
    x = np.linspace(-2, 10, 601)
    p_data = P_DATA.pdf(x) / P_DATA.pdf(x).sum()
    densities, divergences = [], {}
    starts = {"uniform": np.ones(len(x)), "two modes": GaussianMixture((0.5, 0.5), (1, 8), (0.6, 0.6)).pdf(x)}
    for name, start in starts.items():
        steps = [start / start.sum()]
        for _ in range(300):
            # The derivative of max_D V by p_g(x) is log(1 - D*(x)).
            gradient = np.log1p(-optimal_discriminator(p_data, steps[-1]))
            moved = steps[-1] * np.exp(-0.1 * gradient)
            steps.append(moved / moved.sum())
        densities.append(steps)
        divergences[name] = [jensen_shannon_divergence(p_data, p) for p in steps]
    per_bin = x[1] - x[0]
    shown = {step: densities[1][step] / per_bin for step in (0, 10, 30, 100)}
    figure = theory_figures.descent(x, p_data / per_bin, shown, divergences)
    checks = [Check(f"Proposition 2, from {name}: JSD", series[-1], 1e-6) for name, series in divergences.items()]
    return checks, "proposition2", figure


def section_3(arguments: Arguments) -> Found:
    """While D learns to reject G's first samples, the saturating gradient dies away; the other one does not."""
    keras.utils.set_random_seed(arguments.seed)
    gan = GAN(vectors.notebook_generator(1, 10), vectors.notebook_discriminator(1), Uniform(-1, 1))
    gan.compile(SGD(0.05, 0.5), SGD(0.0))
    z = tf.constant(gan.p_z.sample((1000, 10), (arguments.seed, 0, 9)))

    @tf.function
    def gradients() -> Any:
        weights, rows = gan.combined.trainable_variables, []
        for name in ("saturating", "non_saturating"):
            with tf.GradientTape() as tape:
                logits = gan.logits(gan.generator(z))
                loss = GENERATOR_LOSSES[name](logits)
            rows.append(tf.linalg.global_norm(tape.gradient(loss, weights)))
        return tf.reduce_mean(tf.sigmoid(logits)), *rows

    rows = [tuple(map(float, gradients()))]
    measure = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rows.append(tuple(map(float, gradients())))
    )
    gan.fit(P_DATA, batch_size=256, steps_per_epoch=3, epochs=100, seed=arguments.seed, verbose=0, callbacks=[measure])
    d_fake, saturating, non_saturating = np.array(rows).T
    figure = theory_figures.generator_gradients(d_fake, saturating, non_saturating)
    late = d_fake <= 0.02
    ratio = float((saturating / non_saturating)[late].max()) if late.any() else np.inf
    check = Check("Section 3: saturating over non-saturating gradient where D(G(z)) <= 0.02", ratio, 0.04)
    return [check], "section3", figure


if __name__ == "__main__":
    with run.exit_statuses():
        sys.exit(0 if main(tyro.cli(Arguments, description=__doc__)) else 1)
