import io
import re

import numpy as np
import pytest
import sine
import uniform_to_gaussian
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from gan_paper import runs
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.measure.recording import Recording
from gan_paper.plots import comparison, game, histograms, images, style, theorems, training
from gan_paper.runs import recordings
from tests.conftest import ROOT

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
    assert [ax.get_title() for ax in figure.axes[:3]] == ["iteration 0", "iteration 50", "iteration 100"]
    binned, p_g = figure.axes[2].patches
    assert np.array_equal(p_g.get_data().values, recording.histogram(-1).density)
    assert np.allclose(binned.get_data().values, np.diff(SHOWN["entries"][0].cdf(EDGES)) / np.diff(EDGES))
    (density,) = figure.axes[2].lines
    assert np.allclose(density.get_ydata(), SHOWN["entries"][0].pdf(density.get_xdata()))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        binned.get_label(),
        density.get_label(),
        p_g.get_label(),
    ]
    assert figure.axes[5].patches[1].get_data().values.max() == recording.histogram(-1, "spread").density.max()


def test_the_papers_colours():
    assert (style.DATA["color"], style.DATA["linestyle"]) == ("black", ":")
    assert (style.GENERATOR["color"], style.GENERATOR["linestyle"]) == ("tab:green", "-")
    assert (style.DISCRIMINATOR["color"], style.DISCRIMINATOR["linestyle"]) == ("tab:blue", "--")


def test_the_papers_lines_differ_without_colour():
    drawn = [Line2D([], [], **style) for style in (style.DATA, style.GENERATOR, style.DISCRIMINATOR)]
    assert len({str(line._unscaled_dash_pattern) for line in drawn}) == 3


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


def long_log_likelihood():
    names = ("average of the iterates", "last iterate", "no dropout", "saturating objective")
    return training.log_likelihood([0, 50], {name: [-140.0, 250] for name in names})


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
    "criterion": lambda: theorems.criterion(t := np.linspace(-1, 1, 9), t**2 - 1.38, t**2 - 1.38, t**2 - 1.385),
    "descent": lambda: theorems.descent(
        snapshot().x, snapshot().p_data, {step: snapshot(1).p_g for step in (0, 10, 30, 100)}, {"uniform": falling()}
    ),
    "generator_gradients": lambda: theorems.generator_gradients(falling() / 2, falling(), 1 + falling()),
    "histograms": long_histograms,
    "plane": long_plane,
    "training": long_training,
    "left_tail": lambda: uniform_to_gaussian.left_tail(z := np.linspace(-1, 1, 101), 3 * z, Uniform(-1, 1), Gaussian()),
    "against_distribution": lambda: comparison.against_distribution(
        long_run({"x": EDGES, "residual": EDGES}), reference("sine"), "matched-seed0 against sine"
    ),
    "against_course": lambda: comparison.against_course(
        long_run({"entries": EDGES}), reference("notebook"), "notebook-seed0 against notebook"
    ),
    "log_likelihood": long_log_likelihood,
    "samples_with_neighbours": lambda: images.samples_with_neighbours(np.zeros((4, 5, 784)), np.zeros((4, 784))),
    "interpolations": lambda: images.interpolations(np.zeros((10, 12, 784))),
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


@pytest.mark.parametrize("name", ["plane", "training", "interpolations", "figure1"])  # contours, lines, images, arrows
def test_the_same_figure_gives_the_same_bytes(name, tmp_path):
    config = {"experiment": "test"}
    first, second = (
        [path.read_bytes() for path in runs.save_picture(tmp_path / f"{name}.png", STILLS[name](), config)]
        for _ in range(2)
    )
    assert first == second and len(first) == 2


def test_training_draws_the_equilibrium():
    history = {name: np.arange(5.0) for name in ("iteration", "d_loss", "g_loss", "d_real", "d_fake", "value")}
    objectives, answers, value = training.course(history, "non_saturating").axes
    assert set(lines(objectives)) == {"discriminator", "generator,\nnon-saturating"}
    assert any(np.allclose(line.get_ydata(), 0.5) for line in answers.lines)
    assert any(np.allclose(line.get_ydata(), -np.log(4)) for line in value.lines)


def test_the_animation_tells_the_whole_course(recording):
    frames = histograms.histograms_animation(recording, SHOWN, frames=5)
    assert len(frames) == 5 and len({frame.tobytes() for frame in frames}) == 5
    assert {frame.shape for frame in frames} == {(320, 840, 3)}
    green = [np.argwhere((f[:, :420, 1] > 140) & (f[:, :420, 0] < 80))[:, 1].mean() for f in frames]
    assert np.all(np.diff(green) > 0)  # the samples' mean rises in this recording, so p_g moves to the right


def test_comparisons(recording):
    top, bottom = comparison.against_distribution(recording, reference("gaussian"), "title").axes
    theirs, ours = (patch.get_data().values for patch in top.patches)
    assert np.allclose(bottom.patches[0].get_data().values, ours - theirs)
    notebook = reference("notebook")
    course = comparison.against_course(recording, notebook, "title")
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
    assert [ax.get_title() for ax in figure.axes[:3]] == ["iteration 0", "iteration 4", "D(x, y) at the end"]
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


