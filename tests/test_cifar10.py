"""CIFAR-10's networks against the authors' released settings, and a run on stripes in place of CIFAR-10."""

from gan_paper import run
from tests.conftest import trained

import cifar10
import image_experiment
import keras
import numpy as np
import pytest
import scipy.stats


def weights(*layers):
    """The number of weights, with biases, of layers given as (inputs, units); a convolution's inputs are a patch."""
    return sum(inputs * units + units for inputs, units in layers)


@pytest.mark.parametrize(
    ("convolutional", "of_g", "of_d"),
    [
        (False, weights((100, 8000), (8000, 8000), (8000, 3072)), weights((3072, 8000), (1600, 8000), (1600, 1))),
        (
            True,
            weights((100, 8000), (8000, 8000)) + 80 * 5 * 5 * 3 + 3072,
            weights((8 * 8 * 3, 64), (8 * 8 * 32, 64), (5 * 5 * 32, 384), (5 * 5 * 192, 2500), (500, 1)),
        ),
    ],
)
def test_the_networks_have_the_published_sizes_and_initial_weights(convolutional, of_g, of_d):
    networks = cifar10.make_generator(1, convolutional), cifar10.make_discriminator(1, convolutional)
    assert [sum(int(np.prod(v.shape)) for v in network.trainable_variables) for network in networks] == [of_g, of_d]
    for network, limits in zip(networks, ([0.05, 0.05, 0.05 if convolutional else 0.5], [0.005]), strict=True):
        kernels = [np.abs(layer.kernel).max() for layer in network.layers if hasattr(layer, "kernel")]
        assert kernels == pytest.approx(limits * (len(kernels) // len(limits)), rel=0.05)


def test_weights_dropout_and_learning_rates_begin_as_published(images):
    for layer, limit in zip(cifar10.make_generator(4).layers, (0.05, 0.05, 0.5), strict=True):
        kernel = np.ravel(layer.kernel)[:10_000]
        assert scipy.stats.kstest(kernel, scipy.stats.uniform(-limit, 2 * limit).cdf).pvalue > 1e-3
    for preset, wider, rates in (("full-small", 1, [0.0125, 0.025]), ("conv-small", 4, [0.005, 0.04])):
        gan = cifar10.make_gan(cifar10.PRESETS[preset])
        layers = gan.discriminator.layers
        dropped = [layer.rate for layer in layers if hasattr(layer, "rate")]
        assert dropped == [0.2] + [0.5] * (len(dropped) - 1)
        greatest = [np.abs(layer.kernel).max() for layer in layers if hasattr(layer, "kernel")]
        assert greatest == pytest.approx([0.005 * wider] * len(dropped), rel=0.1)
        found = [float(optimizer.learning_rate) for optimizer in (gan.d_optimizer, gan.g_optimizer)]
        assert gan.simultaneous and found == pytest.approx(rates, rel=1e-4)


def test_a_maxout_convolution_is_that_of_cuda_convnet():
    rng = np.random.default_rng(0)
    convolution = keras.layers.Conv2D(8, 3, padding="same")
    x = rng.normal(size=(2, 7, 7, 3)).astype(np.float32)
    convolution.build(x.shape)
    convolution.bias.assign(rng.normal(size=8))
    found = np.asarray(cifar10.MaxoutPooling(2, size=4, stride=2)(convolution(x)))
    kernel, bias = convolution.get_weights()
    padded, detected = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), np.empty((2, 7, 7, 4))
    for row, column in np.ndindex(7, 7):
        convolved = np.tensordot(padded[:, row : row + 3, column : column + 3], kernel, 3) + bias
        detected[:, row, column] = np.maximum(convolved[:, :4], convolved[:, 4:])
    assert found.shape == (2, 3, 3, 4)  # the last pools have three rows, or columns, where the others have four
    for row, column in np.ndindex(3, 3):
        pool = detected[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4]
        assert np.allclose(found[:, row, column], pool.max(axis=(1, 2)), atol=1e-5)


def test_a_run_leaves_its_files(images, tmp_path, monkeypatch):
    monkeypatch.setattr(image_experiment, "SAMPLES", 40)
    changes = {"m": 4, "iterations": 4, "record_every": 2, "evaluate_every": 1, "ema": 0.5}
    trained("cifar10", tmp_path, "conv-small", figures=True, **changes)
    history, metrics = run.read_history(tmp_path), run.read_metrics(tmp_path)
    assert {"precision", "last_iterate_recall"} <= history.keys() and len(history["epoch"]) == 2
    assert metrics["note"] == "stripes" and {"recall", "last_iterate_precision"} <= metrics.keys()
    generator = keras.saving.load_model(tmp_path / "generator.keras")
    assert generator.predict(np.zeros((1, 100)), verbose=0).shape == (1, 3072)
