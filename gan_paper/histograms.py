"""Recorded histograms of samples, the distances between them, and the comparison of a run with a reference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtri

from gan_paper import files

Floats = NDArray[np.float64]


class Exact(Protocol):
    """A distribution whose probabilities are known: those of `distributions`, or one frozen of SciPy's."""

    def cdf(self, x: ArrayLike, /) -> Floats:
        """The probability of a value of at most x."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values over bins.

    Attributes:
        edges: The bins' edges, (bins + 1,), increasing.
        counts: How many values each bin holds, (bins,); masses will do as well.
        outside: How many lie below the first edge and above the last, (2,).
    """

    edges: Floats
    counts: Floats
    outside: Floats

    @classmethod
    def of(cls, values: ArrayLike, edges: ArrayLike) -> "Histogram":
        """Count `values` (any shape) over rising `edges`. A value on an edge belongs to the bin above."""
        values, edges = np.ravel(values), np.asarray(edges, float)
        bins = len(edges) - 1
        width = (edges[-1] - edges[0]) / bins
        # One bin more at each end takes what lies outside.
        if np.allclose(edges, np.linspace(edges[0], edges[-1], bins + 1), rtol=0, atol=1e-6 * width):
            # Even bins need no search, and a run records thousands of histograms.
            index = (values - float(edges[0])) * float(1 / width) + 1
            np.clip(index, 0, bins + 1, out=index)
        else:
            index = np.digitize(values, edges)
        counts = np.bincount(index.astype(np.int64), minlength=bins + 2)
        return cls(edges, counts[1:-1].astype(float), counts[[0, -1]].astype(float))

    @classmethod
    def exact(cls, distribution: Exact, edges: ArrayLike) -> "Histogram":
        """The masses that a distribution gives to each bin."""
        edges = np.asarray(edges, float)
        cdf = distribution.cdf(edges)
        return cls(edges, np.diff(cdf), np.array([cdf[0], 1 - cdf[-1]]))

    def check(self) -> None:
        """Check what came from a file.

        Raises:
            ValueError: if these are no counts over rising edges.
        """
        if self.edges.ndim != 1 or not 2 <= self.edges.size <= 10_001:
            raise ValueError(f"its edges are of shape {self.edges.shape}, not those of 1 to 10000 bins")
        if not (np.isfinite(self.edges).all() and (np.diff(self.edges) > 0).all()):
            raise ValueError("its edges do not rise")
        if self.counts.shape != (self.edges.size - 1,) or self.outside.shape != (2,):
            raise ValueError("its counts do not fit its edges")
        if not (np.isfinite(self.total) and self.total > 0 and min(self.counts.min(), self.outside.min()) >= 0):
            raise ValueError("its counts are no counts")

    @property
    def total(self) -> float:
        """All values, those outside the edges too."""
        return float(self.counts.sum() + self.outside.sum())

    @property
    def masses(self) -> Floats:
        """The share of the values below the edges, in each bin, and above: (bins + 2,), summing to 1."""
        return np.concatenate([self.outside[:1], self.counts, self.outside[1:]]) / self.total

    @property
    def density(self) -> Floats:
        """The density in each bin, (bins,)."""
        return self.masses[1:-1] / np.diff(self.edges)

    def rebin(self, edges: ArrayLike) -> "Histogram":
        """The same values over other edges, as if they lay evenly in each bin."""
        edges = np.asarray(edges, float)
        if np.array_equal(edges, self.edges):
            return self
        cdf = self.total * np.interp(edges, self.edges, np.cumsum(self.masses)[:-1])
        return Histogram(edges, np.diff(cdf), np.array([cdf[0], self.total - cdf[-1]]))


def distances(masses: Floats, reference: Floats, edges: Floats) -> dict[str, Floats]:
    """How far histograms lie from a reference over the same bins.

    Args:
        masses: (..., bins + 2), as `Histogram.masses` gives them.
        reference: (bins + 2,).
        edges: (bins + 1,).

    Returns:
        `wasserstein` (Wasserstein-1, in the units of the edges; a value outside counts as lying on the edge), `ks`
        (Kolmogorov-Smirnov, the largest gap between the distribution functions at an edge) and `jsd`
        (Jensen-Shannon divergence in nats), each of shape (...).
    """
    from scipy.spatial.distance import jensenshannon  # with half of SciPy in its train, which --help need not wait for

    gap = np.abs(np.cumsum(masses - reference, axis=-1)[..., :-1])
    return {
        "wasserstein": np.trapezoid(gap, edges, axis=-1),
        "ks": gap.max(axis=-1),
        "jsd": jensenshannon(masses, np.broadcast_to(reference, masses.shape), axis=-1) ** 2,
    }


