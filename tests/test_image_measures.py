"""experiments/mnist_measures.py on blobs in place of digits."""

import json

from gan_paper import parzen, run
from gan_paper.metrics.neighbours import balls, fit
from tests.test_mnist_experiment import blobs, trained  # noqa: F401

import mnist_data
import mnist_dense
import mnist_measures
import numpy as np
import pytest
from scipy.spatial.distance import cdist


def test_the_classifier_learns_and_comes_back_from_its_file(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)  # ten kinds of image, each a bright bar in another row, dimmed and noisy
    kinds, images = rng.integers(10, size=3300, dtype=np.uint8), rng.integers(0, 40, (3300, 28, 28))
    images[np.arange(3300), 4 + 2 * kinds] += rng.integers(100, 200, (3300, 1))
    images = images.astype(np.uint8).reshape(3300, 784)
    monkeypatch.setattr(mnist_measures, "EPOCHS", 2)
    path = tmp_path / "new" / "c.npz"
    first = mnist_measures.load_classifier(path, images[300:], kinds[300:])
    features, probabilities = first.predict(images[:300] / 255, verbose=0)
    assert features.shape == (300, 64) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == kinds[:300]).mean() > 0.95
    second = mnist_measures.load_classifier(path, None, None)
    assert all(np.array_equal(v, w) for v, w in zip(first.get_weights(), second.get_weights(), strict=True))
    for arrays in ({"00": np.zeros(3)}, {"00": np.array([{}], object)}):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=r"c\.npz is not a readable"):
            mnist_measures.load_classifier(path, None, None)


def test_a_run_has_a_row_for_each_generator(blobs, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setattr(mnist_measures, "load", lambda path: blobs)
    monkeypatch.setattr(mnist_measures, "EPOCHS", 1)
    folder = trained(mnist_dense, tmp_path / "run", iterations=5)
    metrics, prefixes = run.read_metrics(folder), {"last iterate": "last_iterate_", "EMA": ""}
    for name, (samples, log_likelihood) in mnist_measures.read(folder, 200, None).items():
        # they are the very samples whose log-likelihood the run reports
        estimate = parzen.estimate(blobs.test / 255, samples, metrics[f"{prefixes[name]}sigma"])
        assert log_likelihood == metrics[f"{prefixes[name]}log_likelihood"] == pytest.approx(estimate.mean, rel=1e-5)
    classifier, figure = tmp_path / "c.npz", tmp_path / "figure.png"
    capsys.readouterr()
    mnist_measures.main(mnist_measures.Arguments((folder,), None, classifier, 150, centroids=True, figure=figure))
    labels = (f"{tmp_path.name}/run last iterate", f"{tmp_path.name}/run EMA", "test images", "k-means centroids")
    rows = capsys.readouterr().out.splitlines()[3:7]
    assert all(row.startswith(label) for row, label in zip(rows, labels, strict=True))
    content = json.loads((folder / "measures.json").read_text())
    assert list(content["measures"]) == ["last iterate", "EMA"] and list(content["scale"]) == list(labels[2:])
    assert figure.exists() and figure.with_suffix(".pdf").exists()
    (folder / "generator-last.keras").write_text("weights")
    with pytest.raises(run.Refused, match=r"generator-last.keras cannot be used"):
        mnist_measures.main(mnist_measures.Arguments((folder,), None, classifier, 150))


def test_the_measures_are_those_of_their_definitions(monkeypatch):
    rng = np.random.default_rng(0)
    train, test, samples = (rng.random((n, 784), np.float32) for n in (400, 150, 100))
    train[:5] = samples[:5] + 0.001  # five samples are copies
    monkeypatch.setattr(mnist_measures.Measures, "classify", lambda self, images: (images[:, :6], images[:, 10:20]))
    digits = np.repeat(np.arange(10), range(1, 11))  # 55 labels
    measure = mnist_measures.Measures(None, mnist_data.MNIST(train * 255, None, test * 255, digits, None), 100)
    found, drawn = measure(samples), measure.pixels.points
    assert len(drawn) == 100 and cdist(drawn, train).min(axis=1).max() < 1e-5
    assert found["pixels"] == fit(balls(drawn), balls(samples))._asdict()
    assert found["features"] == fit(balls(drawn[:, :6]), balls(samples[:, :6]))._asdict()
    assert found["confident"] == np.mean([max(sample[10:20]) >= 0.9 for sample in samples])
    shares = [sum(np.argmax(sample[10:20]) == digit for sample in samples) / 100 for digit in range(10)]
    assert found["digits"] == pytest.approx(shares)
    assert found["kl"] == pytest.approx(sum(p * np.log(p * 55 / (i + 1)) for i, p in enumerate(shares) if p))
    distances = cdist(samples, train).min(axis=1)
    assert found["nearest"] == pytest.approx(np.median(distances), rel=1e-5)
    limit = np.quantile(cdist(test[:100], train).min(axis=1), 0.01)
    assert found["copies"] == pytest.approx((distances < limit).mean(), abs=0.01) and found["copies"] >= 0.05


def test_anybodys_images(tmp_path):
    path, images = tmp_path / "mine.npy", np.random.default_rng(0).random((120, 28, 28))
    np.save(path, images)
    samples, log_likelihood = mnist_measures.read(path, 110, None)["samples"]
    assert np.allclose(samples, images[:110].reshape(110, 784)) and log_likelihood is None
    np.save(path, images + 0.5)
    with pytest.raises(ValueError, match=r"must hold at least 110 images .* in \[0.5"):
        mnist_measures.read(path, 110, None)
