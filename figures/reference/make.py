"""Writes the exact references: `python figures/reference/make.py`. See README.md beside this file for each one."""

from pathlib import Path

import numpy as np

from gan_paper.distributions import Gaussian
from gan_paper.histograms import Histogram, Recording

HERE = Path(__file__).parent


def exact(distribution: Gaussian, edges: np.ndarray, provenance: str) -> Recording:
    """A reference of one histogram: the exact bin masses of a distribution."""
    recording = Recording({"entries": edges}, provenance)
    moments = (distribution.mean, distribution.std, distribution.std)
    recording.add(0, moments, {"entries": Histogram.exact(distribution, edges)})
    return recording


if __name__ == "__main__":
    gaussian = exact(Gaussian(4, 1.25), np.linspace(-6, 14, 401), "exact bin masses of N(4, 1.25)")
    gaussian.save(HERE / "gaussian.npz")
