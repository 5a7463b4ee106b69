"""The paper's theorems as measurements: `python experiments/theory.py`.

Each claim of sections 3 and 4 becomes a figure, a number and a tolerance, in `metrics.json`; if one fails, the exit
status is 1.

  Proposition 1  D, trained by Algorithm 1 with G held (its rate is 0), comes to D* = p_data / (p_data + p_g): for
                 generators of known densities, the largest gap where p_data + p_g carries 99 % of its mass.
  Theorem 1      V(D*, G) = -log 4 + 2 JSD along a path of generators: Monte Carlo against quadrature; the value of a
                 trained D, which is below, also from samples; and the minimum, where p_g = p_data.
  Proposition 2  p_g itself, on a grid, descends the gradient of its criterion with D kept optimal, and converges to
                 p_data. The step is multiplicative (exponentiated gradient): p_g stays a density.
  Section 3      The gradients of both generator objectives while D learns to reject G's first samples.

p_data, the generators and all settings are our choices: the paper proves, and measures nothing here. The whole takes a
minute or two, and `--resume` begins it again.
"""

import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from gan_paper import runs
from gan_paper.distributions import Distribution, Gaussian, GaussianMixture

import numpy as np
from scipy.special import expit, log_expit

P_DATA = Gaussian(4, 1.25)
X = np.linspace(-16, 24, 8001)  # far enough for all that follows; densities there are below 1e-50


@dataclass(frozen=True)
class Settings(runs.Settings):
    """Check the paper's propositions and its theorem by measurement."""

    preset: Literal["line"] = "line"
    """`line`: the games of one number."""
    iterations: runs.Iterations = 1500
    """Iterations in which each D is trained, of k updates each."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 1000
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 100)] = 4
    """Discriminator updates an iteration."""
    d_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 5e-3
    """Adam's rate for D, which falls to 0 along a cosine."""
    samples: Annotated[int, runs.Between(2, 1_000_000_000)] = 16_000_000
    """Of each distribution, for the Monte Carlo estimates of V."""


PRESETS = {"line": Settings()}