def rendered(figure, dpi):
    """The picture (height, width, 3) that `Run.save_figure` would write."""
    figure.savefig(file := io.BytesIO(), dpi=dpi)
    return np.array(Image.open(file).convert("RGB"))


def test_samples_with_neighbours_shows_the_very_pixels_and_frames_the_neighbours():
    samples, neighbours = random_images(4, 5, 784), random_images(5, 4, 784)[-1]
    figure = images.samples_with_neighbours(samples, neighbours)
    (ax,) = figure.axes
    left, right = ax.images
    assert left.get_array().shape == (4 * 29 - 1, 5 * 29 - 1) and right.get_array().shape == (4 * 29 - 1, 28)
    for row in range(4):
        for column in range(5):
            assert np.array_equal(tile_of(left.get_array(), row, column).ravel(), samples[row, column])
        assert np.array_equal(tile_of(right.get_array(), row, 0).ravel(), neighbours[row])
    assert np.all(left.get_array()[28::29] == 1) and np.all(left.get_array()[:, 28::29] == 1)
    x0, x1, y1, y0 = right.get_extent()
    (frame,) = ax.patches
    assert left.get_extent()[1] < frame.get_x() < x0 and frame.get_x() + frame.get_width() > x1
    assert frame.get_y() < y0 and frame.get_y() + frame.get_height() > y1
    assert not ax.axison and not figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_text())


@pytest.mark.parametrize("dpi", [100, 200, 400])
def test_image_pixels_come_out_as_equal_squares(dpi):
    samples, neighbours = random_images(4, 5, 784), np.zeros((4, 784))
    picture = rendered(images.samples_with_neighbours(samples, neighbours), dpi)
    scale = dpi // 100
    assert picture.shape == ((4 * 29 + 3) * scale, (5 * 29 - 1 + 3 + 2 + 28 + 2) * scale, 3)
    for row in range(4):
        for column in range(5):
            expected = samples[row, column].reshape(28, 28).repeat(scale, 0).repeat(scale, 1)
            top, left = (2 + 29 * row) * scale, 29 * column * scale
            got = picture[top : top + 28 * scale, left : left + 28 * scale]
            assert np.abs(got - 255 * expected[..., None]).max() < 2  # a colormap has 256 levels
    assert np.all(picture[2 * scale : 30 * scale, -30 * scale : -2 * scale] == 0)  # the frame is not over the images
    red, green, blue = picture[scale, -scale - 1]
    assert red > green > blue + 100  # yellow
    assert np.all(picture[:, 144 * scale : 147 * scale] == 255)  # the gap


def test_interpolations_shows_one_line_a_row_and_marks_its_ends():
    drawn = random_images(3, 7, 784)
    (ax,) = images.interpolations(drawn).axes
    (image,) = ax.images
    for row in range(3):
        for step in range(7):
            assert np.array_equal(tile_of(image.get_array(), row, step).ravel(), drawn[row, step])
    x0, x1, bottom, _ = image.get_extent()
    first, last = ax.texts
    assert (first.get_text(), last.get_text()) == ("$z_0$", "$z_1$")
    assert (first.get_position()[0], last.get_position()[0]) == (x0 + 14, x1 - 14)
    assert min(first.get_position()[1], last.get_position()[1]) > bottom
    (line,) = ax.lines
    assert x0 + 14 < line.get_xdata()[0] < line.get_xdata()[1] < x1 - 14


def test_digits_are_white_on_black():
    for figure in (
        images.interpolations(np.zeros((1, 2, 784))),
        images.samples_with_neighbours(np.zeros((1, 2, 784)), np.zeros((1, 784))),
    ):
        for image in figure.axes[0].images:
            assert image.get_cmap()(image.norm([0.0, 0.5, 1.0])) == pytest.approx(
                np.c_[np.repeat([[0], [0.5], [1]], 3, axis=1), np.ones(3)], abs=0.01
            )


@pytest.mark.parametrize(
    ("draw", "shape"),
    [
        (lambda: images.interpolations(np.zeros((2, 3, 785))), "(2, 3, 785)"),
        (lambda: images.interpolations(np.zeros((6, 784))), "(6, 784)"),
        (lambda: images.interpolations(np.zeros((2, 0, 784))), "(2, 0, 784)"),
        (lambda: images.samples_with_neighbours(np.zeros((4, 5, 28, 28)), np.zeros((4, 784))), "(4, 5, 28, 28)"),
        (lambda: images.samples_with_neighbours(np.zeros((4, 5, 784)), np.zeros((5, 784))), "(5, 784)"),
        (lambda: images.samples_with_neighbours(np.zeros((4, 5, 784)), np.zeros((4, 28, 28))), "(4, 28, 28)"),
        (lambda: images.images_animation(np.zeros((2, 15, 784)), [0, 1]), "(2, 15, 784)"),
        (lambda: images.images_animation(np.zeros((2, 20, 784)), [0, 1, 2]), "(2, 20, 784)"),
        (lambda: images.images_animation(np.zeros((0, 20, 784)), []), "(0, 20, 784)"),
        (lambda: images.images_animation(np.zeros((2, 20, 785)), [0, 1]), "(2, 10, 785)"),
        (lambda: training.log_likelihood([0, 1, 2], {"G": [1.0, 2.0]}), "(2,)"),
    ],
)
def test_a_wrong_shape_is_named(draw, shape):
    with pytest.raises(ValueError, match=re.escape(shape)):
        draw()


