import hashlib
import os
import sys
from pathlib import Path

from gan_paper.runs import files

import keras
import mnist_data as mnist
import numpy as np
import pytest


@pytest.fixture
def arrays(monkeypatch):
    """A small set that the module takes for MNIST."""
    rng = np.random.default_rng(0)
    small = {name: rng.integers(0, 256, (n, 28, 28), np.uint8) for name, n in (("x_train", 7), ("x_test", 3))}
    digests = {name: hashlib.sha256(x.tobytes()).hexdigest() for name, x in small.items()}
    monkeypatch.setattr(mnist, "DIGESTS", digests)
    monkeypatch.setattr(mnist, "VALIDATION", 2)
    return small


def check(data, arrays):
    train, test = (arrays[name].reshape(-1, 784) for name in ("x_train", "x_test"))
    np.testing.assert_array_equal(data.train, train[:5])
    np.testing.assert_array_equal(data.validation, train[5:])
    np.testing.assert_array_equal(data.test, test)


def test_the_images_are_split(arrays):
    check(mnist.of_arrays({**arrays, "y_train": np.arange(7)}, "a.npz"), arrays)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda x: None, "x_test is not there"),
        (lambda x: x[::-1], r"x_test \(uint8, shape \(3, 28, 28\)\) has other pixels"),
        (lambda x: x / 255, r"x_test \(float64, shape \(3, 28, 28\)\) has other pixels"),
    ],
)
def test_other_images_are_refused(arrays, change, found):
    arrays["x_test"] = change(arrays["x_test"])
    with pytest.raises(ValueError, match=rf"a.npz is not MNIST in Keras's layout: {found}"):
        mnist.of_arrays({name: array for name, array in arrays.items() if array is not None}, "a.npz")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_download_shows_its_progress_on_a_terminal_only(arrays, monkeypatch, capsys, terminal):
    def load_data():
        print("Downloading data from far away")
        return (arrays["x_train"], None), (arrays["x_test"], None)

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    check(mnist.of_arrays(mnist.download(), "the download"), arrays)
    assert capsys.readouterr().out == ("Downloading data from far away\n" if terminal else "")


def test_a_failed_download_says_what_to_do(monkeypatch):
    def fail():
        raise Exception("URL fetch failure on\nhttps://there: None -- unknown")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(ValueError, match=r"cannot be downloaded .*https://there.*; an .npz file") as refused:
        mnist.download()
    assert "\n" not in str(refused.value)


@pytest.mark.skipif("GAN_PAPER_MNIST" not in os.environ, reason="GAN_PAPER_MNIST names no file")
def test_the_real_images():
    data = mnist.of_arrays(files.read_arrays(Path(os.environ["GAN_PAPER_MNIST"])), "the file")
    assert [images.shape for images in data] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    # The sums of the file's first 50,000 training images, its last 10,000, and its test images.
    assert [int(images.sum(dtype=np.int64)) for images in data] == [1_309_089_051, 258_209_494, 264_923_200]