class Check(NamedTuple):
    """A claim's number, and what it may be."""

    claim: str
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the number is within its tolerance."""
        return self.measured <= self.tolerance


def main(settings: Settings, run: runs.Run) -> None:
    """Measure, draw, and fail if a claim does."""
    began, held = time.perf_counter(), FixedGenerator(settings)
    checks = [
        *proposition_1(held, run),
        *theorem_1(held, run),
        *proposition_2(run),
        *section_3(settings, run),
    ]
    rows = [(*check, "yes" if check.holds else "NO") for check in checks]
    results = [{**check._asdict(), "holds": check.holds} for check in checks]
    pace = runs.Pace(time.perf_counter() - began, 0)  # of several trainings, and of more
    run.finish({"checks": results}, pace, shown=[("claim", "measured", "at most", "holds"), *rows])
    if not all(check.holds for check in checks):
        sys.exit(1)


class FixedGenerator:
    """D learns by its own step of Algorithm 1, while G, the identity, is held by a rate of 0.

    Its samples are then the noise, whose density is known.
    """

    def __init__(self, settings: Settings) -> None:
        from gan_paper.algorithm1 import GAN

        import keras
        from gaussian_networks import matched_discriminator
        from keras.optimizers import SGD, Adam
        from keras.optimizers.schedules import CosineDecay

        keras.utils.set_random_seed(settings.seed)
        identity = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        self.settings = settings
        self.gan = GAN(identity, matched_discriminator(1, P_DATA.mean, P_DATA.std))
        falling = CosineDecay(settings.d_rate, settings.iterations * settings.k)
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
        from gan_paper import objective

        draws = (source.sample((200_000, 1), (self.settings.seed, 0, 7)) for source in (P_DATA, p_g))
        return float(objective.value(*map(self.gan.logits, draws)))


def value(p_g: np.ndarray, logits: np.ndarray) -> float:
    """V(D, G) of equation 1, by quadrature on X."""
    data = P_DATA.pdf(X)
    return float(np.trapezoid(data * log_expit(logits) + p_g * log_expit(-logits), X))


def best_value(p_g: np.ndarray) -> float:
    """V(D*, G), by quadrature on X."""
    return value(p_g, np.log(P_DATA.pdf(X)) - np.log(p_g))


def proposition_1(held: FixedGenerator, run: runs.Run) -> list[Check]:
    """D comes to D*."""
    from gan_paper.objective import optimal_discriminator
    from gan_paper.plots.game import Snapshot, learned_discriminators

    generators: dict[str, Distribution] = {
        "shifted": Gaussian(5.5, 1.25),
        "wide": Gaussian(4, 2),
        "narrow": Gaussian(4, 0.8),
        "two modes": GaussianMixture((0.5, 0.5), (2.5, 5.5), (0.6, 0.8)),
    }
    games, checks = {}, []
    with runs.progress("Proposition 1") as tick:
        for index, (name, p_g) in enumerate(generators.items()):
            d = expit(held.learn(p_g))
            data, density = P_DATA.pdf(X), p_g.pdf(X)
            optimal = optimal_discriminator(data, density)
            mass = (P_DATA.cdf(X) + p_g.cdf(X)) / 2
            inner = (mass >= 0.005) & (mass <= 0.995)
            gap = float(np.abs(d - optimal)[inner].max())
            checks.append(Check(f"Proposition 1, {name}: largest |D - D*|", gap, 0.02))
            shown = (X >= -1) & (X <= 9)
            title = f"{name}\n|D \N{MINUS SIGN} D*| \N{LESS-THAN OR EQUAL TO} {gap:.3f}"
            games[title] = Snapshot(X[shown], data[shown], density[shown], d[shown], optimal[shown])
            tick(index, len(generators))
    run.save_figure("proposition1.png", learned_discriminators(games))
    return checks


def theorem_1(held: FixedGenerator, run: runs.Run) -> list[Check]:
    """V(D*, G) = -log 4 + 2 JSD, at least -log 4, which only p_g = p_data reaches; a trained D stays below."""
    from gan_paper import objective

    import theory_pictures
    from scipy.optimize import minimize

    def generator(t: float) -> Gaussian:
        return Gaussian(4 + 3 * t, 1.25 * 2**t)  # p_data at t = 0

    path, settings = np.linspace(-1, 1, 9), held.settings
    exact, estimated, learned, sampled = [], [], [], []
    with runs.progress("Theorem 1") as tick:
        for index, t in enumerate(path):
            p_g = generator(t)
            exact.append(objective.criterion(P_DATA.pdf(X), p_g.pdf(X)))
            estimated.append(monte_carlo(p_g, settings.samples, settings.seed))
            learned.append(value(p_g.pdf(X), held.learn(p_g)))
            sampled.append(held.sampled_value(p_g))
            tick(index, len(path))
    run.save_figure("theorem1.png", theory_pictures.criterion(path, exact, estimated, learned))
    least = abs(float(path[np.argmin(learned)]))
    errors, off = (np.abs(np.subtract(*pair)).max() for pair in ((estimated, exact), (sampled, learned)))
    best = minimize(lambda p: best_value(Gaussian(p[0], np.exp(p[1])).pdf(X)), (5, 0.5), method="Nelder-Mead", tol=1e-9)
    return [
        Check("Theorem 1: Monte Carlo of V(D*, G) against -log 4 + 2 JSD", float(errors), 1e-3),
        Check("Theorem 1: a trained D's V below V(D*, G)", float(np.subtract(exact, learned).max()), 0.01),
        Check("Theorem 1: a trained D's V on samples, against quadrature", float(off), 0.01),
        Check("Theorem 1: where on the path a trained D's V is least (p_data: 0)", least, 1e-9),
        Check("Theorem 1: |mean - 4| of the Gaussian of least V(D*, G)", abs(float(best.x[0]) - 4), 1e-3),
        Check("Theorem 1: |std - 1.25| of the Gaussian of least V(D*, G)", abs(float(np.exp(best.x[1])) - 1.25), 1e-3),
    ]


def monte_carlo(p_g: Distribution, samples: int, seed: int) -> float:
    """V(D*, G) from samples of p_data and of p_g."""
    total, chunk = 0.0, 1_000_000
    for index, begin in enumerate(range(0, samples, chunk)):
        count = min(chunk, samples - begin)
        for purpose, (source, other) in enumerate(((P_DATA, p_g), (p_g, P_DATA))):
            x = source.sample((count,), (seed, index, purpose + 1), np.float64)
            total += np.log(source.pdf(x) / (source.pdf(x) + other.pdf(x))).sum()
    return float(total / samples)


def proposition_2(run: runs.Run) -> list[Check]:
    """p_g descends the gradient of its criterion, with D kept optimal, and comes to p_data."""
    from gan_paper.objective import jensen_shannon_divergence, optimal_discriminator

    from theory_pictures import descent

    x = np.linspace(-2, 10, 601)
    p_data = P_DATA.pdf(x) / P_DATA.pdf(x).sum()
    courses, divergences = [], {}
    starts = {"uniform": np.ones(len(x)), "two modes": GaussianMixture((0.5, 0.5), (1, 8), (0.6, 0.6)).pdf(x)}
    for name, start in starts.items():
        course = [start / start.sum()]
        for _ in range(300):
            # The derivative of max_D V by p_g(x) is log(1 - D*(x)).
            gradient = np.log1p(-optimal_discriminator(p_data, course[-1]))
            moved = course[-1] * np.exp(-0.1 * gradient)
            course.append(moved / moved.sum())
        courses.append(course)
        divergences[name] = [jensen_shannon_divergence(p_data, p) for p in course]
    per_bin = x[1] - x[0]
    shown = {step: courses[1][step] / per_bin for step in (0, 10, 30, 100)}
    run.save_figure("proposition2.png", descent(x, p_data / per_bin, shown, divergences))
    return [Check(f"Proposition 2, from {name}: JSD", series[-1], 1e-6) for name, series in divergences.items()]


def section_3(settings: Settings, run: runs.Run) -> list[Check]:
    """While D learns to reject G's first samples, the saturating gradient dies away; the other one does not."""
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Uniform
    from gan_paper.objective import GENERATOR_LOSSES

    import keras
    import tensorflow as tf
    from gaussian_networks import notebook_discriminator, notebook_generator
    from keras.optimizers import SGD
    from theory_pictures import generator_gradients

    keras.utils.set_random_seed(settings.seed)
    gan = GAN(notebook_generator(1, 10), notebook_discriminator(1), Uniform(-1, 1))
    gan.compile(SGD(0.05, 0.5), SGD(0.0))
    z = tf.constant(gan.p_z.sample((1000, 10), (settings.seed, 0, 9)))

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
    gan.fit(P_DATA, batch_size=256, steps_per_epoch=3, epochs=100, seed=settings.seed, verbose=0, callbacks=[measure])
    d_fake, saturating, non_saturating = np.array(rows).T
    run.save_figure("section3.png", generator_gradients(d_fake, saturating, non_saturating))
    late = d_fake <= 0.02
    ratio = float((saturating / non_saturating)[late].max()) if late.any() else np.inf
    return [Check("Section 3: saturating over non-saturating gradient where D(G(z)) <= 0.02", ratio, 0.04)]


if __name__ == "__main__":
    runs.main("theory", PRESETS, main)
