"""The comparison of a run with a reference, statistic by statistic."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gan_paper.distributions import Distribution
from gan_paper.metrics import MOMENTS, Histogram, Recording, histogram_distances, std_across_noise

import numpy as np
from numpy.typing import ArrayLike


class Statistic(NamedTuple):
    """A statistic of a comparison.

    Attributes:
        name: Its name in tables.
        unit: Its unit; empty for a probability, and for values in the units of the samples.
        tolerance: The largest accepted distance; of a moment, the largest accepted error, in standard deviations of
            the reference.
        below: The fault of a generator whose value is too small; empty for a distance.
        above: The fault of a generator whose value is too large.
    """

    name: str
    unit: str
    tolerance: float
    below: str
    above: str


STATISTICS = {
    "wasserstein": Statistic("Wasserstein-1", "standard deviations", 0.02, "", "too far"),
    "ks": Statistic("Kolmogorov-Smirnov", "", 0.02, "", "another distribution"),
    "jsd": Statistic("Jensen-Shannon", "nats", 0.0015, "", "another distribution"),
    "mean": Statistic("mean", "", 0.03, "shifted", "shifted"),
    "std": Statistic("std", "", 0.03, "too narrow", "too wide"),
    "std_across_noise": Statistic("std across z", "", 0.03, "too alike", "too wide"),
}
"""The statistics of a comparison: those of `histogram_distances`, and the `MOMENTS`.

The tolerance of the Wasserstein-1 distance is three times the median of ten runs of `gaussian.py`.
"""


def limit(name: str, tolerance: float) -> float:
    """The limit of a statistic: its tolerance in `STATISTICS` times the tolerance of a reference.

    The divergence grows with the square of a small error, so its tolerance is multiplied by the square.
    """
    return STATISTICS[name].tolerance * tolerance ** (2 if name == "jsd" else 1)


class Row(NamedTuple):
    """One line of a comparison.

    Attributes:
        statistic: The statistic compared.
        view: Name of its view; empty for the first view.
        run: Value of the run.
        reference: Value of the reference.
        low: Least accepted value.
        high: Largest accepted value.
    """

    statistic: Statistic
    view: str
    run: float
    reference: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """The view and the statistic, in words."""
        return f"{self.view} {self.statistic.name}".strip()

    @property
    def holds(self) -> bool:
        """Whether the value is accepted."""
        return self.low <= self.run <= self.high

    @property
    def limit(self) -> str:
        """The accepted values, in words."""
        return f"{self.low:.4g} to {self.high:.4g}" if self.statistic.below else f"at most {self.high:.4g}"

    @property
    def fault(self) -> str:
        """The fault of a run whose value is not accepted, in words."""
        word = self.statistic.below if self.run < self.low else self.statistic.above
        value = f"{self.run:.4g} {self.statistic.unit}".strip()
        return f"{word}: {self.name} {value}, {self.limit} accepted"


LEAST_VALUES = 30_000
"""Least number of values, over 64 bins, for a tolerance of 1: 99.9 % of true samples are then within each limit.

For N true samples, the divergence is proportional to 1 / N, the other statistics to 1 / sqrt(N).
"""


def compare(run: Recording, reference: Recording, measured: Mapping[str, Any] | None = None) -> list[Row]:
    """Compare a run with a reference, statistic by statistic.

    A reference of one histogram is a distribution: the run's last histogram and moments may differ from it by `limit`.
    A reference of several histograms is a training run that need not converge: after the first tenth of its iterations,
    the medians of the run's moments must lie within the range of the reference's moments. Values are pooled over
    dimensions: the dependence between dimensions is not compared.

    Args:
        run: Recording of the run.
        reference: Recording of the reference.
        measured: Metrics of the finished run against the same distribution, as `distribution_distances` returns them.
            They are of more samples, so they replace the `STATISTICS` of the recording.

    Raises:
        ValueError: if the run lacks a view of the reference, the reference has no positive standard deviation, or
            either has counted too few samples.
    """
    if missing := [view for view in reference.edges if view not in run.edges]:
        raise ValueError(f"the run has no histogram of its {' and '.join(missing)}, which the reference needs")
    if len(reference.iterations) == 1 and not reference.moments["std"][0] > 0:
        raise ValueError("the reference has no positive standard deviation")
    least = LEAST_VALUES / reference.tolerance**2
    for values in (run.histogram().total, reference.histogram().total):
        if 1.5 < values < least:  # the masses of an exact reference sum to 1
            raise ValueError(f"samples must hold at least {least:,.0f} values for this comparison, not {values:,.0f}")
    if len(reference.iterations) > 1:
        return _compare_training(run, reference)
    measured, std, rows = measured or {}, reference.moments["std"][0], []
    limits = {name: limit(name, reference.tolerance) for name in STATISTICS}
    for view in reference.edges:
        histogram, first = run.histogram(view=view), view == reference.main
        in_units = not first and view in reference.limits
        target = reference.histogram(view=view).rebin(histogram.edges).masses
        found = histogram_distances(histogram.masses, target, histogram.edges / (1 if in_units else std))
        for name in found if first else ["wasserstein"]:
            statistic = STATISTICS[name]._replace(unit="") if in_units else STATISTICS[name]
            value = float(measured.get(name, found[name]) if first else found[name])
            most = reference.limits.get(view, limits[name]) if name == "wasserstein" else limits[name]
            rows.append(Row(statistic, "" if first else view, value, 0.0, 0.0, most))
    for name in MOMENTS:
        expected, margin = reference.moments[name][0], limits[name] * std
        value = float(measured.get(name, run.moments[name][-1]))
        rows.append(Row(STATISTICS[name], "", value, expected, expected - margin, expected + margin))
    return rows


def _compare_training(run: Recording, reference: Recording) -> list[Row]:
    begin = 0.1 * reference.iterations[-1]  # the first tenth approaches the data
    rows = []
    for name in MOMENTS:
        expected, values = (
            [value for i, value in zip(r.iterations, r.moments[name], strict=True) if i >= begin]
            for r in (reference, run)
        )
        value = float(np.median(values or run.moments[name][-1:]))
        rows.append(Row(STATISTICS[name], "", value, float(np.median(expected)), min(expected), max(expected)))
    return rows


def distribution_distances(samples: ArrayLike, p_data: Distribution, edges: ArrayLike) -> dict[str, float]:
    """Compute the distances of samples (N, n), all dimensions pooled, to `p_data`.

    Returns:
        `wasserstein` (in standard deviations of p_data) and `ks`, between the pooled dimensions and p_data itself, not
        draws from it; `jsd` in nats, over the bins of `edges`; `mean` and `std` of the pooled dimensions;
        `std_across_noise`.
    """
    samples = np.asarray(samples, float)
    pooled = np.sort(samples, axis=None)
    levels = (np.arange(pooled.size) + 0.5) / pooled.size
    exact = Histogram.exact(p_data, edges)
    return {
        "wasserstein": float(np.abs(pooled - p_data.quantile(levels)).mean()) / p_data.std,
        # The empirical distribution function steps from half a sample below a level to half a sample above it. (SciPy's
        # statistics give the same, but to import them takes half a second and 0.1 GB.)
        "ks": float(np.abs(p_data.cdf(pooled) - levels).max() + 0.5 / pooled.size),
        "jsd": float(histogram_distances(Histogram.of(pooled, edges).masses, exact.masses, exact.edges)["jsd"]),
        "mean": float(pooled.mean()),
        "std": float(pooled.std()),
        "std_across_noise": std_across_noise(samples),
    }
