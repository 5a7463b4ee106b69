"""Every experiment by the protocol, and claims about the networks, data and figures of single ones."""

from dataclasses import replace
from types import SimpleNamespace

from gan_paper import run
from gan_paper.distributions import Uniform
from gan_paper.run import files
from tests.conftest import EXPERIMENTS, NAMES, equal, stopped_at, trained, weights
from tests.kill import outcome

import figure1
import gaussian
import keras
import numpy as np
import pytest
import scipy.integrate
import sine
from scipy.special import rel_entr


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_trains_resumes_and_plots(name, tmp_path, monkeypatch):
    smaller = {"m": 16, **({"n": 50, "noise_size": 50} if name == "vectors" else {})}
    folder = trained(name, tmp_path / "whole", figures=True, pdf=name == "gaussian", **smaller)
    found = {path.name for path in folder.path.iterdir()}
    assert found >= {"config.json", "history.csv", "histograms.npz", "metrics.json", "training.png"}
    assert ("training.pdf" in found) == (name == "gaussian")  # the only one with --pdf
    assert name == "numpy_gan" or found >= {"generator.keras", "discriminator.keras"}
    metrics = run.read_metrics(folder.path)
    assert metrics["experiment"] == name and metrics["reference"] and {"value", "d_real", "d_fake"} <= metrics.keys()
    assert all(isinstance(value, str) or np.isfinite(value) for value in metrics.values())

    with stopped_at(10):
        trained(name, tmp_path / "parts", **smaller)
    monkeypatch.setattr(files.Checkpoints, "is_due", lambda checkpoints: True)
    trained(name, tmp_path / "parts", resume=True, **smaller)
    assert outcome(tmp_path / "parts") == outcome(folder.path)


def test_a_short_training_is_accepted():
    """It has a quarter of the default's iterations. The tables have the results of whole runs."""
    config = replace(gaussian.PRESETS["default"], iterations=2000, k=2, g_learning_rate=8e-4, seed=100)
    gan, recording = gaussian.make_gan(config), gaussian.recording(config)
    gan.fit(gaussian.data(config), batch_size=config.m, steps_per_epoch=2000, seed=100, verbose=0)
    recording.record(2000, gan.sample(100_000))
    reference = EXPERIMENTS.parent / "figures" / "reference" / "gaussian.npz"
    assert run.verdict(recording, reference, {}) == "accepted by gaussian"


@pytest.mark.parametrize("preset", gaussian.PRESETS)
def test_no_number_of_the_networks_comes_from_the_data(preset):
    """Another p_data gives the same networks, which have no constants. At first p_g is far from p_data."""
    config = gaussian.PRESETS[preset]
    target = "N(0, 1)" if config.target == "mixture" else "mixture"
    gan, other = (gaussian.make_gan(c) for c in (config, replace(config, target=target)))
    assert equal(weights(gan), weights(other))
    layers = [*gan.generator.layers, *gan.discriminator.layers]
    assert not any(isinstance(layer, keras.layers.Rescaling) for layer in layers)
    assert gan.sample(10_000).std() < 0.3 * gaussian.data(config).std


@pytest.mark.parametrize(("end", "off", "share"), [(2 * np.pi, 0, 1), (5.2, 0.1, 27 / 32)])
def test_the_metrics_of_points_on_a_curve(end, off, share):
    """Of the curve itself, and of a curve above it without one end: 26.5 of the 32 bins lie below 5.2."""

    def sample(count, seed):
        x = np.random.default_rng(seed).uniform(0, end, count)
        return np.stack([x, np.sin(x) + off], axis=1)

    curve = SimpleNamespace(sample=sample, evaluate=lambda x, seed: {})
    found = sine.evaluate(curve, sine.PRESETS["default"])
    assert found["curve_error"] == pytest.approx(off, abs=1e-12)
    assert found["bins_in_proportion"] == pytest.approx(share)
    assert found["energy_distance_of_true"] == pytest.approx(5e-4, rel=0.1)  # E|X - X'| is some 2.4
    assert (found["energy_distance"] < 3 * found["energy_distance_of_true"]) == (off == 0)


def test_a_panel_measures_its_curves():
    """G(z) = artanh z - 3 has the density sech^2(x + 3) / 2, and D(x) = sigmoid(-x - 3): by adaptive quadrature."""

    def p_g(x):
        return 0.5 / np.cosh(x + 3) ** 2

    def log_d(x, sign=1):
        return -np.log1p(np.exp(sign * (x + 3)))

    recording = SimpleNamespace(curves={"g": [np.arctanh(figure1.Z) - 3], "logits": [-figure1.X - 3]})
    panel, p_data = figure1.panel(recording, 0), figure1.P_DATA.pdf
    assert np.allclose(panel.p_g, p_g(panel.x), rtol=1e-3, atol=1e-5)
    assert np.allclose(panel.d, np.exp(log_d(panel.x)))
    assert np.allclose(panel.optimal, p_data(panel.x) / (p_data(panel.x) + p_g(panel.x)), atol=1e-3)

    def integral(function):
        return scipy.integrate.quad(function, -14, 10, points=[-3, -2])[0]

    value = integral(lambda x: p_data(x) * log_d(x) + p_g(x) * log_d(x, -1))
    jsd = integral(lambda x: sum(rel_entr(p(x), (p_data(x) + p_g(x)) / 2) for p in (p_data, p_g))) / 2
    assert panel.value == pytest.approx(value, abs=3e-4)  # G stops at artanh(1 - 1e-5)
    assert panel.jsd == pytest.approx(jsd, abs=3e-4)


def test_g_and_d_rest_in_their_phases(tmp_path):
    """G rests from panel (a) to (b), while D learns. D rests from (b) to (c), while G makes one update."""
    a, _, b, _, c, *_ = figure1.ENDS
    folder = trained("figure1", tmp_path / "run", iterations=c, record_every=25, m=20)
    at = {iteration: index for index, iteration in enumerate(folder.recording.iterations)}
    g, d = folder.recording.curves["g"], folder.recording.curves["logits"]
    assert np.array_equal(g[at[a]], g[at[b]]) and not np.array_equal(g[at[b]], g[at[c]])
    assert not np.array_equal(d[at[a]], d[at[b]]) and np.array_equal(d[at[b]], d[at[c]])
    metrics = run.read_metrics(folder.path)
    assert metrics["b_value"] > metrics["a_value"] and metrics["c_jsd"] < 0.9 * metrics["b_jsd"]
    assert "d_jsd" not in metrics


def test_the_density_of_a_map_of_two_pieces():
    """The two halves of z^2 have half of the mass each; the density is 1 / (2 sqrt x)."""
    z, x = np.linspace(-1, 1, 4001), np.linspace(0.01, 1, 203)[1:-1]
    assert np.allclose(figure1.density_of_map(x, Uniform(-1, 1), z, z**2), 1 / (2 * np.sqrt(x)), rtol=1e-4)
    assert np.all(figure1.density_of_map(np.array([-0.1, 1.1]), Uniform(-1, 1), z, z**2) == 0)
