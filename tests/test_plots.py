"""What the figures show. That they can be read is checked where experiments draw them."""

from gan_paper.distributions import Gaussian
from gan_paper.metrics import Recording
from gan_paper.plots import histograms, line

import image_pictures
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


def snapshot(shift):
    x, z = np.linspace(-1, 9, 201), np.linspace(-1, 1, 51)
    data, p_g = Gaussian(4, 1.25).pdf(x), Gaussian(4 + shift, 0.6).pdf(x)
    optimal = data / (data + p_g)
    return line.Snapshot(x, data, p_g, optimal**1.1, optimal, z, 4 + z, 0.123, -12.345)


def test_figure_1_draws_the_densities_and_the_map():
    figure = line.figure1({"a": snapshot(1), "b": snapshot(0)})
    for ax, answers, shown in zip(figure.axes[:2], figure.axes[2:], (snapshot(1), snapshot(0)), strict=True):
        drawn = {line.get_label(): line.get_ydata() for line in (*ax.lines, *answers.lines)}
        for name, expected in (("$p_g$", shown.p_g), ("D", shown.d), ("D*", shown.optimal)):
            assert np.array_equal(drawn[name], expected)
        (arrows,) = answers.collections
        z = (arrows.X - 4) / 5  # the z line is as wide as the x line, which is [-1, 9] here
        assert np.allclose(arrows.X + arrows.U, 4 + z) and np.allclose(arrows.Y + arrows.V, 0)


def test_images_are_drawn_pixel_by_pixel():
    images = np.random.default_rng(0).uniform(size=(4, 5, 28, 28, 3))
    left, right = image_pictures.samples_with_neighbours(images, images[:, 0]).axes[0].images
    (rows,) = image_pictures.interpolations(images).axes[0].images
    for picture, expected in ((left, images), (right, images[:, :1]), (rows, images)):
        for row, column in np.ndindex(expected.shape[:2]):
            tile = picture.get_array()[row * 29 :][:28, column * 29 :][:, :28]
            assert np.array_equal(tile, expected[row, column])
