"""Writes the exact references: `python figures/reference/make.py`. See README.md beside this file for each one."""

from pathlib import Path

import numpy as np

from gan_paper.distributions import Gaussian
from gan_paper.histograms import Histogram, Recording

HERE = Path(__file__).parent


def exact(name: str, p: Gaussian, low: float, high: float, tolerance: float) -> None:
    """Write a reference of one histogram: the exact masses that a Gaussian gives to 400 bins from low to high."""
    edges = np.linspace(low, high, 401)
    provenance = f"exact bin masses of N({p.mean:g}, {p.std:g})"
    recording = Recording({"entries": edges}, provenance, tolerance)
    recording.add(0, (p.mean, p.std, p.std), {"entries": Histogram.exact(p, edges)})
    recording.save(HERE / f"{name}.npz")


if __name__ == "__main__":
    exact("gaussian", Gaussian(4, 1.25), -6, 14, tolerance=1)
    exact("numpy_gan", Gaussian(0, 1), -5, 5, tolerance=3)
    exact("numpy_gan-inside", Gaussian(0.5, 0.15), -0.2, 1.2, tolerance=3)
    exact("uniform_to_gaussian", Gaussian(0, 1), -5, 5, tolerance=3)
