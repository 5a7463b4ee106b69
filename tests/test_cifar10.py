"""CIFAR-10's networks against the authors' released settings, and a run on stripes in its place."""

import math
from dataclasses import replace

from gan_paper import run
from gan_paper.layers import MaxoutConv2D
from tests.conftest import cheaper, trained

import cifar10
import image_experiment
import keras
import numpy as np
import pytest
import scipy.stats


def weights(*layers):
    return sum(inputs * units + units for inputs, units in layers)


SIZES = {  # weights of G and of D
    "full": (
        weights((100, 8000), (8000, 8000), (8000, 3072)),
        weights((3072, 8000), (1600, 8000), (1600, 1)),
    ),
    "conv": (
        weights((100, 8000), (8000, 8000)) + 80 * 5 * 5 * 3 + 3072,
        weights((8 * 8 * 3, 64), (8 * 8 * 32, 64), (5 * 5 * 32, 384), (5 * 5 * 192, 2500), (500, 1)),
    ),
}
RATES = {"full": [0.0125, 0.025], "conv": [0.002, 0.004]}


@pytest.mark.parametrize("preset", SIZES)
def test_the_published_networks_train(preset, images, monkeypatch):
    config = replace(cifar10.PRESETS[preset], m=2, ema=0.0)
    cheaper(monkeypatch)
    gan = cifar10.make_gan(config)
    networks = gan.generator, gan.discriminator
    assert tuple(sum(math.prod(v.shape) for v in n.trainable_variables) for n in networks) == SIZES[preset]
    before = [np.copy(network.weights[-1]) for network in networks]
    gan.fit(cifar10.data(config), batch_size=2, steps_per_epoch=2, verbose=0)
    assert not any(np.array_equal(n.weights[-1].numpy(), v) for n, v in zip(networks, before, strict=True))
    rates = [float(optimizer.learning_rate) for optimizer in (gan.d_optimizer, gan.g_optimizer)]
    assert gan.simultaneous and rates == pytest.approx(RATES[preset], rel=1e-4)


def test_initial_weights_are_uniform_in_the_published_ranges():
    generator, discriminator = cifar10.make_generator(4), cifar10.make_discriminator(4)
    for layer, limit in zip(generator.layers, (0.05, 0.05, 0.5), strict=True):
        kernel = np.ravel(layer.kernel)[:10_000]
        assert scipy.stats.kstest(kernel, scipy.stats.uniform(-limit, 2 * limit).cdf).pvalue > 1e-3
    for network, wider in ((discriminator, 1), (cifar10.make_discriminator(4, True), 2)):
        dropped = [layer.rate for layer in network.layers if hasattr(layer, "rate")]
        assert dropped == [0.2] + [0.5] * (len(dropped) - 1)
        kernels = [np.abs(layer.kernel) for layer in network.layers if hasattr(layer, "kernel")]
        limits = [0.005, *[0.005 * wider] * (len(kernels) - 1)]
        assert len(kernels) == len(dropped)
        assert all(0.9 * limit < kernel.max() <= limit for kernel, limit in zip(kernels, limits, strict=True))
    assert not any(np.any(layer.bias) for layer in generator.layers)


def test_a_maxout_convolution_is_that_of_cuda_convnet():
    rng = np.random.default_rng(0)
    layer = MaxoutConv2D(4, 2, 3, padding=1, pool_size=4, pool_stride=2)
    x = rng.normal(size=(2, 7, 7, 3)).astype(np.float32)
    layer.build(x.shape)
    layer.bias.assign(rng.normal(size=8))
    found, kernel, bias = np.asarray(layer(x)), np.asarray(layer.kernel), np.asarray(layer.bias)
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
    trained("cifar10", tmp_path, "full-small", figures=True, **changes)
    history, metrics = run.read_history(tmp_path), run.read_metrics(tmp_path)
    assert {"precision", "last_iterate_recall"} <= history.keys() and len(history["epoch"]) == 2
    assert metrics["note"] == "stripes" and {"recall", "last_iterate_precision"} <= metrics.keys()
    generator = keras.saving.load_model(tmp_path / "generator.keras")
    assert generator.predict(np.zeros((1, 100)), verbose=0).shape == (1, 3072)
