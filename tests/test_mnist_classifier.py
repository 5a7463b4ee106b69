from gan_paper import runs
from tests.conftest import experiment

import numpy as np
import pytest


@pytest.fixture(name="classifier", scope="module")
def mnist_classifier():
    return experiment("mnist_classifier")


def bars(count, seed):
    """Ten kinds of image, each a bright bar in another row, dimmed and noisy: bytes (count, 784), and which."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(10, size=count, dtype=np.uint8)
    images = rng.integers(0, 40, (count, 28, 28))
    images[np.arange(count), 4 + 2 * kinds] += rng.integers(100, 200, (count, 1))
    return images.astype(np.uint8).reshape(count, 784), kinds


def test_it_learns_and_comes_back_from_its_file(classifier, tmp_path):
    model = classifier.train(*bars(3000, 0), epochs=2)
    images, kinds = bars(300, 1)
    sight = classifier.look(model, images / 255)
    assert sight.features.shape == (300, 64) and sight.probabilities.shape == (300, 10)
    assert np.allclose(sight.probabilities.sum(axis=1), 1, atol=1e-5) and sight.features.min() >= 0
    assert (sight.probabilities.argmax(axis=1) == kinds).mean() > 0.95
    classifier.save(model, tmp_path / "new" / "c.npz")
    again = classifier.look(classifier.load(tmp_path / "new" / "c.npz"), images / 255)
    assert all(np.array_equal(a, b) for a, b in zip(again, sight, strict=True))


def test_chunks_change_nothing(classifier, monkeypatch):
    model, images = classifier.network(), bars(25, 0)[0] / 255
    whole = classifier.look(model, images)
    monkeypatch.setattr(classifier, "CHUNK", 10)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(classifier.look(model, images), whole, strict=True))


def test_a_file_that_is_there_is_used_and_one_that_is_not_is_made(classifier, monkeypatch, tmp_path, capsys):
    trained = []

    def train(images, labels):
        trained.append((images, labels))
        return classifier.network()

    monkeypatch.setattr(classifier, "train", train)
    path = tmp_path / "c.npz"
    first = classifier.of_file(path, "images", "labels")
    assert trained == [("images", "labels")] and str(path) in capsys.readouterr().out
    second = classifier.of_file(path, None, None)
    assert len(trained) == 1 and capsys.readouterr().out == ""
    assert all(np.array_equal(v, w) for v, w in zip(first.get_weights(), second.get_weights(), strict=True))


def test_refuses(classifier, tmp_path):
    path = tmp_path / "c.npz"
    path.write_text("weights")
    with pytest.raises(runs.Refused, match=r"--classifier .*c.npz is not a readable \.npz file"):
        classifier.of_file(path, None, None)
    np.savez(path, **{"00": np.zeros(3)})
    with pytest.raises(runs.Refused, match="does not hold the weights"):
        classifier.of_file(path, None, None)
    np.savez(path, **{f"{i:02}": w.astype("U5") for i, w in enumerate(classifier.network().get_weights())})
    with pytest.raises(runs.Refused, match="does not hold the weights"):  # words of the right shapes
        classifier.of_file(path, None, None)
