from gan_paper import runs
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.measure.recording import Recording
from gan_paper.plots import game, histograms, training
from gan_paper.runs import recordings
from tests.conftest import ROOT

import compare_pictures
import mnist_pictures
import numpy as np
import pytest
import sine
import theory_pictures
import uniform_to_gaussian
from matplotlib import pyplot as plt
from matplotlib.text import Text

EDGES = np.linspace(-6, 14, 65)
SHOWN = {"entries": (Gaussian(4, 1.25), "x"), "spread": (Gaussian(0, 1.25), "x minus its mean")}


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)
    result = Recording({"entries": EDGES, "spread": EDGES - 4})
    for iteration in range(0, 110, 10):
        samples = rng.normal(iteration / 25, 1.25, (50, 20))
        result.record(iteration, samples)
    return result


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_histograms_shows_the_recorded_and_the_exact(recording):
    figure = histograms.histograms(recording, SHOWN, [0, 52, 100])
    binned, p_g = figure.axes[2].patches
    assert np.array_equal(p_g.get_data().values, recording.histogram(-1).density)
    assert np.allclose(binned.get_data().values, np.diff(SHOWN["entries"][0].cdf(EDGES)) / np.diff(EDGES))
    (density,) = figure.axes[2].lines
    assert np.allclose(density.get_ydata(), SHOWN["entries"][0].pdf(density.get_xdata()))
    assert figure.axes[5].patches[1].get_data().values.max() == recording.histogram(-1, "spread").density.max()


def reference(name):
    return recordings.load(ROOT / "figures" / "reference" / f"{name}.npz")


def long_run(edges, keep=0):
    """Recorded down to iteration 30,720, as the longest run on the real line: its numbers need the most room."""
    rng = np.random.default_rng(0)
    result = Recording(edges, sine.VIEWS, keep=keep)
    for iteration in np.linspace(0, 30_720, 31).astype(int):
        result.record(iteration, rng.normal(-iteration / 10_000, 1.25, (50, 2)))
    return result


def long_histograms():
    recording = long_run({"entries": EDGES, "spread": EDGES - 4})
    labels = {
        "entries": (Gaussian(4, 1.25), "entries, pooled"),
        "spread": (Gaussian(0, 1.25), "entry minus its mean over z"),
    }
    return histograms.histograms(recording, labels, [0, 2_000, 10_000, 20_000, 30_720])


def long_plane():
    points = np.c_[x := np.linspace(0, 6, 100), np.sin(x)]
    a, b = np.linspace(-1, 7, 12), np.linspace(-2, 2, 8)
    recording = long_run({"x": EDGES, "residual": EDGES}, keep=30)
    return sine.plane(recording, points, [0, 3_000, 10_000, 30_720], (a, b, np.linspace(0, 1, 96).reshape(8, 12)))


def long_training():
    t = np.linspace(0, 30_720, 31)
    history = {name: np.exp(-t / 1000) - 1.2 for name in ("d_loss", "g_loss", "d_real", "d_fake", "value")}
    return training.course({"iteration": t, **history}, "non_saturating")


def long_quality():
    names = (f"{prefix}{name}" for prefix in ("", "last_iterate_") for name in ("log_likelihood", "precision"))
    return mnist_pictures.quality({"epoch": [0, 300], **{name: [-140.0, 250] for name in names}})


def long_captions():
    fits = {f"{name}, {place}": "0.79" for name in ("precision", "recall") for place in ("pixels", "features")}
    says = {"log-likelihood": "-436 nats", **fits, "named with 0.9": "100%"}
    panels = {f"paper-average1-seed{i},\nlast iterate": (random_images(6, 5, 784), says) for i in range(3)}
    return mnist_pictures.side_by_side(panels)


def snapshot(shift=0.0):
    x, z = np.linspace(-1, 9, 201), np.linspace(-1, 1, 51)
    data, p_g = Gaussian(4, 1.25).pdf(x), Gaussian(4 + shift, 0.6).pdf(x)
    optimal = data / (data + p_g)
    return game.Snapshot(x, data, p_g, optimal**1.1, optimal, z, 4 + z, 0.123, -12.345)


def falling():
    return np.exp(-8 * np.linspace(0, 1, 50))


