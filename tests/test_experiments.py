"""Every experiment by the protocol; and what single ones claim of their networks, data and figures."""

from dataclasses import replace
from itertools import pairwise

from gan_paper import run
from gan_paper.distributions import Uniform
from gan_paper.metrics.distances import vector_distances
from gan_paper.run import files
from tests.conftest import EXPERIMENTS, trained
from tests.kill import outcome

import figure1
import gaussian
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import sine
import uniform_to_gaussian
import vectors

NAMES = [name for name in run.config.find_experiments(EXPERIMENTS) if not name.startswith("mnist")]
"""Those that need no files; `test_mnist_experiment.py` has the others."""
SMALLER = {"vectors": {"n": 50, "noise_size": 50}}


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_trains_resumes_and_plots(name, tmp_path, monkeypatch):
    smaller = {"m": 16, **SMALLER.get(name, {})}
    folder = trained(name, tmp_path / "whole", figures=True, **smaller)
    found = {path.name for path in folder.path.iterdir()}
    assert found >= {"config.json", "history.csv", "histograms.npz", "metrics.json", "training.png", "training.pdf"}
    assert name == "numpy_gan" or found >= {"generator.keras", "discriminator.keras"}
    metrics = run.read_metrics(folder.path)
    assert metrics["experiment"] == name and metrics["reference"] and {"value", "d_real", "d_fake"} <= metrics.keys()
    assert all(isinstance(value, str) or np.isfinite(value) for value in metrics.values())

    save = files.Checkpoints.save

    def save_and_stop(checkpoints, state):
        save(checkpoints, state)
        if state.iteration == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(files.Checkpoints, "is_due", lambda checkpoints: True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files.Checkpoints, "save", save_and_stop)
        trained(name, tmp_path / "parts", **smaller)
    trained(name, tmp_path / "parts", resume=True, **smaller)
    assert outcome(tmp_path / "parts") == outcome(folder.path)


def test_a_short_training_is_accepted():
    """In a quarter of the default's iterations; what whole runs reach is in the tables."""
    config = replace(gaussian.PRESETS["default"], iterations=2000, k=2, g_learning_rate=8e-4, seed=100)
    gan, recording = gaussian.make_gan(config), gaussian.recording(config)
    gan.fit(gaussian.data(config), batch_size=config.m, steps_per_epoch=2000, seed=100, verbose=0)
    recording.record(2000, gan.sample(100_000))
    reference = EXPERIMENTS.parent / "figures" / "reference" / "gaussian.npz"
    assert run.verdict(recording, reference) == "accepted by gaussian"


# Networks


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (vectors.notebook_generator(7, 3), (3, 50, 50, 7)),
        (vectors.notebook_discriminator(7), (7, 50, 50, 1)),
        (gaussian.make_generator(3, hidden=3, activation="tanh"), (3, 50, 50, 50, 1)),
        (gaussian.make_discriminator(hidden=3), (1, 50, 50, 50, 1)),
        (uniform_to_gaussian.make_generator(), (1, 8, 16, 1)),
        (uniform_to_gaussian.make_discriminator(), (1, 8, 1)),
        (sine.make_generator(), (2, 16, 32, 2)),
        (sine.make_discriminator(), (2, 256, 128, 64, 1)),
    ],
)
def test_sizes_are_the_published_ones(network, sizes):
    assert [w.shape for w in network.trainable_variables[::2]] == list(pairwise(sizes))
    output = network(np.full((4, sizes[0]), 100.0, "f"))
    assert output.shape == (4, sizes[-1])
    assert network.name == "generator" or np.all((output >= 0) & (output <= 1))


@pytest.mark.parametrize("preset", gaussian.PRESETS)
def test_no_number_of_the_networks_comes_from_the_data(preset):
    """Another p_data gives the same networks, which have no constants; p_g is far from it at first."""
    config = gaussian.PRESETS[preset]
    target = "N(0, 1)" if config.target == "mixture" else "mixture"
    gan, other = (gaussian.make_gan(c) for c in (config, replace(config, target=target)))
    assert all(np.array_equal(a, b) for a, b in zip(gan.get_weights(), other.get_weights(), strict=True))
    assert not any(
        "Rescaling" in type(layer).__name__ for n in (gan.generator, gan.discriminator) for layer in n.layers
    )
    assert gan.sample(10_000).std() < 0.3 * gaussian.data(config).std


# The sine's metrics


@pytest.mark.parametrize(("end", "off", "share"), [(2 * np.pi, 0, 1), (5.2, 0.1, 27 / 32)])
def test_the_metrics_of_points_on_a_curve(monkeypatch, end, off, share):
    """Of the curve itself, and of one above it that leaves out an end: 26.5 of the 32 bins lie below 5.2."""

    class Curve:
        def sample(self, count, seed):
            x = np.random.default_rng(seed).uniform(0, end, count)
            return np.stack([x, np.sin(x) + off], axis=1)

    monkeypatch.setattr(sine, "discriminator_metrics", lambda *arguments: {})
    found = sine.evaluate(Curve(), sine.PRESETS["default"])
    assert found["curve_error"] == pytest.approx(off, abs=1e-12)
    assert found["bins_in_proportion"] == pytest.approx(share)
    assert found["energy_distance_of_true"] == pytest.approx(5e-4, rel=0.1)  # E|X - X'| is some 2.4
    assert (found["energy_distance"] < 3 * found["energy_distance_of_true"]) == (off == 0)


