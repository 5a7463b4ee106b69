"""Points on a sine curve: `python experiments/sine.py [--preset matched | document] [--seed N]`.

The Real Python example (https://realpython.com/generative-adversarial-networks/) trains on 1,024 fixed points
(x, sin x), x uniform on [0, 2 pi], in minibatches of 32, 300 shuffled epochs (9,600 iterations). G is 2-16-32-2, D
2-256-128-64-1 with dropout of 0.3. The noise is N(0, 1) of size 2. Adam has rate 0.001; k = 1; the objective is the
non-saturating one. It halves D's objective, which Adam does not notice. PyTorch's initial
weights are meant, since it uses PyTorch; its seed, and so its points, cannot be had without it: ours are our own.

Presets:
  matched   Other networks and rules, our choice: the published ones leave an end of the curve out on some seeds. G is
            2-64-64-2, which reaches both ends. D is 2-128-64-1 without dropout. It costs less, so that m is 256.
            Adam's beta_1 is 0.5. Both rates fall to 0 along a cosine, which brings the samples onto the curve.
            Averages of both networks' iterates over a tenth of the run still what mass swings from end to end. So G
            can be as fast as D. (Without them it had to be slower, and on some seeds it was then too slow to bring mass
            back.) 40,000 iterations (10,000 epochs) bring the proportions.
  document  As published. It follows the curve, but wanders along it, and leaves parts of it out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from gan_paper import runs

import numpy as np
from compare import verdict

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Points
    from gan_paper.measure.recording import Recording
    from gan_paper.plots.animation import Pixels

    import keras
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Settings(runs.FitSettings):
    """Train a GAN on points of a sine curve."""

    preset: Literal["matched", "document"] = "matched"
    """`document`: as published. `matched`: what reaches the data."""
    iterations: runs.Iterations = 40_000
    """Iterations of Algorithm 1; 1024 / m of them are an epoch of the 1,024 points."""
    m: Annotated[int, runs.Between(1, 1_000_000)] = 256
    """Minibatch size."""
    k: Annotated[int, runs.Between(1, 100)] = 1
    """Discriminator updates an iteration."""
    g_hidden: tuple[int, ...] = (64, 64)
    """Units of G's hidden layers."""
    d_hidden: tuple[int, ...] = (128, 64)
    """Units of D's hidden layers."""
    d_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 1e-3
    """Adam's rate for the discriminator."""
    g_rate: Annotated[float, runs.Between(1e-9, 1e9)] = 1e-3
    """Adam's rate for the generator."""
    beta_1: Annotated[float, runs.Between(0, 0.999)] = 0.5
    """Adam's first decay."""
    cosine: bool = True
    """Whether the rates fall to 0 along a cosine over the run."""
    average: Annotated[float, runs.Between(0, 1)] = 0.1
    """Share of the run that the averages of both networks' iterates reach back; 0: none, the last iterates play."""
    dropout: Annotated[float, runs.Between(0, 0.999)] = 0.0
    """Share of each hidden layer of D that is dropped."""
    record_every: Annotated[int, runs.Between(1, 1_000_000)] = 200
    """Iterations between recorded samples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, units in (("--g-hidden", self.g_hidden), ("--d-hidden", self.d_hidden)):
            if not units or not all(1 <= number <= 10_000 for number in units):
                shown = " ".join(map(str, units)) or "none"
                raise ValueError(f"{name} must be one or more whole numbers from 1 to 10000, not {shown}")


PRESETS = {
    "matched": Settings(),
    "document": Settings(
        preset="document",
        iterations=9_600,
        m=32,
        g_hidden=(16, 32),
        d_hidden=(256, 128, 64),
        beta_1=0.9,
        cosine=False,
        average=0.0,
        dropout=0.3,
        record_every=192,
    ),
}


def of_points(view: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A view that refuses samples (N, n) that are no points (N, 2)."""

    def checked(samples: np.ndarray) -> np.ndarray:
        if samples.shape[1] != 2:
            raise ValueError(f"samples must be points (x, y) here, not of {samples.shape[1]} number(s)")
        return view(samples)

    return checked