STILLS = {
    "figure1": lambda: game.figure1({"(a)": snapshot(1), "(b)": snapshot(0.5), "(c)": snapshot(0), "(d)": None}),
    "learned_discriminators": lambda: game.learned_discriminators(
        {f"two modes {shift}\n|D - D*| <= 0.012": snapshot(shift) for shift in (1, 0.5, 0.2, 0)}
    ),
    "criterion": lambda: theory_pictures.criterion(t := np.linspace(-1, 1, 9), t**2 - 1.38, t**2 - 1.38, t**2 - 1.385),
    "descent": lambda: theory_pictures.descent(
        snapshot().x, snapshot().p_data, {step: snapshot(1).p_g for step in (0, 10, 30, 100)}, {"uniform": falling()}
    ),
    "generator_gradients": lambda: theory_pictures.generator_gradients(falling() / 2, falling(), 1 + falling()),
    "histograms": long_histograms,
    "plane": long_plane,
    "training": long_training,
    "left_tail": lambda: uniform_to_gaussian.left_tail(z := np.linspace(-1, 1, 101), 3 * z, Uniform(-1, 1), Gaussian()),
    "against_distribution": lambda: compare_pictures.against_distribution(
        long_run({"x": EDGES, "residual": EDGES}), reference("sine"), "matched-seed0 against sine"
    ),
    "against_course": lambda: compare_pictures.against_course(
        long_run({"entries": EDGES}), reference("notebook"), "notebook-seed0 against notebook"
    ),
    "quality": long_quality,
    "side_by_side": long_captions,
    "samples_with_neighbours": lambda: mnist_pictures.samples_with_neighbours(
        np.zeros((4, 5, 784)), np.zeros((4, 784))
    ),
    "interpolations": lambda: mnist_pictures.interpolations(np.zeros((10, 12, 784))),
}