def std_across_noise(samples: Floats) -> float:
    """How much samples (N, n) differ from one another: the standard deviation across them, averaged over entries.

    It shows the collapse that a pooled histogram hides: G(z) hardly changes with z, while the entries of that one
    vector happen to be spread like the data. Unbiased for Gaussian entries, however few the samples (N at least 2).
    """
    n = len(samples)
    c4 = np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    return float(np.std(samples, axis=0, ddof=1).mean() / c4)


def energy_distance(a: Floats, b: Floats) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| for points (N, n) and (M, n): 0 only between equal distributions.

    The squared distance of Szekely and Rizzo, in the units of the points; memory grows with N M.
    """
    from scipy.spatial.distance import cdist

    return float(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean())


POINTS = 1000
"""Of so many samples at most does `permutation_test` take the distances."""

_LEAST_POINTS = 100


def permutation_test(a: Floats, b: Floats) -> tuple[float, float]:
    """Test whether samples (N, n) and (M, n) come from one distribution, by their energy distance.

    Each coordinate is divided by its standard deviation over both. Of more than `POINTS` samples, so many are drawn.

    Returns:
        The energy distance; and its p-value, the share of 1,000 ways to split the samples, the given one among them,
        that put the parts at least as far apart.

    Raises:
        ValueError: if samples have different numbers of coordinates, or there are fewer than 100 of either.
    """
    from scipy.spatial.distance import cdist

    if a.shape[1] != b.shape[1]:
        raise ValueError(f"samples must have the same number of coordinates, not the shapes {a.shape} and {b.shape}")
    if min(len(a), len(b)) < _LEAST_POINTS:
        raise ValueError(f"samples must be at least {_LEAST_POINTS} of each to be judged, not {len(a)} and {len(b)}")
    rng = np.random.default_rng(0)
    a, b = (rng.choice(s, min(len(s), POINTS), replace=False) for s in (a, b))
    points = np.concatenate([a, b])
    deviations = points.std(axis=0)
    points = points / np.where(deviations > 0, deviations, 1)
    # With weights of 1 / N on the one part and -1 / M on the other, the energy distance is a quadratic form.
    weights = np.repeat([1 / len(a), -1 / len(b)], [len(a), len(b)])
    splits = rng.permuted(np.tile(weights, (1000, 1)), axis=1)
    splits[0] = weights
    energies = -((splits @ cdist(points, points)) * splits).sum(axis=1)
    return float(energies[0]), float(np.mean(energies >= energies[0] * (1 - 1e-9)))  # equal ones may be rounded apart


class KnownDistribution(Exact, Protocol):
    """A distribution with a distribution function, its inverse, and a standard deviation."""

    @property
    def std(self) -> float:
        """The standard deviation."""

    def quantile(self, q: ArrayLike, /) -> Floats:
        """The inverse of `cdf`."""


def match(samples: ArrayLike, p_data: KnownDistribution, edges: ArrayLike) -> dict[str, float]:
    """How well samples (N, n) match entries that are independent draws from `p_data`.

    Returns:
        `wasserstein` (in standard deviations of p_data) and `ks`, between the pooled entries and p_data itself (not
        draws from it); `jsd` in nats, over the bins of `edges`; `mean` and `std` of the pooled entries;
        `std_across_noise`.
    """
    from scipy.stats import ks_1samp, wasserstein_distance

    samples = np.asarray(samples, float)
    pooled = samples.ravel()
    levels = (np.arange(pooled.size) + 0.5) / pooled.size
    exact = Histogram.exact(p_data, edges)
    return {
        "wasserstein": float(wasserstein_distance(pooled, p_data.quantile(levels))) / p_data.std,
        "ks": float(ks_1samp(pooled, p_data.cdf, method="asymp").statistic),
        "jsd": float(distances(Histogram.of(pooled, edges).masses, exact.masses, exact.edges)["jsd"]),
        "mean": float(pooled.mean()),
        "std": float(pooled.std()),
        "std_across_noise": std_across_noise(samples),
    }


VIEWS: dict[str, Callable[[Floats], Floats]] = {
    "entries": lambda samples: samples,
    "spread": lambda samples: samples - samples.mean(axis=0),
    "x": lambda samples: samples[:, :1],
    "residual": lambda samples: samples[:, 1:2] - np.sin(samples[:, :1]),
}
"""What a recording can count of samples (N, n): all entries, pooled; how each entry differs from its mean over z; and,
for points (x, y), x and y - sin x."""

MOMENTS = ("mean", "std", "std_across_noise")
"""What a recording computes of its first view."""

_CURVE = "curve_"


class Recording:
    """Histograms of samples at chosen iterations, with their moments; a run's `histograms.npz` or a reference.

    Args:
        edges: Edges of the bins, by the name of the view that is counted over them; the moments are the first view's.
        provenance: Where it comes from, in a sentence.
        tolerance: For a reference, how many times the tolerances of `STATISTICS` a matching run may be off.
        keep: How many samples of each record are kept as they are.
    """

    def __init__(
        self, edges: Mapping[str, ArrayLike], provenance: str = "", tolerance: float = 1.0, keep: int = 0
    ) -> None:
        self.edges = {name: np.asarray(e, float) for name, e in edges.items()}
        self.provenance, self.tolerance, self.keep = provenance, tolerance, keep
        self.iterations: list[int] = []
        self.moments: dict[str, list[float]] = {name: [] for name in MOMENTS}
        self.samples: list[Floats] = []
        self.curves: dict[str, list[Floats]] = {}
        self._histograms: dict[str, list[Histogram]] = {name: [] for name in self.edges}

    @property
    def nbytes(self) -> int:
        """The bytes that its arrays take, all records being alike."""
        record = [*(values[0] for values in self.curves.values()), *self.samples[:1]]
        record += [h.counts for histograms in self._histograms.values() for h in histograms[:1]]
        return len(self.iterations) * sum(array.nbytes for array in record)

    @property
    def main(self) -> str:
        """The name of the first view."""
        return next(iter(self.edges))

    def record(self, iteration: int, samples: ArrayLike, curves: Mapping[str, ArrayLike] | None = None) -> None:
        """Count samples (N, n), and keep curves as they are.

        Args:
            iteration: That G is at.
            samples: Of G, (N, n).
            curves: Arrays by name, the same names and shapes at every iteration: G and D on a grid, say.

        Raises:
            ValueError: if a view is of points (x, y), and the samples are not.
        """
        samples = np.asarray(samples)
        if samples.shape[1] != 2 and not {"entries", "spread"}.issuperset(self.edges):
            raise ValueError(f"samples of {samples.shape[1]} number(s) have no {' and '.join(self.edges)}")
        values = {name: VIEWS[name](samples) for name in self.edges}
        first = values[self.main]
        histograms = {name: Histogram.of(v, self.edges[name]) for name, v in values.items()}
        moments = (first.mean(), first.std(), std_across_noise(first))
        self.add(iteration, moments, histograms, samples[: self.keep], curves)

    def add(
        self,
        iteration: int,
        moments: tuple[float, float, float],
        histograms: Mapping[str, Histogram],
        samples: ArrayLike = (),
        curves: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """Add histograms made elsewhere, with the moments that `MOMENTS` names, the samples and the curves to keep."""
        self.iterations.append(int(iteration))
        # Copies: a view of a few samples, or of none, would keep all of them in memory.
        self.samples.append(np.array(samples))
        for name, curve in (curves or {}).items():
            self.curves.setdefault(name, []).append(np.array(curve))
        for name, moment in zip(MOMENTS, moments, strict=True):
            self.moments[name].append(float(moment))
        for name in self.edges:
            self._histograms[name].append(histograms[name])

    def histogram(self, index: int = -1, view: str | None = None) -> Histogram:
        """The recorded histogram at an index, the last by default, of a view, the first by default."""
        return self._histograms[view or self.main][index]

    def nearest(self, iteration: int) -> int:
        """The index of the recorded iteration nearest to this one."""
        return int(np.argmin(np.abs(np.asarray(self.iterations) - iteration)))

    def restore(self, path: Path) -> None:
        """Take up an earlier recording, in place of what is recorded here.

        Raises:
            ValueError: if the file is no recording.
        """
        self.__dict__.update(Recording.load(path).__dict__)

    def save(self, path: Path) -> None:
        """Write an `.npz` of plain arrays.

        They are `views` (names), `iterations` (R,), the moments (R,), and for the first view `edges` (B + 1,), `counts`
        (R, B) and `outside` (R, 2), for each other the same with its name and _ before it; `samples` (R, keep, n),
        the curves (R, ...) with curve_ before their names, `provenance` and `tolerance`.
        """
        arrays: dict[str, NDArray] = {
            "views": np.asarray(list(self.edges)),
            "iterations": np.asarray(self.iterations),
            "samples": np.stack(self.samples),
            "provenance": np.asarray(self.provenance),
            "tolerance": np.asarray(self.tolerance),
        }
        arrays |= {name: np.asarray(values) for name, values in self.moments.items()}
        arrays |= {_CURVE + name: np.stack(values) for name, values in self.curves.items()}
        for name, edges in self.edges.items():
            histograms, prefix = self._histograms[name], self._prefix(name)
            arrays[prefix + "edges"] = edges
            arrays[prefix + "counts"] = np.stack([h.counts for h in histograms])
            arrays[prefix + "outside"] = np.stack([h.outside for h in histograms])
        with files.replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read what `save` wrote; nothing in the file is executed.

        Raises:
            ValueError: if there is no such file or it is no recording, in one line that names it.
        """
        arrays = files.read_arrays(path)
        try:
            return cls._from_arrays(arrays)
        except (KeyError, IndexError, ValueError, TypeError, OverflowError) as error:
            detail = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{path} holds no recorded histograms: {detail}") from None

    @classmethod
    def of_run(cls, folder: Path) -> "Recording":
        """The recording in a run's folder; if the run is finished, the one that it finished with.

        Raises:
            ValueError: if there is none or it is damaged, in one line that names it.
        """
        path = folder / "histograms.npz"
        if (folder / files.SEAL).exists():
            files.check_seal(folder, [path.name])
        return cls.load(path)

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, NDArray]) -> "Recording":
        names = [str(name) for name in arrays["views"]]
        if not names or not set(names) <= set(VIEWS):
            raise ValueError(f"its views are {', '.join(names)}, not some of {', '.join(VIEWS)}")
        prefixes = {name: "" if name == names[0] else f"{name}_" for name in names}
        edges = {name: arrays[prefix + "edges"] for name, prefix in prefixes.items()}
        recording = cls(edges, str(arrays["provenance"]), float(arrays["tolerance"]), arrays["samples"].shape[1])
        curves = {key.removeprefix(_CURVE): values for key, values in arrays.items() if key.startswith(_CURVE)}
        for row, iteration in enumerate(arrays["iterations"]):
            histograms = {}
            for name, prefix in prefixes.items():
                counts, outside = (arrays[prefix + key][row].astype(float) for key in ("counts", "outside"))
                histograms[name] = Histogram(recording.edges[name], counts, outside)
                histograms[name].check()
            mean, std, across = (float(arrays[name][row]) for name in MOMENTS)
            kept = {name: values[row] for name, values in curves.items()}
            recording.add(iteration, (mean, std, across), histograms, arrays["samples"][row], kept)
        if not recording.iterations:
            raise ValueError("it holds no histogram")
        if not 0.01 <= recording.tolerance <= 100:
            raise ValueError(f"its tolerance is {recording.tolerance}, not from 0.01 to 100")
        return recording

    def _prefix(self, view: str) -> str:
        return "" if view == self.main else f"{view}_"


