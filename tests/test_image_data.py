import hashlib

import image_data
import numpy as np
import pytest


def made(monkeypatch, path, name, shape):
    """Write a small data set of images of this shape, and make the loader expect it; return its arrays."""
    rng, label = np.random.default_rng(0), (1,) if name == "CIFAR10" else ()
    arrays = {f"x_{part}": rng.integers(0, 256, (n, *shape), np.uint8) for part, n in (("train", 7), ("test", 3))}
    arrays |= {f"y_{part}": np.arange(n, dtype=np.uint8).reshape(n, *label) for part, n in (("train", 7), ("test", 3))}
    monkeypatch.setattr(image_data, name, {part: array.shape for part, array in arrays.items()})
    monkeypatch.setattr(image_data, "VALIDATION", 2)
    np.savez(path, **arrays)
    return arrays


def test_mnist_is_split_and_another_is_refused(monkeypatch, tmp_path):
    arrays = made(monkeypatch, tmp_path / "a.npz", "MNIST", (28, 28))
    content = b"".join(array.tobytes() for array in arrays.values())
    monkeypatch.setattr(image_data, "MNIST_DIGEST", hashlib.sha256(content).hexdigest())
    train, test = (arrays[name].reshape(-1, 784) for name in ("x_train", "x_test"))
    expected = train[:5], train[5:], test, range(5), range(3), ""
    for part, right in zip(image_data.load_mnist(tmp_path / "a.npz"), expected, strict=True):
        np.testing.assert_array_equal(part, right)
    np.savez(tmp_path / "b.npz", **{**arrays, "x_test": arrays["x_test"][::-1]})
    with pytest.raises(ValueError, match=r"b\.npz is not MNIST"):
        image_data.load_mnist(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("name", "title", "channels"), [("CIFAR10", "CIFAR-10", (3,)), ("FASHION_MNIST", "Fashion-MNIST", ())]
)
def test_another_encoding_is_noted(name, title, channels, monkeypatch, tmp_path):
    arrays = made(monkeypatch, tmp_path / "a.npz", name, (32, 32, *channels))
    load = getattr(image_data, f"load_{name.lower()}")
    found = load(tmp_path / "a.npz")
    assert found.note and [len(part) for part in found[:5]] == [5, 2, 3, 5, 3]
    np.testing.assert_array_equal(found.validation, arrays["x_train"][5:].reshape(2, -1))
    monkeypatch.setitem(image_data.MEANS, title, np.atleast_1d(arrays["x_train"].mean(axis=(0, 1, 2))))
    load.cache_clear()
    assert not load(tmp_path / "a.npz").note


def test_contrast_is_normalised():
    images = np.random.default_rng(0).integers(0, 256, (50, 3072), np.uint8)
    normalised = image_data.ContrastNormalised(images, -3, 3).sample((20, 3072), 0)
    assert np.allclose(normalised.mean(axis=1), 0, atol=1e-5)
    assert np.allclose(np.linalg.norm(normalised, axis=1), 55, rtol=1e-5)
    assert not image_data.ContrastNormalised(images).scaled(np.full((2, 3072), 7)).any()  # nothing to normalise
    correlations = np.corrcoef(normalised, images)[:20, 20:]  # each is one of the images, shifted and scaled
    assert np.allclose(correlations.max(axis=1), 1) and len(set(correlations.argmax(axis=1))) > 10
