"""A GAN in NumPy alone, by hand: `python experiments/numpy_gan.py [--preset NAME] [--seed N]`.

A published NumPy GAN sets up one-hidden-layer sigmoid perceptrons of size 1-5-1 without biases, weights from N(0, 1),
noise and data from N(0, 1), and stops before the weights are updated. The gradients, SGD, m, k, the learning rates and
10,000 iterations are ours. TensorFlow is not loaded.

Presets:
  default   p_data = N(0.5, 0.15), which lies inside (0, 1), the range of the generator's sigmoid output. D gets biases,
            3 updates per iteration and 10 times G's learning rate. Without biases every bend of D's logit is at x = 0,
            outside the data; with one learning rate for both, D is too slow to resolve so narrow a density. D has 20
            hidden units instead of 5. Its first weights are 10 times as large, and the bends of its units are initially
            spread over (0, 1): with 5 units, or with bends anywhere, D does not resolve p_g's shape on some seeds. G
            learns its tails in 15,000 iterations. Both learning rates fall to 0 along a cosine.
  document  p_data = N(0, 1) as published, which no generator with a sigmoid output can reach: half of the data are
            negative. All samples go to 0: without biases, D's logit is a constant plus an odd function of x, so it
            never favours asymmetric samples over data that are symmetric about 0.
"""

import math
import sys
import time
from dataclasses import dataclass
from typing import Literal

from gan_paper import numpy_gan, run
from gan_paper.distributions import Distribution, Gaussian
from gan_paper.metrics import Recording, on_the_line
from gan_paper.metrics.comparison import distribution_distances
from gan_paper.plots import histograms, histograms_animation, training_curves
from gan_paper.run.files import State

import numpy as np
from rich.progress import track

TARGETS: dict[str, tuple[Distribution, np.ndarray]] = {
    "N(0.5, 0.15)": (Gaussian(0.5, 0.15), np.linspace(-0.2, 1.2, 65)),
    "N(0, 1)": (Gaussian(0, 1), np.linspace(-5, 5, 65)),
}
"""By name: p_data, and the edges of 64 bins."""
P_Z = Gaussian(0, 1)
HIDDEN = 5  # hidden units of the published networks


@dataclass(frozen=True)
class Config(run.Config):
    """Train one-hidden-layer sigmoid perceptrons by Algorithm 1 in NumPy."""

    target: Literal["N(0.5, 0.15)", "N(0, 1)"] = "N(0.5, 0.15)"
    """p_data: one that the generator can reach, or the published one, which it cannot."""
    iterations: int = 15_000
    """Iterations of Algorithm 1."""
    k: int = 3
    """Discriminator updates per iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as printed in Algorithm 1, or that of section 3."""
    d_learning_rate: float = 1.0
    """SGD's initial learning rate for the discriminator."""
    g_learning_rate: float = 0.1
    """SGD's initial learning rate for the generator."""
    cosine: bool = True
    """Whether the learning rates fall to 0 along a cosine over the run."""
    d_hidden: int = 20
    """Hidden units of the discriminator. The published one has 5, like both generators."""
    d_bias: bool = True
    """Whether the discriminator has biases; initially its hidden units bend within (0, 1)."""
    d_scale: float = 10.0
    """Standard deviation of the initial weights of D's first layer; 1 as published."""


PRESETS = {
    "default": Config(),
    "document": Config(
        target="N(0, 1)",
        iterations=10_000,
        k=1,
        d_learning_rate=0.1,
        g_learning_rate=0.1,
        cosine=False,
        d_hidden=HIDDEN,
        d_bias=False,
        d_scale=1.0,
        record_every=50,
    ),
}


