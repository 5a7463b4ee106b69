"""experiments/figure1.py: what it computes for a panel, and what the first phases do."""

from gan_paper import runs
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.measure.recording import Recording
from gan_paper.runs import recordings
from tests.conftest import experiment, trained

import gaussian
import numpy as np
import pytest
import scipy.integrate

P_DATA = Gaussian(4, 1.25)


@pytest.fixture(scope="module")
def figure1():
    return experiment("figure1")


def recorded(curves):
    recording = Recording({"entries": np.linspace(-6, 14, 65)})
    recording.record(0, np.zeros((2, 1)), curves)
    return recording


def test_a_panel_measures_the_game(figure1):
    """G(z) = 4 + 2 z is uniform on (2, 6), and D(x) = sigmoid(x - 3): both figures by adaptive quadrature."""

    def d(x):
        return 1 / (1 + np.exp(3 - x))

    logits, g = figure1.X - 3, 4 + 2 * figure1.Z
    panel = figure1.panel(recorded({"g": g, "slope": 0 * g + 2, "logits": logits, "logits_of_g": g - 3}), 0)
    assert np.allclose(panel.p_g[(panel.x > 2) & (panel.x < 6)], 0.25) and np.all(panel.p_g[panel.x > 6.01] == 0)
    assert np.allclose(panel.d, d(panel.x))

    def integral(function, low, high):
        return scipy.integrate.quad(function, low, high, points=[2, 4, 6])[0]

    value = integral(lambda x: P_DATA.pdf(x) * np.log(d(x)), -4, 12) + integral(lambda x: np.log(1 - d(x)) / 4, 2, 6)
    assert panel.value == pytest.approx(value, abs=1e-4)

    def mixed(x):
        return (P_DATA.pdf(x) + 0.25 * ((x > 2) & (x < 6))) / 2

    jsd = integral(lambda x: P_DATA.pdf(x) * np.log(P_DATA.pdf(x) / mixed(x)), -4, 12) / 2
    jsd += integral(lambda x: 0.25 * np.log(0.25 / mixed(x)), 2.000001, 5.999999) / 2
    assert panel.jsd == pytest.approx(jsd, abs=2e-3)  # p_g has jumps, between points of the grid


def test_the_curves_are_the_networks(figure1):
    gan = GAN(gaussian.matched_generator(1, 1), gaussian.matched_discriminator(1))
    curves = figure1.observe(gan)
    assert np.allclose(curves["g"], gan.generator(figure1.Z[:, None]).numpy()[:, 0])
    assert np.allclose(curves["slope"], np.gradient(curves["g"].astype(float), figure1.Z), atol=5e-3)
    answers = gan.discriminator(curves["g"][:, None]).numpy()[:, 0]
    assert np.allclose(1 / (1 + np.exp(-curves["logits_of_g"])), answers, atol=1e-6)


def test_the_rates_change_where_the_phases_do(figure1):
    """G does not move while D comes to its optimum, nor D while G follows."""
    ends = np.cumsum([phase.iterations for phase in figure1.PHASES])
    assert figure1.PRESETS["line"].iterations == ends[-1]
    assert [phase.panel for phase in figure1.PHASES if phase.panel] == ["(a)", "(b)", "(c)", "(d)"]
    held_g, held_d = ([phase for phase in figure1.PHASES if phase[i] == 0] for i in (2, 1))
    assert held_g and held_d and all(end % figure1.PRESETS["line"].record_every == 0 for end in ends)


def test_a_run_of_the_first_phases(tmp_path):
    """Down to the first iterations of G after D's optimum."""
    run = trained("figure1", tmp_path / "run", iterations=1100, record_every=25, m=20)
    metrics = runs.read_metrics(run.folder)
    assert set(metrics["panels"]) == {"(a)", "(b)", "(c)"}  # (d) was not reached, and the picture says so
    assert metrics["panels"]["(b)"]["value"] > metrics["panels"]["(a)"]["value"]  # D has learned, G has not
    assert metrics["panels"]["(c)"]["jsd"] < metrics["panels"]["(b)"]["jsd"]  # G has learned, D has not
    recording = recordings.of_run(run.folder)
    at = {iteration: index for index, iteration in enumerate(recording.iterations)}
    g, d = recording.curves["g"], recording.curves["logits"]
    assert np.array_equal(g[at[75]], g[at[1075]]) and not np.array_equal(g[at[1075]], g[at[1100]])
    assert not np.array_equal(d[at[75]], d[at[1075]]) and np.array_equal(d[at[1075]], d[at[1100]])


Z = np.linspace(-1, 1, 4001)


@pytest.mark.parametrize(
    ("mapped", "slope", "exact", "support"),
    [
        (3 * Z + 1, 3 + 0 * Z, lambda x: 1 / 6 + 0 * x, (-2, 4)),
        (-np.exp(Z), -np.exp(Z), lambda x: -1 / (2 * x), (-np.e, -1 / np.e)),  # falling
        (Z**2, 2 * Z, lambda x: 1 / (2 * np.sqrt(x)), (0.01, 1)),  # two pieces, each with half of the mass
    ],
)
def test_the_density_of_a_map_is_its_closed_form(figure1, mapped, slope, exact, support):
    x = np.linspace(*support, 203)[1:-1]
    assert np.allclose(figure1.density_of_map(x, Uniform(-1, 1), Z, mapped, slope), exact(x), rtol=1e-5)
    outside = np.array([mapped.min() - 0.1, mapped.max() + 0.1])
    assert np.all(figure1.density_of_map(outside, Uniform(-1, 1), Z, mapped, slope) == 0)


def test_the_density_of_a_map_is_that_of_its_samples(figure1):
    z = np.linspace(-6, 6, 4001)

    def wave(z):
        return z + 1.5 * np.sin(2 * z)  # up and down, several times

    samples = wave(Gaussian().sample((1_000_000,), 0, np.float64))
    edges = np.linspace(-4, 4, 41)
    counts, _ = np.histogram(samples, edges)
    x = np.linspace(-4, 4, 40 * 200 + 1)
    density = figure1.density_of_map(x, Gaussian(), z, wave(z), 1 + 3 * np.cos(2 * z))
    masses = density[:-1].reshape(40, 200).mean(axis=1) * 0.2
    assert np.abs(masses - counts / 1e6).max() < 5e-3  # of 0.12, where the map turns and the density has a pole
    assert np.median(np.abs(masses - counts / 1e6)) < 3e-4
