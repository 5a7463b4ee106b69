"""experiments/image_measures.py on blobs in place of digits."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from gan_paper import parzen, run
from gan_paper.metrics.neighbours import balls, compute_prdc
from tests.conftest import ROOT, trained

import image_classifier
import image_data
import image_measures
import numpy as np
import pytest
from scipy.spatial.distance import cdist

REAL = os.environ.get("GAN_PAPER_MNIST")
KEPT = ROOT / "figures" / "reference" / "mnist" / "sharp-seed0"


@pytest.mark.parametrize("shape", image_classifier.SIZES)
def test_the_classifier_learns_and_comes_back_from_its_file(shape, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)  # ten kinds of image, each a bright bar in another row, dimmed and noisy
    kinds, images = rng.integers(10, size=3300, dtype=np.uint8), rng.integers(0, 40, (3300, *shape))
    images[np.arange(3300), 4 + 2 * kinds] += rng.integers(100, 200, (3300, 1, 1))
    images = images.reshape(3300, -1) / np.float32(255)
    monkeypatch.setattr(image_classifier, "SIZES", {shape: (16, 2)})
    monkeypatch.setattr(image_classifier, "REFERENCES", tmp_path)
    data, of = SimpleNamespace(train=images[300:], train_labels=kinds[300:]), {"shape": shape, "dataset": "new"}
    config = SimpleNamespace(images=lambda: data, measured=lambda pixels: pixels, **of)
    first = image_classifier.load_classifier(config)
    features, probabilities = first.predict(images[:300], verbose=0)
    assert features.shape == (300, 64) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == kinds[:300]).mean() > 0.95
    second = image_classifier.load_classifier(SimpleNamespace(**of))  # without images
    assert all(np.array_equal(v, w) for v, w in zip(first.get_weights(), second.get_weights(), strict=True))


def test_a_run_has_measures_for_each_generator(images, tmp_path, monkeypatch):
    """Of as many samples as the run itself evaluated: its own log-likelihoods."""
    monkeypatch.setattr(image_classifier, "SIZES", {(28, 28, 1): (16, 1)})
    monkeypatch.setattr(image_classifier, "REFERENCES", tmp_path)  # has no classifier yet
    monkeypatch.setattr(image_measures, "LEAST", 200)
    monkeypatch.setattr(image_measures, "of_test_images", lambda test, shape: {"blurred": test})
    monkeypatch.setattr(image_measures, "of_training_images", lambda train, count: {"noise": train[:count]})
    folder = trained("mnist_dense", tmp_path / "run", iterations=5, record_every=5).path
    figure, output = tmp_path / "figure.png", tmp_path / "new" / "run"
    arguments = image_measures.Arguments((folder,), None, 200, baselines=True, output=output.parent, figure=figure)
    image_measures.main(arguments)
    with pytest.raises(run.Refused, match="must have names that differ"):
        image_measures.main(replace(arguments, of=(folder, shutil.copytree(folder, tmp_path / "more" / "run"))))
    metrics, content = run.read_metrics(folder), json.loads((output / "measures.json").read_text())
    assert ["log_likelihood" in measured for measured in content["scale"].values()] == [False, False, True]
    assert len(list(output.glob("generator*.png"))) == 4 and figure.exists()
    for name, prefix in {"last iterate": "last_iterate_", "EMA": ""}.items():
        measures = content["measures"][name]
        assert measures["sigma"] == metrics[f"{prefix}sigma"]
        assert measures["log_likelihood"] == pytest.approx(metrics[f"{prefix}log_likelihood"], rel=1e-5)
        assert abs(np.log(measures["fine_sigma"] / measures["sigma"])) <= np.log(10) / 9


def test_the_measures_are_those_of_their_definitions(monkeypatch):
    rng = np.random.default_rng(0)
    train, test, samples = (rng.integers(0, 256, (n, 784), np.uint8) / np.float32(255) for n in (400, 150, 100))
    train[:5] = samples[:5] + 0.001  # five samples are copies
    monkeypatch.setattr(image_measures.Measures, "classify", lambda self, images: (images[:, :6], images[:, 10:20]))
    digits = np.repeat(np.arange(10), range(1, 11))  # 55 labels
    data = image_data.ImageSet(train, test, test, digits, None)
    config = SimpleNamespace(images=lambda: data, measured=lambda pixels: pixels, has_log_likelihood=True)
    measure = image_measures.Measures(None, config, 100)
    found, drawn = measure(samples), measure.pixels.points
    assert len(drawn) == 100 and cdist(drawn, train).min(axis=1).max() < 1e-5
    assert found["pixels"] == compute_prdc(balls(drawn), balls(samples))._asdict()
    assert found["features"] == compute_prdc(balls(drawn[:, :6]), balls(samples[:, :6]))._asdict()
    assert found["confident"] == np.mean([max(sample[10:20]) >= 0.9 for sample in samples])
    shares = [sum(np.argmax(sample[10:20]) == digit for sample in samples) / 100 for digit in range(10)]
    assert found["classes"] == pytest.approx(shares)
    assert found["kl"] == pytest.approx(sum(p * np.log(p * 55 / (i + 1)) for i, p in enumerate(shares) if p))
    distances = cdist(samples, train).min(axis=1)
    assert found["nearest"] == pytest.approx(np.median(distances), rel=1e-5)
    limit = np.quantile(cdist(test[:100], train).min(axis=1), 0.01)
    assert found["copies"] == pytest.approx((distances < limit).mean(), abs=0.01) and found["copies"] >= 0.05


def test_anybodys_coloured_images_are_normalised_as_the_data_are(monkeypatch, tmp_path):
    monkeypatch.setattr(image_data, "load", lambda name, path: image_data.ImageSet(*[None] * 5))
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).random((120, 32, 32, 3)))
    rows = image_measures.read(tmp_path / "mine.npy", 110, None).samples["samples"]
    assert rows.shape == (110, 3072)
    assert np.allclose(rows.mean(axis=1), 0.5, atol=1e-5) and np.allclose(rows.std(axis=1), 55 / 3072**0.5 / 6)


@pytest.mark.skipif(not REAL, reason="GAN_PAPER_MNIST names no file")
def test_kept_networks_have_the_kept_log_likelihood():
    found, metrics = image_measures.read(KEPT, 10_000, Path(REAL)), run.read_metrics(KEPT)
    test = found.config.measured(found.config.images().test)
    estimate = parzen.estimate(test, found.samples["last iterate"], metrics["last_iterate_sigma"])
    assert estimate.mean == pytest.approx(metrics["last_iterate_log_likelihood"], abs=0.01)