class Training:
    """G and D, initialised; their minibatches, training and evaluation."""

    def __init__(self, config: Config) -> None:
        self.config, (self.p_data, self.edges) = config, TARGETS[config.target]
        rng = np.random.default_rng((config.seed, 0, 2))  # 0 and 1 are for an iteration's examples and noise

        def perceptron(units: int, bias: bool, scale: float) -> numpy_gan.Perceptron:
            hidden, output = rng.normal(0, scale, (1, units)), rng.normal(size=(units, 1))
            biases = (-hidden[0] * rng.uniform(size=units), np.zeros(1)) if bias else (None, None)
            pairs = zip((hidden, output), biases, strict=True)
            return numpy_gan.Perceptron([numpy_gan.Layer(weights, bias, "sigmoid") for weights, bias in pairs])

        self.G = perceptron(HIDDEN, bias=False, scale=1.0)
        self.D = perceptron(config.d_hidden, config.d_bias, config.d_scale)
        self.parameters = [*self.G.parameters, *self.D.parameters]

    def draw(self, iteration: int, k: int, m: int) -> tuple[numpy_gan.Array, numpy_gan.Array]:
        """Examples (k, m, 1) and noise (k + 1, m, 1): a pure function of the seed and the iteration."""
        seed = self.config.seed
        x = self.p_data.sample((k, m, 1), (seed, iteration, 0), np.float64)
        return x, P_Z.sample((k + 1, m, 1), (seed, iteration, 1), np.float64)

    def iteration(self, iteration: int) -> dict[str, float]:
        """One iteration of Algorithm 1, and its row of the history."""
        c = self.config
        factor = (1 + math.cos(math.pi * iteration / c.iterations)) / 2 if c.cosine else 1.0
        d_optimizer, g_optimizer = numpy_gan.SGD(factor * c.d_learning_rate), numpy_gan.SGD(factor * c.g_learning_rate)
        x, z = self.draw(iteration, c.k, c.m)
        d_loss, g_loss = numpy_gan.iteration(self.G, self.D, x, z, d_optimizer, g_optimizer, c.generator_loss)
        return {"iteration": iteration + 1, "value": -d_loss, "d_loss": d_loss, "g_loss": g_loss}

    def fit(self, folder: run.Folder, state: State | None) -> None:
        """Train into the run's folder, from a checkpoint if there is one."""
        c, recording = self.config, Recording({"x": self.edges}, tolerance=2.5)
        history: list[dict[str, float]] = []
        _, noise = self.draw(10**9 + 1, 1, 10_000)
        folder.save_reference(self.p_data, recording)

        def record(t: int) -> None:
            recording.record(t, self.G(noise[0]), on_the_line(self.edges, P_Z, self.G, self.D))
            folder.save(State(t, self.parameters, recording, history))

        start = 0
        if state:
            start, history = state.iteration, state.history
            recording.resume(state.recording)
            for parameter, saved in zip(self.parameters, state.variables, strict=True):
                parameter[...] = saved
        else:
            record(0)
        with np.errstate(all="ignore"):  # an overflow is reported below, in one line
            for t in track(range(start, c.iterations), "training", transient=True, disable=not sys.stdout.isatty()):
                row = self.iteration(t)
                if (t + 1) % c.every == 0:
                    if not all(np.isfinite(parameter).all() for parameter in self.parameters):
                        raise FloatingPointError(f"training diverged at iteration {t + 1}: weights are not finite")
                    x, z = self.draw(t, 1, c.m)
                    d_real, d_fake = float(self.D(x[0]).mean()), float(self.D(self.G(z[0])).mean())
                    history.append({**row, "d_real": d_real, "d_fake": d_fake})
                    record(t + 1)

    def evaluate(self) -> dict[str, float]:
        """Distances of a million samples to p_data, V, and D's outputs."""
        x, z = self.draw(10**9, 1, 1_000_000)  # an iteration that training never reaches
        samples, real = self.G(z[0]), self.D.forward(x[0])[1][-1]
        fake = self.D.forward(samples)[1][-1]
        return {
            **distribution_distances(samples, self.p_data, self.edges),
            "value": float(numpy_gan.log_sigmoid(real).mean() + numpy_gan.log_sigmoid(-fake).mean()),
            "d_real": float(numpy_gan.sigmoid(real).mean()),
            "d_fake": float(numpy_gan.sigmoid(fake).mean()),
        }


def data(config: Config) -> Distribution:
    """p_data."""
    return TARGETS[config.target][0]


def plot(folder: run.Folder) -> None:
    """p_g over p_data, still and moving, and the training curves."""
    recording, shown = folder.recording, {"x": (data(folder.config), "x")}
    folder.save_figure("histograms", histograms(recording, shown))
    folder.save_figure("training", training_curves(folder.history, folder.config.generator_loss))
    folder.save_animation("histograms", histograms_animation(recording, shown))


def main(config: Config) -> None:
    """Train into a folder, evaluate, print, and plot, as `run.main` does with Keras."""
    began, folder = time.perf_counter(), run.Folder("numpy_gan", PRESETS, config)
    training = Training(config)
    with folder.opened() as state:
        training.fit(folder, state)
        metrics = {**training.evaluate(), "train_seconds": time.perf_counter() - began}
        run.finish(folder, metrics, began, sys.modules[__name__])


if __name__ == "__main__":
    with run.exit_statuses():
        main(run.parse(PRESETS, description=__doc__))
