"""The figures: what they show, and that it can be read."""

from gan_paper.distributions import Gaussian
from gan_paper.metrics import Recording
from gan_paper.plots import histograms, line, training_curves

import mnist_pictures
import numpy as np
import pytest
import sine
import theory_figures
import uniform_to_gaussian
from matplotlib import pyplot as plt
from matplotlib.text import Text

EDGES = np.linspace(-6, 14, 65)
T = np.linspace(0, 30_720, 31).astype(int)  # the longest numbers need the most room


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def recorded(edges, keep=0):
    rng, recording = np.random.default_rng(0), Recording(edges, sine.VIEWS, keep=keep)
    for iteration in T:
        recording.record(iteration, rng.normal(-iteration / 10_000, 1.25, (50, 2)))
    return recording


def of_histograms(recording=None):
    labels = {
        "x": (Gaussian(4, 1.25), "dimensions, pooled"),
        "spread": (Gaussian(0, 1.25), "dimension minus its mean over z"),
    }
    return histograms(recording or recorded({"x": EDGES, "spread": EDGES - 4}), labels)


def of_plane():
    points = np.c_[x := np.linspace(0, 6, 100), np.sin(x)]
    surface = np.linspace(-1, 7, 12), np.linspace(-2, 2, 8), np.linspace(0, 1, 96).reshape(8, 12)
    recording = recorded({"x": EDGES, "residual": EDGES}, keep=30)
    return sine.plane(recording, points, [0, 3_000, 10_000, 30_720], surface)


def of_training():
    names = ("d_loss", "g_loss", "d_real", "d_fake", "value")
    return training_curves({"iteration": T, **{name: np.exp(-T / 1000) - 1.2 for name in names}}, "non_saturating")


def of_quality():
    names = (f"{prefix}{name}" for prefix in ("", "last_iterate_") for name in ("log_likelihood", "precision"))
    return mnist_pictures.quality({"epoch": [0, 300], **{name: [-140.0, 250] for name in names}})


def of_images():
    says = {"log-likelihood": "-436 nats", "precision, features": "0.79", "named with 0.9": "100%"}
    images = np.random.default_rng(0).uniform(size=(6, 5, 784))
    return mnist_pictures.side_by_side({f"ema=1.0-seed{i},\nlast iterate": (images, says) for i in range(3)})


def snapshot(shift=0.0):
    x, z = np.linspace(-1, 9, 201), np.linspace(-1, 1, 51)
    data, p_g = Gaussian(4, 1.25).pdf(x), Gaussian(4 + shift, 0.6).pdf(x)
    optimal = data / (data + p_g)
    return line.Snapshot(x, data, p_g, optimal**1.1, optimal, z, 4 + z, 0.123, -12.345)


FALLING, PATH = np.exp(-8 * np.linspace(0, 1, 50)), np.linspace(-1, 1, 9)
STILLS = {
    "figure1": lambda: line.figure1({"(a)": snapshot(1), "(b)": snapshot(0.5), "(c)": snapshot(), "(d)": None}),
    "learned_discriminators": lambda: line.learned_discriminators(
        {f"two modes {shift}\n|D - D*| <= 0.012": snapshot(shift) for shift in (1, 0.5, 0.2, 0)}
    ),
    "criterion": lambda: theory_figures.criterion(PATH, PATH**2 - 1.38, PATH**2 - 1.38, PATH**2 - 1.385),
    "descent": lambda: theory_figures.descent(
        snapshot().x, snapshot().p_data, {step: snapshot(1).p_g for step in (0, 10, 30, 100)}, {"uniform": FALLING}
    ),
    "generator_gradients": lambda: theory_figures.generator_gradients(FALLING / 2, FALLING, 1 + FALLING),
    "histograms": of_histograms,
    "plane": of_plane,
    "training": of_training,
    "left_tail": lambda: uniform_to_gaussian.left_tail(np.linspace(-1, 1, 101), 3 * np.linspace(-1, 1, 101)),
    "quality": of_quality,
    "side_by_side": of_images,
}


def drawn_texts(figure):
    """All that is written on the canvas, with its extent."""
    texts, draw = [], Text.draw

    def spy(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text().strip():
            texts.append((text, text.get_window_extent(renderer)))
        draw(text, renderer, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", spy)
        figure.canvas.draw()
    return texts


@pytest.mark.parametrize("name", STILLS)
def test_a_figure_can_be_read_at_the_width_of_a_column(name):
    figure = STILLS[name]()
    texts, canvas = drawn_texts(figure), figure.bbox
    assert texts and figure.get_figwidth() <= 5.5
    for i, (text, box) in enumerate(texts):
        assert text.get_fontsize() >= 6.5, text
        assert canvas.x0 <= box.x0 and box.x1 <= canvas.x1 and canvas.y0 <= box.y0 and box.y1 <= canvas.y1, text
        assert not [other for other, its_box in texts[:i] if box.overlaps(its_box)], text


def test_histograms_show_the_recorded_and_the_exact():
    recording = recorded({"x": EDGES, "spread": EDGES - 4})
    axes = of_histograms(recording).axes
    last, of_spread = axes[len(axes) // 2 - 1], axes[-1]
    binned, p_g = last.patches
    assert np.array_equal(p_g.get_data().values, recording.histogram(-1).density)
    assert np.allclose(binned.get_data().values, np.diff(Gaussian(4, 1.25).cdf(EDGES)) / np.diff(EDGES))
    assert np.array_equal(of_spread.patches[1].get_data().values, recording.histogram(-1, "spread").density)


def test_the_plane_shows_the_kept_samples():
    panel = of_plane().axes[0]
    recording = recorded({"x": EDGES, "residual": EDGES}, keep=30)
    assert np.array_equal(np.c_[panel.lines[1].get_data()], recording.samples[0])


def test_figure_1_draws_the_densities_and_the_map():
    figure = line.figure1({"(a)": snapshot(1), "(b)": snapshot()})
    for upper, answers, shown in zip(figure.axes[:2], figure.axes[4:], (snapshot(1), snapshot()), strict=True):
        lines = {line.get_label(): line.get_ydata() for line in (*upper.lines, *answers.lines)}
        for name, expected in (("$p_g$", shown.p_g), ("D", shown.d), ("D*", shown.optimal)):
            assert np.array_equal(lines[name], expected)
    (arrows,) = figure.axes[2].collections
    z = (arrows.X - 4) / 5  # the z line is as wide as the x line, which is [-1, 9] here
    assert np.allclose(arrows.X + arrows.U, 4 + z) and np.all(arrows.V == 1)


def test_images_are_drawn_pixel_by_pixel():
    images = np.random.default_rng(0).uniform(size=(4, 5, 784))
    left, right = mnist_pictures.samples_with_neighbours(images, images[:, 0]).axes[0].images
    (rows,) = mnist_pictures.interpolations(images).axes[0].images
    for picture, expected in ((left, images), (right, images[:, :1]), (rows, images)):
        for row, column in np.ndindex(expected.shape[:2]):
            tile = picture.get_array()[row * 29 :][:28, column * 29 :][:, :28]
            assert np.array_equal(tile.ravel(), expected[row, column])
