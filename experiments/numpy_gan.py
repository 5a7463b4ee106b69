"""A GAN in NumPy alone, by hand: `python experiments/numpy_gan.py [--preset inside | document] [--seed N]`.

A published NumPy GAN sets up one-hidden-layer sigmoid perceptrons of size 1-5-1 without biases, weights from N(0, 1),
noise and data from N(0, 1), and stops before the weights are updated. Its facts end there. The gradients, SGD, m, k,
the rates and 10,000 iterations are ours. No TensorFlow is loaded.

Presets:
  inside    The target lies inside (0, 1), where the generator's last sigmoid can reach it: N(0.5, 0.15). D gets biases,
            3 updates an iteration and 10 times G's rate. Without biases every bend of D's logit sits at x = 0, outside
            the data; with one rate for both, D is too slow to resolve a density so narrow. D has 20 hidden units in
            place of 5. Its first weights are 10 times as large, and its units begin with their bends spread over
            (0, 1), the range of G. With 5 units, or with bends anywhere, D is blind to p_g's shape on some seeds.
            15,000 iterations bring G's tails, which come last. Both rates fall to 0 along a cosine.
  document  The published target, N(0, 1), which no generator that ends in a sigmoid can reach: half of the data
            are negative. And all samples go to 0: without biases, D's logit is a constant plus an odd function of x, so
            to data that are symmetric about 0 it cannot prefer anything else that is.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from gan_paper import numpy_gan, runs
from gan_paper.distributions import Gaussian
from gan_paper.divergence import check_finite
from gan_paper.measure.recording import Recording, on_the_line
from gan_paper.runs import files

import numpy as np
from compare import verdict

TARGETS = {"inside": Gaussian(0.5, 0.15), "document": Gaussian(0, 1)}
EDGES = {"inside": np.linspace(-0.2, 1.2, 65), "document": np.linspace(-5, 5, 65)}
HIDDEN = 5  # of the published networks


@dataclass(frozen=True)
class Settings(runs.Settings):
    """Train one-hidden-layer sigmoid perceptrons by Algorithm 1 in NumPy."""

    preset: Literal["inside", "document"] = "inside"
    """`inside`: a target that the generator can reach. `document`: the published one, which it cannot."""
    iterations: runs.Iterations = 15_000
    """Iterations of Algorithm 1."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 128
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 1000)] = 3
    """Discriminator updates an iteration."""
    generator_loss: Literal["saturating", "non_saturating"] = "non_saturating"
    """The generator's objective: as Algorithm 1 is printed, or that of section 3."""
    d_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 1.0
    """Learning rate of the discriminator."""
    g_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 0.1
    """Learning rate of the generator."""
    cosine: bool = True
    """Whether the rates fall to 0 along a cosine over the run."""
    d_hidden: Annotated[int, runs.Between(1, 10_000)] = 20
    """Hidden units of the discriminator; the published one has 5, as its generator and ours."""
    d_bias: bool = True
    """Whether the discriminator has biases, which begin so that its hidden units bend within (0, 1); the published
    one has none."""
    d_scale: Annotated[float, runs.Between(1e-9, 1e9)] = 10.0
    """Standard deviation of the initial weights of D's first layer; the published one is 1."""
    record_every: Annotated[int, runs.Between(1, 1_000_000)] = 100
    """Iterations between recorded histograms."""


PRESETS = {
    "inside": Settings(),
    "document": Settings(
        preset="document",
        iterations=10_000,
        k=1,
        d_rate=0.1,
        g_rate=0.1,
        cosine=False,
        d_hidden=HIDDEN,
        d_bias=False,
        d_scale=1.0,
        record_every=50,
    ),
}


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper.runs import report

    game = Game(settings)
    recording = Recording({"entries": EDGES[settings.preset]})
    pace = train(game, recording, run)

    x, z = game.draw(10**9, 1, 1_000_000)  # an iteration that training never reaches
    samples, real = game.G(z[0]), game.D.forward(x[0])[1][-1]
    fake = game.D.forward(samples)[1][-1]
    played = {
        "value": float(numpy_gan.log_sigmoid(real).mean() + numpy_gan.log_sigmoid(-fake).mean()),
        "discriminator": {
            "real": float(numpy_gan.sigmoid(real).mean()),
            "fake": float(numpy_gan.sigmoid(fake).mean()),
        },
    }
    shown = {"entries": (game.p_data, "x")}
    judged = verdict(recording, run.experiment, settings.preset)
    report.one_dimensional(run, recording, samples, played, pace, game.p_data, shown, settings.generator_loss, judged)


