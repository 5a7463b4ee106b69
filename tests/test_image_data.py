import hashlib

import image_data
import keras
import numpy as np
import pytest


def test_the_images_are_split_and_others_are_refused(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(0, 256, (n, 28, 28), np.uint8) for name, n in (("x_train", 7), ("x_test", 3))}
    arrays |= {"y_train": np.arange(7, dtype=np.uint8), "y_test": np.arange(3, dtype=np.uint8)}
    digests = {name: hashlib.sha256(x.tobytes()).hexdigest() for name, x in arrays.items()}
    monkeypatch.setattr(image_data, "DIGESTS", digests)
    monkeypatch.setattr(image_data, "VALIDATION", 2)
    np.savez(tmp_path / "a.npz", **arrays)
    found = image_data.load_mnist(tmp_path / "a.npz")
    train, test = (arrays[name].reshape(-1, 784) for name in ("x_train", "x_test"))
    for part, expected in zip(found, (train[:5], train[5:], test, range(5), range(3), ""), strict=True):
        np.testing.assert_array_equal(part, expected)
    np.savez(tmp_path / "b.npz", **{**arrays, "x_test": arrays["x_test"][::-1]})
    with pytest.raises(ValueError, match=r"b.npz is not MNIST in Keras's layout: x_test .* has another checksum"):
        image_data.load_mnist(tmp_path / "b.npz")


def test_cifar10_in_another_encoding_is_noted(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    small = {f"x_{part}": rng.integers(0, 256, (n, 32, 32, 3), np.uint8) for part, n in (("train", 7), ("test", 3))}
    small |= {"y_train": np.arange(7, dtype=np.uint8)[:, None], "y_test": np.arange(3, dtype=np.uint8)[:, None]}
    monkeypatch.setattr(image_data, "CIFAR10", {name: array.shape for name, array in small.items()})
    monkeypatch.setattr(image_data, "VALIDATION", 2)
    np.savez(tmp_path / "a.npz", **small)
    found = image_data.load_cifar10(tmp_path / "a.npz")
    assert found.note and [len(part) for part in found[:5]] == [5, 2, 3, 5, 3]
    np.testing.assert_array_equal(found.validation, small["x_train"][5:].reshape(2, 3072))
    np.testing.assert_array_equal(found.test_labels, range(3))
    monkeypatch.setattr(image_data, "CHANNELS", small["x_train"].mean(axis=(0, 1, 2)))
    image_data.load_cifar10.cache_clear()
    assert not image_data.load_cifar10(tmp_path / "a.npz").note
    np.savez(tmp_path / "b.npz", **{**small, "x_test": small["x_test"].swapaxes(1, 3)})
    with pytest.raises(ValueError, match=r"b.npz is not CIFAR-10 in Keras's layout: x_test"):
        image_data.load_cifar10(tmp_path / "b.npz")


def test_contrast_is_normalised():
    images = np.random.default_rng(0).integers(0, 256, (50, 3072), np.uint8)
    normalised = image_data.ContrastNormalised(images, -3, 3).sample((20, 3072), 0)
    assert np.allclose(normalised.mean(axis=1), 0, atol=1e-5)
    assert np.allclose(np.linalg.norm(normalised, axis=1), 55, rtol=1e-5)
    correlations = np.corrcoef(normalised, images)[:20, 20:]  # each is one of the images, shifted and scaled
    assert np.allclose(correlations.max(axis=1), 1) and len(set(correlations.argmax(axis=1))) > 10


def test_a_failed_download_says_what_to_do(monkeypatch):
    def fail():
        raise Exception("URL fetch failure on\nhttps://there: None -- unknown")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    image_data.load_mnist.cache_clear()
    with pytest.raises(ValueError, match=r"cannot be downloaded .*https://there.*; --data") as refused:
        image_data.load_mnist(None)
    assert "\n" not in str(refused.value)