@pytest.mark.parametrize(("value", "interval"), [(1.5, "[0, 1.5]"), (-0.5, "[-0.5, 0]"), (np.nan, "[nan, nan]")])
def test_images_out_of_range_are_refused(value, interval):
    drawn = np.zeros((2, 3, 784))
    drawn[1, 1, 400] = value
    with pytest.raises(ValueError, match=re.escape(interval)):
        images.interpolations(drawn)


def test_log_likelihood_draws_the_published_one_and_cuts_the_first_values():
    epochs = np.arange(0, 60, 10)
    curves = {
        "G": [-140, np.nan, 150.0, 200, 220, 230],
        "no dropout": [-130, -50, 100.0, np.nan, np.nan, np.nan],
        "sigmoid": np.full(6, np.nan),
    }
    (ax,) = training.log_likelihood(epochs, curves).axes
    *drawn, published = ax.lines
    assert [line.get_label() for line in drawn] == [text.get_text() for text in ax.get_legend().get_texts()]
    for line, values in zip(drawn, curves.values(), strict=True):
        known = ~np.isnan(values)  # the line goes on over epochs without an evaluation
        assert np.array_equal(line.get_xdata(), epochs[known])
        assert np.array_equal(line.get_ydata(), np.asarray(values)[known])
    assert np.all(np.asarray(published.get_ydata()) == 225) and published.get_linestyle() == "--"
    (label,) = ax.texts
    assert "225" in label.get_text() and "Table 1" in label.get_text() and label.xy[1] == 225
    bottom, top = ax.get_ylim()
    assert bottom == 0 and 230 < top < 300


def test_curves_are_told_apart_without_colour():
    (ax,) = training.log_likelihood([0, 1], {name: [100.0, 200] for name in "abcd"}).axes
    assert len({str(line._unscaled_dash_pattern) for line in ax.lines}) == 5  # the published one, too


def test_images_animation_shows_every_record(monkeypatch):
    recorded = random_images(3, 6, 784).astype(np.float32)
    captions = []
    set_text = Text.set_text
    monkeypatch.setattr(Text, "set_text", lambda self, text: (captions.append(text), set_text(self, text))[1])
    frames = images.images_animation(recorded, [0, 50, 1000], columns=3)
    assert [text for text in captions if text] == ["epoch 0", "epoch 50", "epoch 1,000"]
    height, width = 2 * (2 * 29 - 1), 2 * (3 * 29 - 1)
    for frame, shown in zip(frames, recorded, strict=True):
        assert frame.dtype == np.uint8 and frame.shape == (height + 20, width, 3)
        grid = frame[20:]
        for k, image in enumerate(shown):
            row, column = divmod(k, 3)
            dots = np.rint(255 * image.reshape(28, 28)).repeat(2, 0).repeat(2, 1)
            shown = grid[58 * row : 58 * row + 56, 58 * column : 58 * column + 56]
            assert np.array_equal(shown, np.stack([dots] * 3, axis=-1))
    strips = [frame[:20] for frame in frames]
    assert len({strip.tobytes() for strip in strips}) == 3
    assert all(strip.min() < 100 and np.all(strip[[0, -1]] == 255) for strip in strips)  # text, and none of it cut
    assert not plt.get_fignums()


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
    assert "(a)\nJSD 0.123\nV \N{MINUS SIGN}12.345" in lowers[0].get_xlabel()


def test_the_arrows_do_not_cross_where_G_falls():
    falling_map = snapshot()._replace(mapped=4 - snapshot().z)
    (arrows,) = game.figure1({"(a)": falling_map}).axes[1].collections
    order = np.argsort(arrows.X)
    assert np.all(np.diff((arrows.X + arrows.U)[order]) > 0)


def test_the_animation_of_figure_1_moves(recording):
    frames = game.figure1_animation(recording, lambda index: snapshot(1 - index / 10), frames=3)
    assert len(frames) == 3 and len({frame.tobytes() for frame in frames}) == 3


def test_criterion_shows_how_far_each_is_from_quadrature():
    t = np.linspace(-1, 1, 5)
    _, differences = theorems.criterion(t, t**2, t**2 + 0.1, t**2 - 0.2).axes
    assert np.allclose(lines(differences)["Monte Carlo"].get_ydata(), 0.1)
    assert np.allclose(lines(differences)["D trained"].get_ydata(), -0.2)