class Statistic(NamedTuple):
    """A statistic of a comparison.

    Attributes:
        name: What it is called.
        unit: Its unit; none where it is a probability or in the units of the samples.
        tolerance: How far a matching generator may be off; of a moment, in standard deviations of the reference.
        below: What is wrong with a generator for which it is too small; nothing if it is a distance.
        above: And for which it is too large.
    """

    name: str
    unit: str
    tolerance: float
    below: str
    above: str


STATISTICS = {
    "wasserstein": Statistic("Wasserstein-1", "standard deviations", 0.04, "", "too far"),
    "ks": Statistic("Kolmogorov-Smirnov", "", 0.03, "", "another distribution"),
    "jsd": Statistic("Jensen-Shannon", "nats", 0.003, "", "another distribution"),
    "mean": Statistic("mean", "", 0.05, "shifted", "shifted"),
    "std": Statistic("std", "", 0.05, "too narrow", "too wide"),
    "std_across_noise": Statistic("std across z", "", 0.05, "too alike", "too wide"),
}
"""What a comparison looks at: the `distances`, and the `MOMENTS`."""


class Row(NamedTuple):
    """One line of a comparison.

    Attributes:
        statistic: What is compared.
        view: Of which view, if that is not the first.
        run: Its value for the run.
        reference: And for the reference.
        low: The least value that is accepted.
        high: The greatest.
    """

    statistic: Statistic
    view: str
    run: float
    reference: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """What is compared, in words."""
        return f"{self.view} {self.statistic.name}".strip()

    @property
    def holds(self) -> bool:
        """Whether the value is accepted."""
        return self.low <= self.run <= self.high

    @property
    def limit(self) -> str:
        """What is accepted, in words."""
        return f"{self.low:.4g} to {self.high:.4g}" if self.statistic.below else f"at most {self.high:.4g}"

    @property
    def fault(self) -> str:
        """What is wrong with the run, in words, if the value is not accepted."""
        word = self.statistic.below if self.run < self.low else self.statistic.above
        value = f"{self.run:.4g} {self.statistic.unit}".strip()
        return f"{word}: {self.name} {value}, {self.limit} accepted"