def drawn_texts(figure):
    """All that is written on the canvas, with its extent."""
    texts = []
    draw = Text.draw

    def spy(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip():
            texts.append((self, self.get_window_extent(renderer)))
        draw(self, renderer, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", spy)
        figure.canvas.draw()
    return texts


@pytest.mark.parametrize("name", STILLS)
def test_a_figure_is_legible_at_the_width_of_a_column(name):
    figure = STILLS[name]()
    assert figure.get_figwidth() <= 5.5
    texts = drawn_texts(figure)
    assert texts or name == "samples_with_neighbours"
    canvas = figure.bbox
    for i, (text, box) in enumerate(texts):
        assert text.get_fontsize() >= 6.5, text
        assert canvas.x0 <= box.x0 and box.x1 <= canvas.x1 and canvas.y0 <= box.y0 and box.y1 <= canvas.y1, text
        assert not [other for other, its_box in texts[:i] if box.overlaps(its_box)], text


@pytest.mark.parametrize("name", ["plane", "interpolations"])  # contours and lines; images
def test_the_same_figure_gives_the_same_bytes(name, tmp_path):
    config = {"experiment": "test"}
    first, second = (
        [path.read_bytes() for path in runs.save_picture(tmp_path / f"{name}.png", STILLS[name](), config)]
        for _ in range(2)
    )
    assert first == second and len(first) == 2


def test_comparisons(recording):
    top, bottom = compare_pictures.against_distribution(recording, reference("gaussian"), "title").axes
    theirs, ours = (patch.get_data().values for patch in top.patches)
    assert np.allclose(bottom.patches[0].get_data().values, ours - theirs)
    notebook = reference("notebook")
    course = compare_pictures.against_course(recording, notebook, "title")
    assert len(course.axes) == 15
    shown = lines(course.axes[-1])
    assert list(shown["reference"].get_ydata()) == notebook.moments["std_across_noise"]
    assert list(shown["run"].get_ydata()) == recording.moments["std_across_noise"]


def test_plane_shows_the_kept_samples():
    rng = np.random.default_rng(0)
    points = np.hstack([x := rng.uniform(0, 2 * np.pi, (100, 1)), np.sin(x)])
    recording = Recording({"x": EDGES, "residual": EDGES}, sine.VIEWS, keep=30)
    for iteration in range(5):
        recording.record(iteration, rng.normal(iteration, 0.1, (50, 2)))
    a, b = np.linspace(-1, 7, 12), np.linspace(-2, 2, 8)
    figure = sine.plane(recording, points, [0, 4], (a, b, rng.uniform(size=(8, 12))))
    data, samples = figure.axes[1].lines
    assert np.array_equal(np.c_[data.get_data()], points)
    assert np.array_equal(np.c_[samples.get_data()], recording.samples[4])
    assert len({frame.tobytes() for frame in sine.plane_animation(recording, points)}) == 5


def test_left_tail_draws_the_map_that_would_be_exact():
    from scipy.stats import norm, uniform

    z = np.linspace(-1, 1, 101)
    for sign in (1, -1):  # G may rise or fall
        exact = sign * Gaussian().quantile(np.clip((z + 1) / 2, 1e-9, 1 - 1e-9))
        mapping, tail = uniform_to_gaussian.left_tail(z, exact, Uniform(-1, 1), Gaussian()).axes
        drawn = lines(mapping)
        assert np.allclose(drawn["the map to $p_{data}$"].get_ydata(), sign * norm.ppf(uniform(-1, 2).cdf(z[1:-1])))
        p_data, p_g = (line.get_ydata() for line in tail.lines)
        assert np.nanmax(np.abs(p_data - p_g)) < 0.02


def random_images(*shape):
    return np.random.default_rng(0).uniform(size=shape)


def tile_of(picture, row, column, side=28):
    return picture[row * (side + 1) :][:side, column * (side + 1) :][:, :side]


def test_images_are_drawn_pixel_by_pixel():
    samples, neighbours, between = random_images(4, 5, 784), random_images(5, 4, 784)[-1], random_images(3, 7, 784)
    left, right = mnist_pictures.samples_with_neighbours(samples, neighbours).axes[0].images
    (rows,) = mnist_pictures.interpolations(between).axes[0].images
    (panel,) = mnist_pictures.side_by_side({"G": (samples, {"named": "1"})}).axes[0].images
    for picture, expected in ((panel, samples), (left, samples), (right, neighbours[:, None]), (rows, between)):
        for row, column in np.ndindex(expected.shape[:2]):
            assert np.array_equal(tile_of(picture.get_array(), row, column).ravel(), expected[row, column])


def test_quality_goes_on_over_epochs_without_an_evaluation():
    columns = {
        "log_likelihood": [-140, np.nan, 150.0, 200],
        "last_iterate_log_likelihood": [-130, -50, 100.0, np.nan],
        "precision": [0.1, np.nan, 0.5, 0.6],
        "last_iterate_precision": [0.2, 0.3, 0.7, np.nan],
    }
    left, right = mnist_pictures.quality({"epoch": [0, 10, 20, 30], **columns}).axes
    for ax, measure in ((left, "log_likelihood"), (right, "precision")):
        drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
        for label, name in (("average", measure), ("last iterate", f"last_iterate_{measure}")):
            values = np.asarray(columns[name])
            assert np.array_equal(drawn[label], values[~np.isnan(values)])
    assert np.all(np.asarray(left.lines[-1].get_ydata()) == 225)


def test_images_animation_shows_every_record():
    recorded = random_images(3, 6, 784).astype(np.float32)
    frames = mnist_pictures.images_animation(recorded, [0, 50, 1000], columns=3)
    for frame, shown in zip(frames, recorded, strict=True):
        grid = frame[-2 * (2 * 29 - 1) :]  # below its title; a pixel is two dots
        for k, image in enumerate(shown):
            row, column = divmod(k, 3)
            dots = np.rint(255 * image.reshape(28, 28)).repeat(2, 0).repeat(2, 1)
            assert np.array_equal(grid[58 * row : 58 * row + 56, 58 * column : 58 * column + 56, 0], dots)


def test_figure_1_draws_the_game_and_its_map():
    figure = game.figure1({"(a)": snapshot(1), "(b)": snapshot(0)})
    uppers, lowers, answers = figure.axes[:2], figure.axes[2:4], figure.axes[4:]
    for upper, answer, shown in zip(uppers, answers, (snapshot(1), snapshot(0)), strict=True):
        assert np.array_equal(lines(upper)["$p_g$"].get_ydata(), shown.p_g)
        assert np.array_equal(lines(answer)["D"].get_ydata(), shown.d)
        assert np.array_equal(lines(answer)["D*"].get_ydata(), shown.optimal)
    (arrows,) = lowers[0].collections
    tips = arrows.X + arrows.U
    z = (arrows.X - 4) / 5  # the z line is as wide as the x line, which is [-1, 9] here
    assert np.allclose(tips, 4 + z) and np.all(arrows.V == 1)