# Vectors


DEPENDENT = {  # vectors (2000, 100), whose dimensions are N(0, 1)
    "low rank": lambda rng: (
        rng.normal(size=(2000, 7)) @ scipy.linalg.orth(rng.normal(size=(100, 7))).T * (100 / 7) ** 0.5
    ),
    "two thirds of the rank": lambda rng: (
        rng.normal(size=(2000, 65)) @ scipy.linalg.orth(rng.normal(size=(100, 65))).T / 0.65**0.5
    ),
    "copies of ten dimensions": lambda rng: np.tile(rng.normal(size=(2000, 10)), 10),
    "a common factor": lambda rng: 0.9 * rng.normal(size=(2000, 100)) + 0.19**0.5 * rng.normal(size=(2000, 1)),
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_dimensions_are_seen(name):
    """By their correlation matrix, and by a classifier on vectors that it has not learned from."""
    rng = np.random.default_rng(0)
    wrong, true, examples = 4 + 1.25 * DEPENDENT[name](rng), *rng.normal(4, 1.25, (2, 2000, 100))
    found = {kind: vector_distances(samples, vectors.P_DATA) for kind, samples in (("true", true), ("wrong", wrong))}
    assert found["true"]["independent"] and not found["wrong"]["independent"]
    assert vectors.classifier_accuracy(true, examples) == pytest.approx(0.5, abs=0.05)
    assert vectors.classifier_accuracy(wrong, examples) > 0.6


# Figure 1


def test_a_panel_measures_its_curves():
    """G(z) = 4 + 2 z is uniform on (2, 6), and D(x) = sigmoid(x - 3): both numbers by adaptive quadrature."""
    logits, g, p_data = figure1.X - 3, 4 + 2 * figure1.Z, figure1.P_DATA.pdf

    def d(x):
        return 1 / (1 + np.exp(3 - x))

    panel = figure1.panel({"g": g, "slope": 0 * g + 2, "logits": logits, "logits_of_g": g - 3})
    assert np.allclose(panel.p_g[(panel.x > 2) & (panel.x < 6)], 0.25) and np.all(panel.p_g[panel.x > 6.01] == 0)
    assert np.allclose(panel.d, d(panel.x))

    def integral(function, low, high):
        return scipy.integrate.quad(function, low, high, points=[2, 4, 6])[0]

    value = integral(lambda x: p_data(x) * np.log(d(x)), -4, 12) + integral(lambda x: np.log(1 - d(x)) / 4, 2, 6)
    assert panel.value == pytest.approx(value, abs=1e-4)

    def mixed(x):
        return (p_data(x) + 0.25 * ((x > 2) & (x < 6))) / 2

    jsd = integral(lambda x: p_data(x) * np.log(p_data(x) / mixed(x)), -4, 12) / 2
    jsd += integral(lambda x: 0.25 * np.log(0.25 / mixed(x)), 2.000001, 5.999999) / 2
    assert panel.jsd == pytest.approx(jsd, abs=2e-3)  # p_g has jumps, between points of the grid


def test_g_and_d_rest_in_their_phases(tmp_path):
    """G from the end of panel (a) to that of (b), while D learns; D from there to (c), while G learns."""
    folder = trained("figure1", tmp_path / "run", iterations=1100, record_every=25, m=20)
    at = {iteration: index for index, iteration in enumerate(folder.recording.iterations)}
    g, d = folder.recording.curves["g"], folder.recording.curves["logits"]
    assert np.array_equal(g[at[75]], g[at[1075]]) and not np.array_equal(g[at[1075]], g[at[1100]])
    assert not np.array_equal(d[at[75]], d[at[1075]]) and np.array_equal(d[at[1075]], d[at[1100]])
    jsd, value = (
        dict(zip(folder.history["iteration"], folder.history[n], strict=True)) for n in ("jsd", "exact_value")
    )
    assert value[1075] > value[75] and jsd[1100] < jsd[1075]


Z = np.linspace(-1, 1, 4001)


@pytest.mark.parametrize(
    ("mapped", "slope", "exact", "support"),
    [
        (3 * Z + 1, 3 + 0 * Z, lambda x: 1 / 6 + 0 * x, (-2, 4)),
        (-np.exp(Z), -np.exp(Z), lambda x: -1 / (2 * x), (-np.e, -1 / np.e)),  # falling
        (Z**2, 2 * Z, lambda x: 1 / (2 * np.sqrt(x)), (0.01, 1)),  # two pieces, each with half of the mass
    ],
)
def test_the_density_of_a_map_is_its_closed_form(mapped, slope, exact, support):
    x = np.linspace(*support, 203)[1:-1]
    assert np.allclose(figure1.density_of_map(x, Uniform(-1, 1), Z, mapped, slope), exact(x), rtol=1e-5)
    outside = np.array([mapped.min() - 0.1, mapped.max() + 0.1])
    assert np.all(figure1.density_of_map(outside, Uniform(-1, 1), Z, mapped, slope) == 0)
