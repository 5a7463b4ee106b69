"""Histograms of samples over training."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_paper.distributions import Distribution
from gan_paper.measure.histogram import Floats, Histogram
from gan_paper.measure.samples import std_across_noise

Network = Callable[[NDArray], ArrayLike]
"""Of inputs (N, n), outputs (N, m)."""

View = Callable[[Floats], Floats]
"""What to count of samples (N, n)."""

VIEWS: Mapping[str, View] = {
    "entries": lambda samples: samples,
    "spread": lambda samples: samples - samples.mean(axis=0),
}
"""What any recording can count of samples (N, n): all entries, pooled; how each entry differs from its mean over z."""

MOMENTS = ("mean", "std", "std_across_noise")
"""What a recording computes of its first view."""

LINE = 200
"""Points that `on_the_line` keeps of each network."""

_CURVE = "curve_"


class Recording:
    """Histograms of samples at chosen iterations, with their moments; a run's `histograms.npz` or a reference.

    Args:
        edges: Edges of the bins, by the name of the view that is counted over them; the moments are the first view's.
        views: What to count of samples (N, n), by name, beside `VIEWS`.
        provenance: Where it comes from, in a sentence.
        tolerance: For a reference, how many times the tolerances of `STATISTICS` a matching run may be off.
        keep: How many samples of each record are kept as they are.
    """

    def __init__(
        self,
        edges: Mapping[str, ArrayLike],
        views: Mapping[str, View] | None = None,
        provenance: str = "",
        tolerance: float = 1.0,
        keep: int = 0,
    ) -> None:
        self.edges = {name: np.asarray(e, float) for name, e in edges.items()}
        self.views = {**VIEWS, **(views or {})}
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
        """Count samples (N, n) of G at an iteration, and keep curves as they are: G and D on a grid, say.

        Curves are arrays by name, the same names and shapes at every iteration.
        """
        samples = np.asarray(samples)
        values = {name: self.views[name](samples) for name in self.edges}
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

    def take_up(self, other: "Recording") -> None:
        """Go on from the records of another recording over the same bins, in place of those made here."""
        self.iterations, self.moments, self.samples = other.iterations, other.moments, other.samples
        self.curves, self._histograms = other.curves, other._histograms

    def arrays(self) -> dict[str, NDArray]:
        """All of it as plain arrays, as `histograms.npz` holds it.

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
        for name, prefix in _prefixes(list(self.edges)).items():
            histograms = self._histograms[name]
            arrays[prefix + "edges"] = self.edges[name]
            arrays[prefix + "counts"] = np.stack([h.counts for h in histograms])
            arrays[prefix + "outside"] = np.stack([h.outside for h in histograms])
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray]) -> "Recording":
        """The inverse of `arrays`, for what may come from anybody.

        Raises:
            KeyError, IndexError, ValueError, TypeError, OverflowError: if they are no recording.
        """
        prefixes = _prefixes([str(name) for name in arrays["views"]])
        edges = {name: arrays[prefix + "edges"] for name, prefix in prefixes.items()}
        provenance, tolerance = str(arrays["provenance"]), float(arrays["tolerance"])
        recording = cls(edges, None, provenance, tolerance, arrays["samples"].shape[1])
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
        if not recording.edges or not recording.iterations:
            raise ValueError("it holds no histogram")
        if not 0.01 <= recording.tolerance <= 100:
            raise ValueError(f"its tolerance is {recording.tolerance}, not from 0.01 to 100")
        return recording


def on_the_line(
    edges: Floats, p_z: Distribution, generator: Network | None, discriminator: Network
) -> dict[str, NDArray[np.float32]]:
    """The curves that a recording keeps of a game on the real line, in float32.

    Args:
        edges: Of the bins; D is followed from the first to the last.
        p_z: The prior of one number.
        generator: G of one number, (N, 1) -> (N, 1); None if z is more than one.
        discriminator: D, (N, 1) -> (N, 1), probabilities.

    Returns:
        `x` and `d`, D(x); `z`, at even steps of probability, and `g`, G(z); each (`LINE`,).
    """
    inputs = {"x": np.linspace(edges[0], edges[-1], LINE), "z": p_z.quantile((np.arange(LINE) + 0.5) / LINE)}
    curves: dict[str, NDArray[np.float32]] = {}
    for name, network, output in (("x", discriminator, "d"), ("z", generator, "g")):
        if network is not None:
            points = inputs[name].astype(np.float32)
            curves |= {name: points, output: np.asarray(network(points[:, None]), np.float32)[:, 0]}
    return curves


def _prefixes(views: list[str]) -> dict[str, str]:
    return {name: "" if name == views[0] else f"{name}_" for name in views}
