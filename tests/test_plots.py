"""What the figures show. That they can be read is checked where experiments draw them."""

from gan_paper.distributions import Gaussian
from gan_paper.metrics import Recording
from gan_paper.plots import histograms

import numpy as np

EDGES = np.linspace(-6, 14, 65)


def test_histograms_show_the_recorded_and_the_exact():
    recording, p_data = Recording({"x": EDGES, "spread": EDGES - 4}), Gaussian(4, 1.25)
    for iteration in range(0, 110, 10):
        recording.record(iteration, np.random.default_rng(iteration).normal(iteration / 25, 1.25, (50, 20)))
    figure = histograms(recording, {"x": (p_data, "x"), "spread": (Gaussian(0, 1.25), "x minus its mean")})
    (binned, p_g), (_, of_spread) = figure.axes[4].patches, figure.axes[9].patches
    assert figure.axes[4].get_title() == "iteration 100"
    assert np.array_equal(p_g.get_data().values, recording.histogram(-1).density)
    assert np.allclose(binned.get_data().values, np.diff(p_data.cdf(EDGES)) / np.diff(EDGES))
    assert np.array_equal(of_spread.get_data().values, recording.histogram(-1, "spread").density)


def test_histograms_show_d_over_the_optimal_one():
    """p_g = N(3, 1) sampled, p_data = N(4, 1.25): D* by its formula, where bins hold enough samples."""
    recording, p_data, p_g = Recording({"x": EDGES}), Gaussian(4, 1.25), Gaussian(3, 1)
    for iteration in (0, 10):
        recording.record(iteration, p_g.sample((100_000, 1), iteration), {"x": EDGES, "d": EDGES / 20 + 0.3})
    d = histograms(recording, {"x": (p_data, "x")}).axes[3]
    (optimal,), (line,) = d.patches, d.lines
    of_data, of_g = (np.diff(p.cdf(EDGES)) for p in (p_data, p_g))
    values = optimal.get_data().values
    assert np.isnan(values[[0, -1]]).all() and (~np.isnan(values)).sum() > 20
    assert np.nanmax(np.abs(values - of_data / (of_data + of_g))) < 0.1
    assert np.array_equal(line.get_ydata(), EDGES / 20 + 0.3)
