"""Writes the exact references: `python figures/reference/make.py`. See README.md beside this file."""

from pathlib import Path

from gan_paper.distributions import Distribution, Gaussian, GaussianMixture, Uniform
from gan_paper.metrics import Histogram, Recording
from gan_paper.run import files

import numpy as np

HERE = Path(__file__).parent
MIXTURE = GaussianMixture((0.5, 0.5), (2, 6), (0.8, 0.8))
EXACT: dict[str, tuple[Distribution, str, float, float, float]] = {
    "gaussian": (Gaussian(4, 1.25), "N(4, 1.25)", -6, 14, 1),
    "gaussian-standard": (Gaussian(0, 1), "N(0, 1)", -8, 8, 1),
    "gaussian-mixture": (MIXTURE, "N(2, 0.8) and N(6, 0.8), half each", -2, 10, 1.0),
    "numpy_gan": (Gaussian(0.5, 0.15), "N(0.5, 0.15)", -0.2, 1.2, 2.5),
    "numpy_gan-document": (Gaussian(0, 1), "N(0, 1)", -5, 5, 2.5),
    "uniform_to_gaussian": (Gaussian(0, 1), "N(0, 1)", -5, 5, 2.5),
}
"""By name: p_data, its description, the first and the last edge of 400 bins, and the tolerance."""


def sine() -> Recording:
    """The points (x, sin x): x uniform on [0, 2 pi], and y - sin x exactly 0."""
    x, edges = Uniform(0, 2 * np.pi), {"x": np.linspace(-1, 2 * np.pi + 1, 401), "residual": np.linspace(-2, 2, 402)}
    on_the_curve = np.zeros(401)
    on_the_curve[200] = 1  # the middle bin of an odd number holds 0
    residual = Histogram(edges["residual"], on_the_curve, np.zeros(2))
    limits = {"x": 0.08, "residual": 0.02}  # those of experiments/sine.py
    recording = Recording(edges, provenance="points (x, sin x), x uniform on [0, 2 pi]", tolerance=3, limits=limits)
    recording.add(0, (x.mean, x.std, x.std), {"x": Histogram.exact(x, edges["x"]), "residual": residual})
    return recording


def main() -> None:
    """Write the exact references."""
    recordings = {"sine": sine()}
    for name, (p_data, words, low, high, tolerance) in EXACT.items():
        recordings[name] = Recording.exact(p_data, np.linspace(low, high, 401), tolerance)
        recordings[name].provenance = f"exact bin masses of {words}"
    for name, recording in recordings.items():
        files.write_arrays(HERE / f"{name}.npz", recording.arrays(), compress=True)


if __name__ == "__main__":
    main()