_CONFIDENCE = 0.999  # a line: true samples fail one of the six at most 6 times in 1,000


def least_values(reference: Recording, edges: Floats) -> int:
    """How many values a comparison needs: so many that 99.9 % of true samples stay within each tolerance.

    Args:
        reference: The reference.
        edges: Of the bins over which the values are counted.

    Returns:
        The number, rounded up to two digits.
    """
    normal = float(ndtri((1 + _CONFIDENCE) / 2))
    needed = (normal / (STATISTICS["mean"].tolerance * reference.tolerance)) ** 2
    if len(reference.iterations) == 1:
        n, target, rng = 10_000, reference.histogram().rebin(edges).masses, np.random.default_rng(0)
        edges = edges / reference.moments["std"][0]
        draws = (rng.multinomial(n, target / target.sum(), size=1000) / n for _ in range(10))  # 10,000 in less memory
        chance = [distances(masses, target, edges) for masses in draws]
        for name in chance[0]:
            limit = np.quantile([found[name] for found in chance], _CONFIDENCE)
            excess = limit / (STATISTICS[name].tolerance * reference.tolerance)
            # By chance, the divergence is proportional to 1 / n, the other two to 1 / sqrt(n).
            needed = max(needed, n * float(excess) ** (1 if name == "jsd" else 2))
    unit = 10 ** (len(str(int(needed))) - 2)
    return int(np.ceil(needed / unit) * unit)


