"""experiments/mnist_measures.py on blobs in place of digits."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from gan_paper import parzen, runs
from gan_paper.measure.neighbours import balls, fit
from gan_paper.runs import files
from tests.conftest import cheaper, experiment

import mnist_data
import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist


@pytest.fixture(name="measures")
def mnist_measures(monkeypatch):
    """The script, with fewer samples, and a classifier that has learnt nothing."""
    module = experiment("mnist_measures")
    y, x = np.mgrid[:28, :28]
    centres = np.random.default_rng(0).uniform(8, 20, (800, 2, 1, 1))
    images = 255 * np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 18)
    images = images.astype(np.uint8).reshape(800, 784)
    kinds = (centres[:, 0, 0, 0] // 2).astype(np.uint8) % 10
    monkeypatch.setattr(
        module.mnist, "load", lambda path: mnist_data.MNIST(images[:500], images[500:600], images[600:])
    )
    monkeypatch.setattr(
        module.mnist, "load_labels", lambda path: mnist_data.Labels(kinds[:500], kinds[500:600], kinds[600:])
    )
    monkeypatch.setattr(module.mnist, "SAMPLES", 200)
    monkeypatch.setattr(module, "LEAST_ACCURACY", 0)
    monkeypatch.setattr(module.mnist_classifier, "EPOCHS", 1)
    cheaper(monkeypatch)
    return module


def trained(measures, folder, **changes):
    settings = replace(measures.mnist.PRESETS[changes.pop("preset", "paper")], output=folder, iterations=15, **changes)
    with runs.Run("mnist", settings) as opened:
        measures.mnist.main(settings, opened)
    return folder


@pytest.mark.parametrize("preset", ["paper", "dense"])
def test_a_run_has_a_row_for_each_generator(measures, tmp_path, preset, capsys):
    run = trained(measures, tmp_path / "run", preset=preset)
    match = runs.read_metrics(run)["match"]
    names = {"last iterate": "last_iterate_", "average": ""}
    for name, samples, log_likelihood in measures.of_run(run, 200):
        assert samples.shape == (200, 784) and samples.min() >= 0 and samples.max() <= 1
        # they are the very samples whose log-likelihood the run reports
        estimate = parzen.estimate(measures.mnist.load(None).test / 255, samples, match[f"{names[name]}sigma"])
        assert estimate.mean == pytest.approx(log_likelihood, rel=1e-5)
        assert log_likelihood == match[f"{names[name]}log_likelihood"]
    capsys.readouterr()
    measures.main(measures.Arguments((run,), classifier=tmp_path / "c.npz", samples=150, centroids=True))
    header, last, average, test, centroids = capsys.readouterr().out.splitlines()[2:7]
    labels = ("run last iterate", "run average", "test images", "k-means centroids")
    assert [line.startswith(label) for line, label in zip((last, average, test, centroids), labels, strict=True)]
    assert header.split() == " ".join(measures.HEADER).split()
    content = json.loads((run / "measures.json").read_text())
    assert list(content["measures"]) == ["last iterate", "average"]
    assert list(content["scale"]) == ["test images", "k-means centroids"]
    assert content["samples"] == 150 and content["k"] == 3
    assert content["measures"]["average"]["log_likelihood"] == match["log_likelihood"]
    assert not runs.foreign(run) and files.check_seal(run) is None
    picture = tmp_path / "pictures.png"  # again, over what is there
    measures.main(measures.Arguments((run,), classifier=tmp_path / "c.npz", samples=150, picture=picture))
    assert picture.exists() and str(picture.with_suffix(".pdf")) in capsys.readouterr().out


def test_the_judge_counts_right(measures, monkeypatch):
    rng = np.random.default_rng(0)
    train, test, samples = (rng.random((n, 784), np.float32) for n in (400, 150, 100))
    train[:5] = samples[:5] + 0.001  # five samples are copies

    def look(classifier, images):
        return SimpleNamespace(features=images[:, :6], probabilities=images[:, 10:20])

    monkeypatch.setattr(measures.mnist_classifier, "look", look)
    data_shares = np.arange(1, 11) / 55
    judge = measures.Judge(None, train, test, data_shares, 100)
    found = judge(samples)
    drawn = judge.pixels.points
    assert len(drawn) == 100 and all((train == point).all(axis=1).any() for point in drawn)
    assert found["pixels"] == fit(balls(drawn), balls(samples))._asdict()
    assert found["features"] == fit(balls(drawn[:, :6]), balls(samples[:, :6]))._asdict()
    assert found["confident"] == np.mean([max(sample[10:20]) >= 0.9 for sample in samples])
    shares = np.array([sum(np.argmax(sample[10:20]) == digit for sample in samples) / 100 for digit in range(10)])
    assert found["digits"] == pytest.approx(shares)
    assert found["kl"] == pytest.approx(sum(p * np.log(p / q) for p, q in zip(shares, data_shares, strict=True) if p))
    distances = cdist(samples, train).min(axis=1)
    assert found["nearest"] == pytest.approx(np.median(distances), rel=1e-5)
    limit = np.sort(cdist(test[:100], train).min(axis=1))[:2].mean()  # about the 1 % nearest of 100
    assert found["copies"] == pytest.approx((distances < limit).mean(), abs=0.02) and found["copies"] >= 0.05


def test_centroids_are_those_of_lloyds_algorithm(measures):
    rng = np.random.default_rng(0)
    # Of pixels' size: with larger entries a processor's rounding decides which of two means is nearer.
    train = rng.uniform(size=(300, 784)).astype(np.float32)
    first = train[np.random.default_rng(1).choice(300, 20, replace=False)]
    expected, _ = kmeans2(train, first.copy(), iter=measures.PASSES, minit="matrix")
    before = train.copy()
    assert np.allclose(measures.centroids(train, 20), expected, atol=1e-5)
    assert np.array_equal(train, before)


def test_anybodys_images(measures, tmp_path, capsys):
    images = measures.mnist.load(None).test[:120] / 255
    np.save(tmp_path / "mine.npy", images)
    path, output = tmp_path / "mine.npy", tmp_path / "new" / "folder"
    measures.main(measures.Arguments((path,), classifier=tmp_path / "c.npz", samples=120, output=output))
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split()[0] == "mine" and lines[3].split()[3:] == lines[4].split()[3:]  # they are test images
    assert json.loads((output / "mine.json").read_text())["measures"].keys() == {"samples"}
    np.save(path, images + 0.5)
    with pytest.raises(runs.Refused, match=r"must hold at least 120 images .* in \[0.5, 1\.4"):
        measures.main(measures.Arguments((path,), classifier=tmp_path / "c.npz", samples=120))


def test_refuses(measures, tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    config = {"experiment": "mnist", "layout": 3, "settings": {"preset": "paper", "seed": 0}, "versions": {}}
    for name, content in (("config", config), ("metrics", {"experiment": "mnist", "match": {}})):
        (run / f"{name}.json").write_text(json.dumps(content))
    (run / "generator.keras").write_text("weights")
    (run / "generator-last.keras").write_text("weights")
    files.seal(run)
    with pytest.raises(runs.Refused, match=r"--picture here.jpg must end in .png"):
        measures.main(measures.Arguments((run,), picture=Path("here.jpg")))
    (run / "generator-last.keras").write_text("others")
    with pytest.raises(runs.Refused, match=r"generator-last.keras is damaged"):
        measures.main(measures.Arguments((run,)))
    files.seal(run)  # so that its checksum is right
    with pytest.raises(runs.Refused, match=r"generator-last.keras cannot be used"):
        measures.main(measures.Arguments((run,), classifier=tmp_path / "c.npz", samples=150))
    with zipfile.ZipFile(run / "generator-last.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    files.seal(run)
    with pytest.raises(runs.Refused, match=r"generator-last.keras cannot be used"):
        measures.main(measures.Arguments((run,), classifier=tmp_path / "c.npz", samples=150))
    (run / "generator-last.keras").unlink()
    with pytest.raises(runs.Refused, match=r"generator-last.keras is missing"):
        measures.main(measures.Arguments((run,)))
    assert not (run / "measures.json").exists()
    monkeypatch.setattr(measures, "LEAST_ACCURACY", 0.99)
    np.save(tmp_path / "a.npy", np.zeros((100, 784)))
    with pytest.raises(runs.Refused, match=r"c.npz must name 99% of them rightly"):
        measures.main(measures.Arguments((tmp_path / "a.npy",), classifier=tmp_path / "c.npz", samples=100))
    monkeypatch.setattr(measures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(runs.Refused, match=r"pip install '.\[mnist\]'"):
        measures.main(measures.Arguments((tmp_path / "a.npy",)))
