"""Points on a sine curve: `python experiments/sine.py [--preset matched | document] [--seed N]`.

Seed document 004 trains on 1,024 fixed points (x, sin x), x uniform on [0, 2 pi], in minibatches of 32, 300 shuffled
epochs (9,600 iterations); G 2-16-32-2, D 2-256-128-64-1 with dropout of 0.3, noise N(0, 1) of size 2, Adam with rate
0.001, k = 1, the non-saturating objective. It halves D's objective, which Adam does not notice. PyTorch's initial
weights are meant, since it uses PyTorch; its seed, and so its points, cannot be had without it: ours are our own.

Presets:
  matched   The same with Adam's beta_1 at 0.5, which brings coverage; a rate that falls to 0 along a cosine, which
            brings the samples onto the curve; and 30,720 iterations (960 epochs), which bring the proportions.
  document  As the document has it. It follows the curve, but wanders along it, and leaves parts of it out.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from compare import verdict

from gan_paper import runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Settings(runs.FitSettings):
    """Train a GAN on points of a sine curve."""

    preset: Literal["matched", "document"] = "matched"
    """`document`: as published. `matched`: what reaches the data with most seeds."""
    iterations: runs.Iterations = 30_720
    """Iterations of Algorithm 1; 32 are an epoch of the 1,024 points when m is 32."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 32
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 100)] = 1
    """Discriminator updates an iteration."""
    rate: Annotated[float, runs.Between(1e-9, 1e9)] = 1e-3
    """Adam's rate for both networks."""
    beta_1: Annotated[float, runs.Between(0, 0.999)] = 0.5
    """Adam's first decay."""
    cosine: bool = True
    """Whether the rate falls to 0 along a cosine over the run."""
    dropout: Annotated[float, runs.Between(0, 0.999)] = 0.3
    """Share of each hidden layer of D that is dropped."""
    record_every: Annotated[int, runs.Between(1, 1_000_000)] = 192
    """Iterations between recorded samples."""


PRESETS = {
    "matched": Settings(),
    "document": replace(Settings(), preset="document", iterations=9_600, beta_1=0.9, cosine=False),
}
EDGES = {"x": np.linspace(-1, 2 * np.pi + 1, 65), "residual": np.linspace(-2, 2, 130)}


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    import keras
    from keras.optimizers import Adam
    from keras.optimizers.schedules import CosineDecay

    from gan_paper import figures, networks
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian, Points, Uniform
    from gan_paper.histograms import Recording
    from gan_paper.runs import training

    x = Uniform(0, 2 * np.pi).sample((1024, 1), seed=0)  # the same points for every run
    data = Points(np.hstack([x, np.sin(x)]))

    def rate(updates: int) -> float | CosineDecay:
        return CosineDecay(settings.rate, updates * settings.iterations) if settings.cosine else settings.rate

    training.one_thread()
    keras.utils.set_random_seed(settings.seed)
    gan = GAN(networks.sine_generator(), networks.sine_discriminator(settings.dropout), Gaussian(0, 1))
    gan.compile(
        d_optimizer=Adam(rate(settings.k), settings.beta_1),
        g_optimizer=Adam(rate(1), settings.beta_1),
        k=settings.k,
        generator_loss="non_saturating",
    )
    recording = Recording(EDGES, keep=500)
    a, b = np.linspace(-1, 2 * np.pi + 1, 120), np.linspace(-1.7, 1.7, 80)
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2)

    def picture(*iterations: int) -> "Figure":
        surface = gan.discriminator.predict(grid, batch_size=len(grid), verbose=0).reshape(len(b), len(a))
        last = recording.iterations[-1]
        return figures.plane(recording, data.points, [*iterations, last], (a, b, surface))

    recorder = training.Recorder(run, recording, samples=10_000)
    pace = training.train(gan, data, run, recorder, batch_size=settings.m, record_every=settings.record_every)
    samples, game = training.play(gan, data, samples=10_000, seed=settings.seed)

    last = recording.iterations[-1]
    run.save_figure("samples.png", picture(0, last // 10, last // 3))
    run.save_figure("training.png", figures.training(run.columns(), "non_saturating"))
    run.save_animation("samples.gif", figures.plane_animation(recording, data.points))
    judged = verdict(recording, run.experiment, settings.preset)
    run.finish({"match": match(samples, data.points), **game}, pace, judged)


def match(samples: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """How well samples (N, 2) match the points.

    Returns:
        `curve_error`, the mean of |y - sin x|; `bins_in_proportion`, the share of 32 equal bins of [0, 2 pi] that hold
        between half and twice as many samples as they would of a uniform x; `energy_distance` to the points, and, as
        its floor, `energy_distance_of_halves`, the median between random halves of the points themselves.
    """
    from gan_paper.histograms import energy_distance

    counts, _ = np.histogram(samples[:, 0], 32, (0, 2 * np.pi))
    proportion = counts * 32 / len(samples)
    orders = [np.random.default_rng(i).permutation(len(points)) for i in range(20)]
    halves = [energy_distance(points[order[::2]], points[order[1::2]]) for order in orders]
    return {
        "curve_error": float(np.abs(samples[:, 1] - np.sin(samples[:, 0])).mean()),
        "bins_in_proportion": float(((proportion >= 0.5) & (proportion <= 2)).mean()),
        "energy_distance": energy_distance(samples[:5000], points),
        "energy_distance_of_halves": float(np.median(halves)),
    }


if __name__ == "__main__":
    runs.main("sine", PRESETS, main)
