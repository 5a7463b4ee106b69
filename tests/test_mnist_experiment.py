"""experiments/mnist.py on a small synthetic image set, and on MNIST where GAN_PAPER_MNIST names it."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

from gan_paper import parzen, runs
from gan_paper.runs import training
from gan_paper.runs.checkpoints import Checkpoints
from tests.conftest import cheaper, experiment

import keras
import mnist_data
import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

REAL = os.environ.get("GAN_PAPER_MNIST")


@pytest.fixture(name="experiment")
def mnist_experiment():
    return experiment("mnist")


@pytest.fixture
def blobs(monkeypatch, experiment):
    """A bright blob somewhere on black, in place of digits; few samples to judge it by."""
    y, x = np.mgrid[:28, :28]
    centres = np.random.default_rng(0).uniform(8, 20, (800, 2, 1, 1))
    images = 255 * np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 18)
    images = images.astype(np.uint8).reshape(800, 784)
    data = mnist_data.MNIST(images[:500], images[500:650], images[650:])
    monkeypatch.setattr(experiment, "load", lambda path: data)
    monkeypatch.setattr(experiment, "SAMPLES", 200)
    cheaper(monkeypatch, pictures=True)
    return data


def run(experiment, folder, **changes):
    settings = replace(experiment.PRESETS[changes.pop("preset", "paper")], output=folder, **changes)
    with runs.Run("mnist", settings) as opened:
        experiment.main(settings, opened)
    return opened


@pytest.mark.parametrize("preset", ["paper", "dense"])
def test_a_run_leaves_its_files(experiment, blobs, tmp_path, preset, capsys):
    opened = run(experiment, tmp_path / "run", preset=preset, iterations=20, evaluate_every=2, average=0.5)
    assert {path.name for path in opened.folder.iterdir()} == {
        "config.json", "metrics.json", "history.csv", "histograms.npz", "checkpoints", "generator.keras",
        "generator-last.keras", "discriminator.keras", "samples.gif", "SHA256SUMS", ".lock", ".written",
        *(f"{name}.png" for name in ("samples", "interpolations", "log_likelihood", "training")),
        *(f"{name}.pdf" for name in ("samples", "interpolations", "log_likelihood", "training")),
    }  # fmt: skip
    metrics = json.loads((opened.folder / "metrics.json").read_text())
    assert list(metrics["match"]) == [
        "log_likelihood", "standard_error", "sigma", "validation",
        "last_iterate_log_likelihood", "last_iterate_standard_error", "last_iterate_sigma", "last_iterate_validation",
    ]  # fmt: skip
    with (opened.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2, 3, 4]  # 5 minibatches of 100 each
    measured = {float(row["epoch"]): float(row["log_likelihood"]) for row in rows if row["log_likelihood"] != "nan"}
    assert list(measured) == [2, 4]
    # the reported figures are those of the average and of the last iterate, by the estimator, on the test images
    noise = opened_noise(experiment, preset, seed=0)
    for name, prefix in (("generator", ""), ("generator-last", "last_iterate_")):
        samples = keras.models.load_model(opened.folder / f"{name}.keras").predict(noise, verbose=0)
        samples = (samples + 1) / 2 if preset == "dense" else samples
        sigma = parzen.validate(blobs.validation / 255, samples).sigma
        assert sigma == metrics["match"][f"{prefix}sigma"]
        expected = parzen.log_likelihood(blobs.test / 255, samples, sigma).mean()
        assert metrics["match"][f"{prefix}log_likelihood"] == pytest.approx(expected, rel=1e-4)
    average, last = (
        keras.models.load_model(opened.folder / f"{name}.keras").get_weights()
        for name in ("generator", "generator-last")
    )
    assert not any(np.array_equal(v, w) for v, w in zip(average, last, strict=True))
    with Image.open(opened.folder / "samples.gif") as animation:
        assert animation.n_frames == 5
    assert "log_likelihood" in capsys.readouterr().out


def opened_noise(experiment, preset, seed):
    from gan_paper.distributions import Gaussian, Uniform

    p_z = Gaussian(0, 1) if preset == "dense" else Uniform(-(3**0.5), 3**0.5)
    return p_z.sample((experiment.SAMPLES, 100), (seed, 1, 9))


def test_an_interrupted_run_ends_as_an_uninterrupted_one(experiment, blobs, tmp_path, monkeypatch):
    cheaper(monkeypatch)
    flags = {"preset": "dense", "iterations": 15, "evaluate_every": 1, "average": 0.9}
    whole = run(experiment, tmp_path / "whole", **flags)
    record = training.Recorder.on_epoch_end

    def interrupt(recorder, epoch, logs):
        record(recorder, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "is_due", lambda self: True)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training.Recorder, "on_epoch_end", interrupt)
        run(experiment, tmp_path / "parts", **flags)
    parts = run(experiment, tmp_path / "parts", resume=True, **flags)
    assert (parts.folder / "history.csv").read_text() == (whole.folder / "history.csv").read_text()
    a, b = (runs.read_metrics(r.folder)["match"] for r in (whole, parts))
    assert a == b
    for name in ("generator.keras", "generator-last.keras", "discriminator.keras"):
        a, b = (keras.models.load_model(r.folder / name).get_weights() for r in (whole, parts))
        assert all(np.array_equal(v, w) for v, w in zip(a, b, strict=True))


@pytest.mark.parametrize("preset", ["paper", "released", "crisp", "dense"])
def test_the_rules_of_a_preset(experiment, preset):
    settings = experiment.PRESETS[preset]
    train = np.zeros((4, 784), np.uint8)
    train[:, 1], train[:2, 2] = 255, 255
    gan = experiment.make_gan(settings, train, 500, None)
    middle, end = settings.iterations // 2, settings.iterations
    for optimizer, first in ((gan.d_optimizer, settings.d_rate), (gan.g_optimizer, settings.g_rate)):
        rates = [optimizer.learning_rate]
        for iteration in (middle, end):
            optimizer.iterations.assign(iteration)
            rates.append(optimizer.learning_rate)
        expected = {
            "paper": [1.000004**-t for t in (0, middle, end)],
            "released": [1.000004**-t for t in (0, middle, end)],
            "crisp": [1, 0.5, 0],
            "dense": [1, 1, 1],
        }[preset]
        assert np.allclose(rates, first * np.array(expected), rtol=1e-4, atol=1e-9)
    assert gan.simultaneous == (preset == "released")
    rates = {"released": (0.05, 0.1), "dense": (2e-4, 2e-4)}.get(preset, (0.05, 0.3))
    assert (settings.d_rate, settings.g_rate) == rates
    if preset != "dense":
        black, white, grey = expit(np.asarray(gan.generator.layers[-1].bias))[:3]
        assert (black, white, grey) == pytest.approx((1e-3, 1 - 1e-3, 0.5), rel=1e-4)
        gan = experiment.make_gan(replace(settings, clip_means=1e-7), train, 500, None)
        assert expit(np.asarray(gan.generator.layers[-1].bias))[0] == pytest.approx(1e-7, rel=1e-4)


@pytest.mark.parametrize("preset", ["paper", "crisp"])
def test_an_average_is_no_longer_than_what_blurs(experiment, preset):
    """It reaches back 100 to 500 iterations at the first rates, or fewer where these have fallen."""
    settings = experiment.PRESETS[preset]
    decay = experiment.make_gan(settings, np.zeros((4, 784), np.uint8), 500, None).g_optimizer.ema_momentum
    reach = 1 / (1 - decay)
    assert reach == pytest.approx(settings.average * settings.iterations)
    ages = np.arange(round(reach)) / settings.iterations
    moved = ((1 - np.cos(np.pi * ages)) / 2).sum() if settings.cosine else reach
    assert moved <= 500 and (reach >= 100)


@pytest.mark.skipif(not REAL, reason="GAN_PAPER_MNIST names no file")
def test_an_untrained_generator_draws_the_mean_image(experiment):
    """Its Parzen window is one Gaussian around that image, so its log-likelihood has a closed form."""
    data = experiment.load(Path(REAL))
    means = data.train.mean(axis=0) / 255
    generator = experiment.networks.paper_generator(means)
    samples = generator.predict(opened_noise(experiment, "paper", 0)[:2000], verbose=0)
    sigma = parzen.validate(data.validation[:1000] / 255, samples).sigma
    test = data.test[:1000] / 255
    squares = ((test - means) ** 2).sum(axis=1).mean()
    expected = -squares / (2 * sigma**2) - 784 / 2 * np.log(2 * np.pi * sigma**2)
    assert parzen.log_likelihood(test, samples, sigma).mean() == pytest.approx(expected, abs=10)
