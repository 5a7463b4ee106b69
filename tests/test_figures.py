import numpy as np
import pytest

from gan_paper import figures
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.histograms import Recording
from tests.conftest import ROOT

EDGES = np.linspace(-6, 14, 65)
EXACT = {"entries": Gaussian(4, 1.25), "spread": Gaussian(0, 1.25)}
LABELS = {"entries": "x", "spread": "x minus its mean"}


@pytest.fixture(autouse=True)
def close():
    yield
    figures.plt.close("all")


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
    figure = figures.histograms(recording, EXACT, LABELS, [0, 52, 100])
    assert [ax.get_title() for ax in figure.axes[:3]] == ["iteration 0", "iteration 50", "iteration 100"]
    binned, p_g = figure.axes[2].patches
    assert np.array_equal(p_g.get_data().values, recording.histogram(-1).density)
    assert np.allclose(binned.get_data().values, np.diff(EXACT["entries"].cdf(EDGES)) / np.diff(EDGES))
    (density,) = figure.axes[2].lines
    assert np.allclose(density.get_ydata(), EXACT["entries"].pdf(density.get_xdata()))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        binned.get_label(),
        density.get_label(),
        p_g.get_label(),
    ]
    assert figure.axes[5].patches[1].get_data().values.max() == recording.histogram(-1, "spread").density.max()


def test_the_papers_colours():
    assert (figures.DATA["color"], figures.DATA["linestyle"]) == ("black", ":")
    assert (figures.GENERATOR["color"], figures.GENERATOR["linestyle"]) == ("tab:green", "-")
    assert (figures.DISCRIMINATOR["color"], figures.DISCRIMINATOR["linestyle"]) == ("tab:blue", "--")


def test_training_draws_the_equilibrium():
    history = {name: np.arange(5.0) for name in ("iteration", "d_loss", "g_loss", "d_real", "d_fake", "value")}
    objectives, answers, value = figures.training(history, "non_saturating").axes
    assert set(lines(objectives)) == {"discriminator", "generator (non-saturating)"}
    assert any(np.allclose(line.get_ydata(), 0.5) for line in answers.lines)
    assert any(np.allclose(line.get_ydata(), -np.log(4)) for line in value.lines)


def test_the_animation_tells_the_whole_course(recording):
    frames = figures.histograms_animation(recording, EXACT, LABELS, frames=5)
    assert len(frames) == 5 and len({frame.tobytes() for frame in frames}) == 5
    assert {frame.shape for frame in frames} == {(320, 840, 3)}
    green = [np.argwhere((f[:, :420, 1] > 140) & (f[:, :420, 0] < 80))[:, 1].mean() for f in frames]
    assert np.all(np.diff(green) > 0)  # the samples' mean rises in this recording, so p_g moves to the right


def test_comparisons(recording):
    references = {
        name: Recording.load(ROOT / "figures" / "reference" / f"{name}.npz") for name in ("gaussian", "notebook")
    }
    top, bottom = figures.against_distribution(recording, references["gaussian"], "title").axes
    theirs, ours = (patch.get_data().values for patch in top.patches)
    assert np.allclose(bottom.patches[0].get_data().values, ours - theirs)
    course = figures.against_course(recording, references["notebook"], "title")
    assert len(course.axes) == 15
    shown = lines(course.axes[-1])
    assert list(shown["reference"].get_ydata()) == references["notebook"].moments["std_across_noise"]
    assert list(shown["run"].get_ydata()) == recording.moments["std_across_noise"]


def test_plane_shows_the_kept_samples():
    rng = np.random.default_rng(0)
    points = np.hstack([x := rng.uniform(0, 2 * np.pi, (100, 1)), np.sin(x)])
    recording = Recording({"x": EDGES, "residual": EDGES}, keep=30)
    for iteration in range(5):
        recording.record(iteration, rng.normal(iteration, 0.1, (50, 2)))
    a, b = np.linspace(-1, 7, 12), np.linspace(-2, 2, 8)
    figure = figures.plane(recording, points, [0, 4], (a, b, rng.uniform(size=(8, 12))))
    assert [ax.get_title() for ax in figure.axes[:3]] == ["iteration 0", "iteration 4", "D(x, y) at the end"]
    data, samples = figure.axes[1].lines
    assert np.array_equal(np.c_[data.get_data()], points)
    assert np.array_equal(np.c_[samples.get_data()], recording.samples[4])
    assert len({frame.tobytes() for frame in figures.plane_animation(recording, points)}) == 5


def test_left_tail_draws_the_map_that_would_be_exact():
    from scipy.stats import norm, uniform

    z = np.linspace(-1, 1, 101)
    for sign in (1, -1):  # G may rise or fall
        exact = sign * Gaussian().quantile(np.clip((z + 1) / 2, 1e-9, 1 - 1e-9))
        mapping, tail = figures.left_tail(z, exact, Uniform(-1, 1), Gaussian()).axes
        drawn = lines(mapping)
        assert np.allclose(drawn["the map to $p_{data}$"].get_ydata(), sign * norm.ppf(uniform(-1, 2).cdf(z[1:-1])))
        p_data, p_g = (line.get_ydata() for line in tail.lines)
        assert np.nanmax(np.abs(p_data - p_g)) < 0.02
