"""What the references refuse: `python experiments/near_misses.py [--write]`.

Of true samples and of each near miss, eight samples are compared with each reference; the tables say how many it
accepts. A sample holds 30,000 values. `--write` puts the tables into `figures/reference/README.md`.
"""

import re
from collections.abc import Callable

from gan_paper import run
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import compare, with_distribution
from gan_paper.run import files

import numpy as np
import tyro
from compare import REFERENCES, views_of
from numpy.typing import NDArray
from tables import markdown

Floats = NDArray[np.float64]
Miss = Callable[[Floats, float, np.random.Generator], Floats]
"""Of true values (N,) with a mean of 0 and a standard deviation of 1, and a size, those of a near miss."""

PAGE = REFERENCES / "README.md"
SAMPLES, VALUES = 8, 30_000


def _t(x: Floats, inverse: float, rng: np.random.Generator) -> Floats:
    # as a Gaussian becomes Student's t with 1 / inverse degrees of freedom, of the same variance
    return x * np.sqrt((1 - 2 * inverse) / inverse / rng.chisquare(1 / inverse, x.shape))


def _without(x: Floats, low: float, high: float) -> Floats:
    # without those between two shares of the values
    a, b = np.quantile(x, (low, high))
    return x[(x < a) | (x > b)]


LINE: dict[str, tuple[float, Miss]] = {
    "true": (0, lambda x, size, rng: x),
    "shifted by {:.3g} standard deviations": (0.03, lambda x, size, rng: x + size),
    "{:.3g} wider": (0.04, lambda x, size, rng: x * (1 + size)),
    "{:.3g} narrower": (0.04, lambda x, size, rng: x * (1 - size)),
    "skewed: x + {:.3g} (x^2 - 1)": (0.05, lambda x, size, rng: x + size * (x**2 - 1)),
    "tails as Student's t with 1 / {:.3g} degrees of freedom": (0.08, _t),
    "{:.3g} of the values missing at the upper end": (0.02, lambda x, size, rng: _without(x, 1 - size, 1)),
    "{:.3g} of the values at 6": (0.005, lambda x, size, rng: np.where(rng.random(x.shape) < size, 6, x)),
    "{:.3g} of the values missing in the middle": (
        0.04,
        lambda x, size, rng: _without(x, 0.5 - size / 2, 0.5 + size / 2),
    ),
    "copies of 1 / {:.3g} values": (0.002, lambda x, size, rng: rng.choice(x[: int(1 / size)], VALUES)),
}
"""By its name, a near miss of any distribution on the line, with its size for a reference of tolerance 1.

Other references have the size times their tolerance.
"""

CURVE: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "noise of 0.27": lambda x, rng: np.sin(x) + rng.normal(0, 0.27, x.shape),
    "noise of 0.1": lambda x, rng: np.sin(x) + rng.normal(0, 0.1, x.shape),
    "an amplitude of 0.7": lambda x, rng: 0.7 * np.sin(x),
    "an amplitude of 0.9": lambda x, rng: 0.9 * np.sin(x),
    "shifted by 0.22": lambda x, rng: np.sin(x) + 0.22,
    "shifted by 0.06": lambda x, rng: np.sin(x) + 0.06,
    "a phase of 0.3": lambda x, rng: np.sin(x + 0.3),
    "a phase of 0.1": lambda x, rng: np.sin(x + 0.1),
    "a polyline of five points": lambda x, rng: np.interp(x, np.pi / 2 * np.arange(5), (0, 1, 0, -1, 0)),
    "outliers: 0.1 of y uniform on [-2, 2]": lambda x, rng: np.where(
        rng.random(x.shape) < 0.1, rng.uniform(-2, 2, x.shape), np.sin(x)
    ),
}
"""Near misses of `sine`: y, given x."""

VECTORS: dict[str, tuple[float, float, float]] = {
    "as the reference": (4, 1.7, 0.12),
    "of the right marginals": (4, 0.0, 1.25),
    "shifted by 4": (8, 1.7, 0.12),
    "half as wide": (4, 0.85, 0.12),
    "samples twice as different": (4, 1.7, 0.24),
}
"""Near misses of `notebook`: the mean and the standard deviation of a vector's dimensions, and that across z."""