class Game:
    """G and D at their initial weights, their rules, and the minibatch of each iteration."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.p_data, self.p_z = TARGETS[settings.preset], Gaussian(0, 1)
        rng = np.random.default_rng((settings.seed, 0, 2))  # after an iteration's examples, 0, and noise, 1

        def perceptron(units: int, bias: bool, scale: float) -> numpy_gan.Perceptron:
            hidden, output = rng.normal(0, scale, (1, units)), rng.normal(size=(units, 1))
            biases = (-hidden[0] * rng.uniform(size=units), np.zeros(1)) if bias else (None, None)
            pairs = zip((hidden, output), biases, strict=True)
            return numpy_gan.Perceptron([numpy_gan.Layer(weights, bias, "sigmoid") for weights, bias in pairs])

        self.G = perceptron(HIDDEN, bias=False, scale=1.0)
        self.D = perceptron(settings.d_hidden, settings.d_bias, settings.d_scale)
        self.d_optimizer, self.g_optimizer = numpy_gan.SGD(settings.d_rate), numpy_gan.SGD(settings.g_rate)

    def draw(self, iteration: int, k: int, m: int) -> tuple[numpy_gan.Array, numpy_gan.Array]:
        """Examples (k, m, 1) and noise (k + 1, m, 1): a pure function of the seed and the iteration."""
        seed = self.settings.seed
        x = self.p_data.sample((k, m, 1), (seed, iteration, 0), np.float64)
        return x, self.p_z.sample((k + 1, m, 1), (seed, iteration, 1), np.float64)

    def iteration(self, iteration: int) -> dict[str, float]:
        """One iteration of Algorithm 1, and its figures for the history."""
        s = self.settings
        falling = (1 + math.cos(math.pi * iteration / s.iterations)) / 2 if s.cosine else 1.0
        self.d_optimizer.rate, self.g_optimizer.rate = falling * s.d_rate, falling * s.g_rate
        x, z = self.draw(iteration, s.k, s.m)
        d_loss, g_loss = numpy_gan.iteration(self.G, self.D, x, z, self.d_optimizer, self.g_optimizer, s.generator_loss)
        return {"iteration": iteration + 1, "value": -d_loss, "d_loss": d_loss, "g_loss": g_loss}

    def answers(self, iteration: int) -> dict[str, float]:
        """D's mean answers on one minibatch."""
        x, z = self.draw(iteration, 1, self.settings.m)
        return {"d_real": float(self.D(x[0]).mean()), "d_fake": float(self.D(self.G(z[0])).mean())}


def train(game: Game, recording: Recording, run: runs.Run) -> runs.Pace:
    """Train into the run's folder, from its checkpoint where it is to be resumed."""
    s = game.settings
    parameters = [*game.G.parameters, *game.D.parameters]
    _, fixed_noise = game.draw(10**9 + 1, 1, 10_000)

    def write(folder: Path) -> None:
        np.savez(folder / "weights.npz", allow_pickle=False, **{f"parameter_{i}": w for i, w in enumerate(parameters)})

    def read(folder: Path) -> None:
        arrays = files.read_arrays(folder / "weights.npz")
        for i, w in enumerate(parameters):
            w[...] = arrays[f"parameter_{i}"]

    def record(iteration: int) -> None:
        curves = on_the_line(recording.edges[recording.main], game.p_z, game.G, game.D)
        recording.record(iteration, game.G(fixed_noise[0]), curves)

    start = run.restore(recording, read) or 0
    if not recording.iterations:
        record(0)
        run.checkpoint(0, recording, write)

    began = time.perf_counter()
    # What overflows is told in one line.
    with runs.progress("training") as tick, np.errstate(all="ignore"):
        for t in range(start + 1, s.iterations + 1):
            row = game.iteration(t - 1)
            due = t % s.record_every == 0 or t == s.iterations
            if due or not math.isfinite(row["d_loss"] + row["g_loss"]):
                check_finite(t, row["d_loss"], row["g_loss"], game.D.parameters, game.G.parameters)
            if due:
                run.history.append({**row, **game.answers(t - 1)})
                record(t)
                tick(t, s.iterations)
            if t == s.iterations or (due and run.checkpoints.is_due()):
                run.checkpoint(t, recording, write)
    return runs.Pace(time.perf_counter() - began, max(s.iterations - start, 0), run.checkpoints.seconds)


if __name__ == "__main__":
    runs.main("numpy_gan", PRESETS, main, tensorflow=False)
