import hashlib

import keras
import mnist_data
import numpy as np
import pytest


@pytest.fixture
def arrays(monkeypatch):
    """A small set that the module takes for MNIST."""
    rng = np.random.default_rng(0)
    small = {name: rng.integers(0, 256, (n, 28, 28), np.uint8) for name, n in (("x_train", 7), ("x_test", 3))}
    small |= {"y_train": np.arange(7, dtype=np.uint8), "y_test": np.arange(3, dtype=np.uint8)}
    digests = {name: hashlib.sha256(x.tobytes()).hexdigest() for name, x in small.items()}
    monkeypatch.setattr(mnist_data, "DIGESTS", digests)
    monkeypatch.setattr(mnist_data, "VALIDATION", 2)
    mnist_data.load.cache_clear()
    yield small
    mnist_data.load.cache_clear()


def test_the_images_are_split(arrays, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    found = mnist_data.load(tmp_path / "a.npz")
    train, test = (arrays[name].reshape(-1, 784) for name in ("x_train", "x_test"))
    for part, expected in zip(found, (train[:5], train[5:], test, range(5), range(3)), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_other_images_are_refused(arrays, tmp_path):
    for change in (lambda x: x[::-1], lambda x: x / 255):
        np.savez(tmp_path / "a.npz", **{**arrays, "x_test": change(arrays["x_test"])})
        with pytest.raises(ValueError, match=r"a.npz is not MNIST in Keras's layout: x_test .* has another checksum"):
            mnist_data.load(tmp_path / "a.npz")


def test_a_failed_download_says_what_to_do(monkeypatch):
    def fail():
        raise Exception("URL fetch failure on\nhttps://there: None -- unknown")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    mnist_data.load.cache_clear()
    with pytest.raises(ValueError, match=r"cannot be downloaded .*https://there.*; --data") as refused:
        mnist_data.load(None)
    assert "\n" not in str(refused.value)