def compare(run: Recording, reference: Recording) -> list[Row]:
    """Compare a run with a reference, statistic by statistic.

    A reference of one histogram is a distribution to match: the run's last histogram and moments may differ from it by
    the tolerances of `STATISTICS`. A reference of several is the course of a training that need not settle: the run's
    moments, as medians over the same stretch of training, must lie within the reference's range over it. The
    Wasserstein-1 distance is in standard deviations of the reference's first view.

    Raises:
        ValueError: if the run has not counted what the reference needs, or its samples are too few to tell.
    """
    missing = [view for view in reference.edges if view not in run.edges]
    if missing:
        raise ValueError(f"the run has no histogram of its {' and '.join(missing)}, which the reference needs")
    if len(reference.iterations) == 1 and not reference.moments["std"][0] > 0:
        raise ValueError("the reference has no positive standard deviation")
    values, least = run.histogram().total, least_values(reference, run.edges[reference.main])
    if values < least:
        raise ValueError(f"samples must hold at least {least:,} values to be judged, not {values:,.0f}")
    return _compare_distribution(run, reference) if len(reference.iterations) == 1 else _compare_course(run, reference)


def _compare_distribution(run: Recording, reference: Recording) -> list[Row]:
    scale, rows = reference.moments["std"][0], []
    for view in reference.edges:
        histogram = run.histogram(view=view)
        target = reference.histogram(view=view).rebin(histogram.edges).masses
        found = distances(histogram.masses, target, histogram.edges / scale)
        first = view == reference.main
        for name in found if first else ["wasserstein"]:
            limit = STATISTICS[name].tolerance * reference.tolerance
            rows.append(Row(STATISTICS[name], "" if first else view, float(found[name]), 0.0, 0.0, limit))
    for name in MOMENTS:
        expected, margin = reference.moments[name][0], STATISTICS[name].tolerance * reference.tolerance * scale
        value = run.moments[name][-1]
        rows.append(Row(STATISTICS[name], "", value, expected, expected - margin, expected + margin))
    return rows


def _compare_course(run: Recording, reference: Recording) -> list[Row]:
    settled = 0.1 * reference.iterations[-1]  # past the first tenth, which is the approach
    rows = []
    for name in MOMENTS:
        course = [v for i, v in zip(reference.iterations, reference.moments[name], strict=True) if i >= settled]
        ours = [v for i, v in zip(run.iterations, run.moments[name], strict=True) if i >= settled]
        value = float(np.median(ours or run.moments[name][-1:]))
        rows.append(Row(STATISTICS[name], "", value, float(np.median(course)), min(course), max(course)))
    return rows
