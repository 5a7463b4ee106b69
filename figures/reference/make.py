"""Writes the exact references: `python figures/reference/make.py`. See README.md beside this file for each one."""

from pathlib import Path

from gan_paper.distributions import Gaussian, GaussianMixture, Uniform
from gan_paper.measure.histogram import Histogram
from gan_paper.measure.recording import Recording
from gan_paper.runs import recordings

import numpy as np

HERE = Path(__file__).parent


def exact(name: str, p: Gaussian, low: float, high: float, tolerance: float) -> None:
    """Write a reference of one histogram: the exact masses that a Gaussian gives to 400 bins from low to high."""
    edges = np.linspace(low, high, 401)
    provenance = f"exact bin masses of N({p.mean:g}, {p.std:g})"
    recording = Recording({"entries": edges}, provenance=provenance, tolerance=tolerance)
    recording.add(0, (p.mean, p.std, p.std), {"entries": Histogram.exact(p, edges)})
    recordings.save(recording, HERE / f"{name}.npz")


def mixture() -> None:
    """Write the reference of the two-mode mixture of preset `mixture`."""
    p, edges = GaussianMixture((0.5, 0.5), (2, 6), (0.8, 0.8)), np.linspace(-2, 10, 401)
    std = (0.8**2 + 2**2) ** 0.5  # within a mode, and between the modes
    recording = Recording({"entries": edges}, provenance="exact bin masses of N(2, 0.8) and N(6, 0.8), half each")
    recording.add(0, (4, std, std), {"entries": Histogram.exact(p, edges)})
    recordings.save(recording, HERE / "gaussian-mixture.npz")


def sine() -> None:
    """Write the reference of the points (x, sin x): x uniform on [0, 2 pi], and y - sin x exactly 0."""
    edges = {"x": np.linspace(-1, 2 * np.pi + 1, 401), "residual": np.linspace(-2, 2, 402)}
    recording = Recording(edges, provenance="points (x, sin x), x uniform on [0, 2 pi]", tolerance=3)
    x, on_the_curve = Uniform(0, 2 * np.pi), np.zeros(401)
    on_the_curve[200] = 1  # the middle bin of an odd number holds 0
    histograms = {
        "x": Histogram.exact(x, edges["x"]),
        "residual": Histogram(edges["residual"], on_the_curve, np.zeros(2)),
    }
    std = 2 * np.pi / 12**0.5
    recording.add(0, (np.pi, std, std), histograms)
    recordings.save(recording, HERE / "sine.npz")


if __name__ == "__main__":
    exact("gaussian", Gaussian(4, 1.25), -6, 14, tolerance=1)
    exact("gaussian-standard", Gaussian(0, 1), -8, 8, tolerance=1)
    exact("numpy_gan", Gaussian(0, 1), -5, 5, tolerance=3)
    exact("numpy_gan-inside", Gaussian(0.5, 0.15), -0.2, 1.2, tolerance=3)
    exact("uniform_to_gaussian", Gaussian(0, 1), -5, 5, tolerance=3)
    mixture()
    sine()
