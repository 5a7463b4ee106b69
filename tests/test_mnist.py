import hashlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from gan_paper import mnist


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


def test_a_file_in_kerass_layout(tmp_path, arrays):
    np.savez(tmp_path / "mnist.npz", **arrays, y_train=np.arange(7))
    check(mnist.load(tmp_path / "mnist.npz"), arrays)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda x: None, "x_test is not there"),
        (lambda x: x[::-1], r"x_test \(uint8, shape \(3, 28, 28\)\) has other pixels"),
        (lambda x: x / 255, r"x_test \(float64, shape \(3, 28, 28\)\) has other pixels"),
    ],
)
def test_other_images_are_refused(tmp_path, arrays, change, found):
    arrays["x_test"] = change(arrays["x_test"])
    np.savez(tmp_path / "mnist.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(ValueError, match=rf"mnist.npz is not MNIST in Keras's layout: {found}"):
        mnist.load(tmp_path / "mnist.npz")


def downloaded(arrays):
    print("Downloading data from far away")
    return (arrays["x_train"], None), (arrays["x_test"], None)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_download_shows_its_progress_on_a_terminal_only(arrays, monkeypatch, capsys, terminal):
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: downloaded(arrays))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    check(mnist.load(), arrays)
    assert capsys.readouterr().out == ("Downloading data from far away\n" if terminal else "")


def test_a_failed_download_says_what_to_do(monkeypatch):
    def fail():
        raise Exception("URL fetch failure on\nhttps://there: None -- unknown")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(ValueError, match="cannot be downloaded .*https://there.*; pass --data PATH") as refused:
        mnist.load()
    assert "\n" not in str(refused.value)


def test_a_file_is_read_without_keras(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from gan_paper import mnist\n"
        "try:\n    mnist.load(pathlib.Path('missing'))\n"
        "except ValueError:\n    print('keras' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.stdout == "False\n"


@pytest.mark.skipif("GAN_PAPER_MNIST" not in os.environ, reason="GAN_PAPER_MNIST names no file")
def test_the_real_images():
    data = mnist.load(Path(os.environ["GAN_PAPER_MNIST"]))
    assert [images.shape for images in data] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    # The sums of the file's first 50,000 training images, its last 10,000, and its test images.
    assert [int(images.sum(dtype=np.int64)) for images in data] == [1_309_089_051, 258_209_494, 264_923_200]