class Reference:
    """A reference of a distribution, by its name."""

    def __init__(self, name: str) -> None:
        self.recording = run.read_recording(REFERENCES / f"{name}.npz")
        self.edges = dict(self.recording.edges)
        self.views = views_of(self.recording, REFERENCES / f"{name}.npz")
        self.mean, self.std = (self.recording.moments[moment][0] for moment in ("mean", "std"))
        main, self.cdf = self.recording.main, np.cumsum(self.recording.histogram().masses)[:-1]
        self.edges[main] = np.linspace(self.edges[main][0], self.edges[main][-1], 65)

    def true(self, rng: np.random.Generator, values: int = VALUES) -> Floats:
        """Draw from the reference, (values,), evenly within each of its bins."""
        return np.interp(rng.uniform(size=values), self.cdf, self.recording.edges[self.recording.main])

    def accepts(self, samples: Floats) -> bool:
        """Whether it accepts samples (N, n)."""
        made = Recording(self.edges, self.views)
        made.record(0, samples)
        return all(row.holds for row in with_distribution(made, self.recording))

    def accepted(self, miss: Miss, size: float) -> int:
        """How many of the samples of a near miss it accepts."""
        count = 0
        for seed in range(SAMPLES):
            rng = np.random.default_rng(seed)
            x = miss((self.true(rng) - self.mean) / self.std, size, rng) * self.std + self.mean
            count += self.accepts(np.stack([x, np.sin(x)], axis=1) if self.views else x[:, None])
        return count

    def refused_half(self, miss: Miss) -> float:
        """The size of which it refuses half of the samples."""
        low, high = 0.0, 1.0
        for _ in range(9):
            size = (low + high) / 2
            low, high = (size, high) if self.accepted(miss, size) > SAMPLES / 2 else (low, size)
        return high


def on_the_line(names: list[str], halves: bool = True) -> str:
    """A row for each near miss, and last the shift and the scale of which half are refused; a column a reference."""
    references = [Reference(name) for name in names]
    rows = [
        (words.format(size), *(f"{r.accepted(miss, size * r.recording.tolerance)}" for r in references))
        for words, (size, miss) in LINE.items()
    ]
    if halves:
        for words, name in (
            ("the shift", "shifted by {:.3g} standard deviations"),
            ("the excess width", "{:.3g} wider"),
        ):
            found = [f"{r.refused_half(LINE[name][1]):.3f}" for r in references]
            rows.append((f"{words} at which half are refused", *found))
    return markdown(("of 8 accepted", *(f"`{name}`" for name in names)), rows)


def on_the_curve() -> str:
    """The near misses of `sine`."""
    reference, rows = Reference("sine"), []
    for words, miss in CURVE.items():
        count = 0
        for seed in range(SAMPLES):
            rng = np.random.default_rng(seed)
            x = reference.true(rng)
            count += reference.accepts(np.stack([x, miss(x, rng)], axis=1))
        rows.append((words, str(count)))
    return markdown(("y of `sine`", "of 8 accepted"), rows)


def of_vectors() -> str:
    """The near misses of `notebook`."""
    reference, rows = run.read_recording(REFERENCES / "notebook.npz"), []
    for words, (mean, std, across) in VECTORS.items():
        count = 0
        for seed in range(SAMPLES):
            rng, made = np.random.default_rng(seed), Recording(reference.edges)
            made.record(0, rng.normal(mean, std, 1000) + rng.normal(0, across, (100, 1000)))
            count += all(row.holds for row in compare(made, reference))
        rows.append((words, str(count)))
    return markdown(("vectors of `notebook`", "of 8 accepted"), rows)


NAMES = sorted(path.stem for path in REFERENCES.glob("*.npz") if path.stem != "notebook")


def main(write: bool = False) -> None:
    """Print the tables.

    Args:
        write: Put them into the page of the references.
    """
    text = "\n\n".join((on_the_line(NAMES), on_the_curve(), of_vectors()))
    print(text)
    if write:
        page = files.read_text(PAGE)
        marked = r"(<!-- near misses -->\n).*?(<!-- end -->)"
        filled = re.sub(marked, lambda found: f"{found[1]}{text}\n{found[2]}", page, flags=re.DOTALL)
        files.write_text(PAGE, filled)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
