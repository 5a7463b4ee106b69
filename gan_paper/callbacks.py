"""Keras callbacks for a GAN: figures of its samples, and messages when training goes wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan_paper.examples import drawn_as, integer
from gan_paper.metrics import Histogram
from gan_paper.metrics.distances import energy_distance
from gan_paper.networks import one_or_all
from gan_paper.plots import BINS, GENERATOR, SCREEN, STYLE, Pixels, as_gif, image_frame

import keras
import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cdist, pdist

_IMAGES, _OTHERS = 64, 2_000  # samples in a figure, by default
_MARGIN = 0.25  # on each side of the axes, as a share of the examples' range
_DIAGNOSED = 256  # samples, and examples, that `Diagnosis` looks at


class SampleGrid(keras.callbacks.Callback):
    """Draw samples after an epoch, into PATH/epoch-0001.png and so on, and in the end all of these in PATH/samples.gif.

    The noise is the same each time. The samples' shape decides how they are drawn: images (height, width), or (height,
    width, channels) with 1 or 3 channels, as a grid, in which black is 0, or -1 if a pixel is negative, and white is 1;
    points (2,) in the plane; numbers (1,) as a histogram.

    ```python
    import keras, numpy as np
    from keras.layers import Dense, Reshape, Flatten
    from gan_paper import GAN
    from gan_paper.callbacks import SampleGrid

    x = np.random.default_rng(0).uniform(size=(2_000, 8, 8)) * np.linspace(0, 1, 8)  # your images, (N, height, width)
    G = keras.Sequential([keras.Input((16,)), Dense(64, "relu"), Dense(64, "sigmoid"), Reshape((8, 8))])
    D = keras.Sequential([keras.Input((8, 8)), Flatten(), Dense(64, "relu"), Dense(1, "sigmoid")])
    gan = GAN(G, D)
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    gan.fit(x, batch_size=64, epochs=3, callbacks=[SampleGrid("samples")])
    ```

    Args:
        path: The folder, which is made if there is none.
        count: How many samples [default: 64 images; 2,000 points or numbers].
        every: Epochs between figures.
        c: For a conditional GAN, one row for each sample.
        image_shape: The shape of the images if the samples are flat, such as (28, 28).
        examples: Examples (N, ...) to draw under points and histograms; they set the range of the axes.

    Raises:
        ValueError: if an argument does not fit or, when `fit` begins, if samples have another shape than these.
    """

    def __init__(
        self,
        path: str | Path,
        count: int | None = None,
        *,
        every: int = 1,
        c: Any = None,
        image_shape: Sequence[int] | None = None,
        examples: Any = None,
    ) -> None:
        super().__init__()
        self.path, self.every = Path(path), integer("every", every)
        self.count = len(c) if c is not None else count and integer("count", count)
        self.c, self.image_shape = c, image_shape
        self.examples = None if examples is None else np.asarray(examples, float)
        self.written: list[Path] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Find out the samples' shape."""
        flat = tuple(self.model.generator.output_shape[1:])
        self.shape = tuple(self.image_shape or flat)
        is_image = len(self.shape) == 2 or (len(self.shape) == 3 and self.shape[2] in (1, 3))
        if np.prod(self.shape) != np.prod(flat) or not (is_image or self.shape in ((1,), (2,))):
            raise ValueError(
                f"image_shape must say which images, (height, width) or with 1 or 3 channels, samples of shape {flat} "
                f"are, not {self.image_shape}; points (2,) and numbers (1,) need none"
            )
        self.count = self.count or (_IMAGES if is_image else _OTHERS)
        self.model._conditions(self.c, self.count)
        self.path.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Draw the samples, if a figure is due."""
        if (epoch + 1) % self.every == 0:
            samples = self.model.sample(self.count, c=self.c).reshape(-1, *self.shape)
            draw = self._images if len(self.shape) > 1 else self._axes
            self.written.append(self.path / f"epoch-{epoch + 1:04}.png")
            Image.fromarray(draw(samples, f"epoch {epoch + 1:,}")).save(self.written[-1])

    def on_train_end(self, logs: Any = None) -> None:
        """Write the animation."""
        if self.written:
            frames = [np.asarray(Image.open(path)) for path in self.written]
            (self.path / "samples.gif").write_bytes(as_gif(frames))

    def _images(self, samples: NDArray, title: str) -> Pixels:
        low = -1 if samples.min() < 0 else 0
        columns = int(np.ceil(np.sqrt(len(samples))))
        grid = np.ones((-(-len(samples) // columns) * columns, *self.shape[:2], (*self.shape, 1)[2]))
        grid[: len(samples)] = ((samples - low) / (1 - low)).reshape(len(samples), *grid.shape[1:])
        return image_frame(grid.reshape(-1, columns, *grid.shape[1:]), title)

    def _axes(self, samples: NDArray, title: str) -> Pixels:
        shown = samples if self.examples is None else self.examples.reshape(len(self.examples), -1)
        low, high = shown.min(axis=0), shown.max(axis=0)
        room = np.where(high > low, _MARGIN * (high - low), 1)
        ranges = np.transpose([low - room, high + room])
        with matplotlib.rc_context(STYLE):
            figure = Figure((3.2, 3.2 if len(low) == 2 else 2.4), SCREEN, layout="constrained")
            canvas = FigureCanvasAgg(figure)  # not pyplot's, whose figures a notebook would show
            ax = figure.add_subplot(title=title, xlim=ranges[0])
            if len(low) == 2:
                dots: dict[str, Any] = {"linestyle": "", "marker": ".", "markersize": 3, "markeredgewidth": 0}
                if self.examples is not None:
                    ax.plot(*shown.T, color="0.75", **dots)
                ax.plot(*samples.T, color=GENERATOR["color"], **dots)
                ax.set(ylim=ranges[1], aspect="equal")
            else:
                edges = np.linspace(ranges[0, 0], ranges[0, 1], 65)
                if self.examples is not None:
                    ax.stairs(Histogram.of(shown, edges).density, edges, fill=True, **BINS)
                ax.stairs(Histogram.of(samples, edges).density, edges, **GENERATOR)
                ax.set(ylabel="density")
            canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


class Diagnosis(keras.callbacks.Callback):
    """Print a message when a fault has lasted for `patience` epochs: once, unless it passes and comes back.

    - D has won: V(D, G), which is at most 0, is above -0.05 nats. MNIST's presets reach -0.10 for a while, and recover.
    - G stands still: over an epoch, samples of the same noise move by less than a thousandth of their standard
      deviation, although D tells them from data, D(G(z)) < 0.25.
    - Samples are too alike: the median distance from a sample to the nearest other is less than 0.4 of that of as many
      examples x. Or they lie in few modes: their energy distance to the examples is above 0.2 of the mean distance
      between two examples. Both count only if an earlier epoch was better: a healthy G also begins with such samples,
      and improves from epoch to epoch.

    The samples are those of G's current weights, not of their EMA, which lags behind.

    ```python
    import keras, numpy as np
    from keras.layers import Dense
    from gan_paper import GAN
    from gan_paper.callbacks import Diagnosis

    x = np.random.default_rng(0).multivariate_normal([1, 2], [[1, 0.8], [0.8, 1]], 2_000)  # your table, (N, columns)
    G = keras.Sequential([keras.Input((8,)), Dense(32, "relu"), Dense(2)])
    D = keras.Sequential([keras.Input((2,)), Dense(32, "relu"), Dense(1, "sigmoid")])
    gan = GAN(G, D)
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    diagnosis = Diagnosis(x)
    gan.fit(x, batch_size=64, epochs=5, callbacks=[diagnosis])
    print(diagnosis.found or "all is well")
    ```

    Args:
        x: Examples (N, ...), of which 256, evenly spaced, are used [default: none; the samples are not compared then].
        c: For a conditional GAN, one row for each example, or for each of 256 samples.
        patience: How many epochs a fault has to last.

    Attributes:
        found: The epoch in which each fault, "d_has_won", "g_stands_still" or "samples_alike", was first printed.
    """

    def __init__(self, x: Any = None, *, c: Any = None, patience: int = 3) -> None:
        super().__init__()
        self.patience = integer("patience", patience)
        self.c = None if c is None else _spaced("c", c)
        examples = None if x is None else _spaced("x", x)
        self._examples = None if examples is None else examples.reshape(len(examples), -1)
        self.count = _DIAGNOSED if examples is None else len(examples)
        self._most_apart, self._least_far = 0.0, np.inf
        self.found: dict[str, int] = {}
        self._lasted: dict[str, int] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Draw the first samples."""
        self._conditions = self.model._conditions(self.c, self.count)
        shape = self.count, *self.model.generator.inputs[0].shape[1:]
        self._noise = self.model.p_z.sample(shape, 0, drawn_as(keras.config.floatx()))
        self._samples = self._draw()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look for faults, and print those that have lasted."""
        before, self._samples = self._samples, self._draw()
        apart, far = self._likeness()
        is_alike = (apart < 0.4 and apart <= self._most_apart) or (far > 0.2 and far >= self._least_far)
        self._most_apart, self._least_far = max(apart, self._most_apart), min(far, self._least_far)
        value, real, fake = (float(logs[name]) for name in ("value", "d_real", "d_fake"))
        spread = self._samples.std(axis=0).mean()
        moved = np.sqrt(np.mean((self._samples - before) ** 2))
        seen = f"V(D, G) = {value:.3f}, D(x) = {real:.2f}, D(G(z)) = {fake:.2f}"
        faults = {
            "d_has_won": (
                value > -0.05,
                f"D has won ({seen}): G learns little from it. Lower D's learning rate or k, or raise G's",
            ),
            "g_stands_still": (
                fake < 0.25 and moved <= 1e-3 * spread,
                f"G stands still ({seen}): its samples moved by {moved:.1g}. "
                "Is its loss saturating, its learning rate 0?",
            ),
            "samples_alike": (
                is_alike,
                f"samples are too alike (distance to the nearest other: {apart:.2f} of that of examples) or in few "
                f"modes (energy distance to examples: {far:.2f} of their mean distance). "
                "Lower G's learning rate or raise k",
            ),
        }
        for fault, (is_so, words) in faults.items():
            self._lasted[fault] = self._lasted.get(fault, 0) + 1 if is_so else 0
            if self._lasted[fault] == self.patience:
                self.found.setdefault(fault, epoch + 1)
                print(f"\nepoch {epoch + 1}: {words}", flush=True)

    def _likeness(self) -> tuple[float, float]:
        if self._examples is None:
            return np.inf, 0
        samples = self._samples.reshape(self._examples.shape)
        far = energy_distance(samples, self._examples) / pdist(self._examples).mean()
        return _apart(samples) / _apart(self._examples), far

    def _draw(self) -> NDArray:
        samples = self.model.generator(one_or_all([self._noise, *self._conditions]))
        return np.asarray(samples, np.float32)  # SciPy takes no bfloat16


def _spaced(name: str, values: Any) -> NDArray:
    """At most 256 rows, evenly spaced: the first ones of sorted data would be of one class."""
    values = np.asarray(values)
    if not values.ndim:
        raise ValueError(f"{name} must be an array with a row for each example, not {values}")
    return values[np.linspace(0, len(values) - 1, min(len(values), _DIAGNOSED)).astype(int)]


def _apart(samples: NDArray) -> float:
    """The median distance from one of samples (N, n) to the nearest other."""
    distances = cdist(samples, samples)
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=0)))