VIEWS = {"x": of_points(lambda p: p[:, :1]), "residual": of_points(lambda p: p[:, 1:] - np.sin(p[:, :1]))}
"""What a recording counts of points (x, y): x, and y - sin x."""
CURVE = np.stack([np.linspace(0, 2 * np.pi, 200), np.sin(np.linspace(0, 2 * np.pi, 200))], axis=1)
"""The curve that the data lie on, (200, 2)."""
EDGES = {"x": np.linspace(-1, 2 * np.pi + 1, 65), "residual": np.linspace(-2, 2, 130)}


def main(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, draw."""
    from gan_paper.measure.recording import Recording
    from gan_paper.plots.training import course
    from gan_paper.runs import training

    data, gan = make_data(), make_gan(settings)
    recording = Recording(EDGES, VIEWS, keep=500)
    a, b = np.linspace(-1, 2 * np.pi + 1, 120), np.linspace(-1.7, 1.7, 80)
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2)

    def picture(*iterations: int) -> "Figure":
        answers = gan.averaged().discriminator.predict(grid, batch_size=len(grid), verbose=0)
        last = recording.iterations[-1]
        return plane(recording, data.points, [*iterations, last], (a, b, answers.reshape(len(b), len(a))))

    recorder = training.Recorder(run, recording, samples=10_000)
    pace = training.train(gan, data, run, recorder, batch_size=settings.m, record_every=settings.record_every)
    samples, game = training.play(gan, data, samples=10_000, seed=settings.seed)

    last = recording.iterations[-1]
    run.save_figure("samples.png", picture(0, last // 10, last // 3))
    run.save_figure("training.png", course(run.columns(), "non_saturating"))
    run.save_animation("samples.gif", plane_animation(recording, data.points))
    judged = verdict(recording, run.experiment, settings.preset)
    run.finish({"match": match(samples, data.points), **game}, pace, judged)


def make_data() -> "Points":
    """The points of the curve, the same for every run."""
    from gan_paper.distributions import Points, Uniform

    x = Uniform(0, 2 * np.pi).sample((1024, 1), seed=0)
    return Points(np.hstack([x, np.sin(x)]))


def make_gan(settings: Settings) -> "GAN":
    """The networks and their learning rules, on one thread."""
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian
    from gan_paper.optimizers import average_decay
    from gan_paper.runs import training

    import keras
    from keras.optimizers import Adam
    from keras.optimizers.schedules import CosineDecay

    def optimizer(rate: float, updates: int) -> Adam:
        # Of `updates` an iteration: D's rate falls, and its average forgets, with its own updates.
        decay = average_decay(settings.average, settings.iterations, updates)
        falling = CosineDecay(rate, settings.iterations * updates) if settings.cosine else rate
        return Adam(falling, settings.beta_1, use_ema=settings.average > 0, ema_momentum=decay)

    training.one_thread()
    keras.utils.set_random_seed(settings.seed)
    generator = make_generator(settings.g_hidden)
    gan = GAN(generator, make_discriminator(settings.d_hidden, settings.dropout), Gaussian(0, 1))
    gan.compile(
        d_optimizer=optimizer(settings.d_rate, settings.k),
        g_optimizer=optimizer(settings.g_rate, 1),
        k=settings.k,
        generator_loss="non_saturating",
    )
    return gan


def match(samples: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """How well samples (N, 2) match the points.

    Returns:
        `curve_error`, the mean of |y - sin x|; `bins_in_proportion`, the share of 32 equal bins of [0, 2 pi] that hold
        between half and twice as many samples as they would of a uniform x; `energy_distance` to the points, and, as
        its floor, `energy_distance_of_halves`, the median between random halves of the points themselves.
    """
    from gan_paper.measure.samples import energy_distance

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


def make_generator(hidden: Sequence[int] = (16, 32)) -> "keras.Sequential":
    """2-16-32-2, or other hidden layers; ReLU, a linear output."""
    from gan_paper.layers import torch_dense

    from keras import Input, Sequential
    from keras.layers import ReLU

    layers = [Input((2,))]
    for inputs, units in pairwise((2, *hidden)):
        layers += [torch_dense(inputs, units), ReLU()]
    return Sequential([*layers, torch_dense(hidden[-1], 2)], name="generator")


def make_discriminator(hidden: Sequence[int] = (256, 128, 64), dropout: float = 0.3) -> "keras.Sequential":
    """2-256-128-64-1, or other hidden layers; ReLU and dropout, a sigmoid output."""
    from gan_paper.layers import Dropout, torch_dense

    from keras import Input, Sequential
    from keras.layers import ReLU

    layers = [Input((2,))]
    for inputs, units in pairwise((2, *hidden)):
        layers += [torch_dense(inputs, units), ReLU(), *([Dropout(dropout)] if dropout else [])]
    return Sequential([*layers, torch_dense(hidden[-1], 1, activation="sigmoid")], name="discriminator")


def plane(
    recording: "Recording",
    points: np.ndarray,
    iterations: Sequence[int],
    surface: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> "Figure":
    """Samples in the plane over the data at chosen iterations, and D's surface at the end.

    Args:
        recording: Of a run, with kept samples.
        points: The data, (N, 2).
        iterations: The nearest recorded ones are shown.
        surface: x (A,), y (B,) and D(x, y) (B, A).
    """
    from gan_paper.plots.style import DATA, STYLE, WIDTH

    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        indices = sorted({recording.nearest(iteration) for iteration in iterations})
        # two rows: the samples, D's surface, and last the key to both
        columns = math.ceil((len(indices) + 2) / 2)
        figure, axes = plt.subplots(2, columns, figsize=(WIDTH, 2.9), sharey=True, layout="constrained")
        *panels, key = axes.flat
        for ax, index in zip(panels, indices, strict=False):
            _scatter_samples(ax, points, recording.samples[index])
            ax.set_title(f"iteration {recording.iterations[index]:,}")
        scene, *unused = panels[len(indices) :]
        contours = scene.contourf(*surface, levels=np.linspace(0, 1, 11), cmap="Blues")
        contours.set_edgecolor("face")  # else a PDF shows white seams between the levels
        (curve,) = scene.plot(*points[np.argsort(points[:, 0])].T, **DATA)
        scene.set_title("D(x, y) at the end")
        for ax in panels:
            ax.set_xticks((0, 2, 4, 6))
        for ax in (*unused, key):
            ax.set_axis_off()
        bar = key.inset_axes((0.1, 0.3, 0.8, 0.08))
        figure.colorbar(contours, bar, orientation="horizontal", ticks=[0, 0.5, 1], label="D(x, y)")
        data, samples = panels[0].lines
        key.legend([(data, curve), samples], ["data", "samples G(z)"], loc="upper center", markerscale=3)
        figure.supxlabel("x")
        figure.supylabel("y")
        return figure


def plane_animation(recording: "Recording", points: np.ndarray, frames: int = 100) -> "list[Pixels]":
    """The same story as `plane`, moving: pictures (height, width, 3) of recorded iterations, evenly spread."""
    from gan_paper.plots.animation import SCREEN, animate
    from gan_paper.plots.style import STYLE

    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(23 / 6, 8 / 3), layout="constrained", dpi=SCREEN)
        moving = _scatter_samples(ax, points, recording.samples[0])
        ax.set(xlabel="x", ylabel="y")
        ax.legend(loc="upper right", markerscale=3)
        return animate(figure, [moving], recording, lambda index: moving.set_data(*recording.samples[index].T), frames)


def _scatter_samples(ax: "Axes", points: np.ndarray, samples: np.ndarray) -> Any:
    from gan_paper.plots.style import GENERATOR

    ax.plot(*points.T, ".", color="0.75", markersize=3, markeredgewidth=0, label="data")
    (moving,) = ax.plot(
        *samples.T, ".", color=GENERATOR["color"], markersize=2, markeredgewidth=0, label="samples G(z)"
    )
    ax.set(xlim=(-1, 2 * np.pi + 1), ylim=(-1.7, 1.7))
    return moving


if __name__ == "__main__":
    runs.main("sine", PRESETS, main)
