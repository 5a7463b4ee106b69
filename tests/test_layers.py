from gan_paper import layers
from gan_paper.layers import Dropout

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf


def test_elu_is_kerass_own_and_is_saved_as_it(tmp_path):
    x = np.linspace(-20, 20, 1001, dtype="f")
    assert np.allclose(layers.elu(x), keras.activations.elu(x), atol=2e-7)
    generator = keras.Sequential([keras.Input((3,)), layers.torch_dense(3, 7, layers.elu)])
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert loaded.layers[0].activation is keras.activations.elu
    z = np.random.default_rng(0).uniform(size=(5, 3)).astype("f")
    assert np.allclose(loaded(z), generator(z), atol=1e-6)


def test_torch_dense_starts_as_pytorch_does():
    layer = layers.torch_dense(25, 1000)
    layer.build((None, 25))
    for weights in layer.get_weights():
        assert scipy.stats.kstest(weights.ravel(), scipy.stats.uniform(-0.2, 0.4).cdf).pvalue > 1e-3


def test_dropout_drops_at_its_rate_and_scales_the_rest():
    layer = Dropout(0.3, seed=1)
    x = tf.random.stateless_normal((100, 200), [1, 2])
    kept = np.asarray(layer(x, training=True))
    alive = kept != 0
    assert alive.mean() == pytest.approx(0.7, abs=4 * (0.21 / x.shape.num_elements()) ** 0.5)
    assert np.allclose(kept[alive], x.numpy()[alive] / 0.7)
    assert np.array_equal(layer(x, training=False), x) and np.array_equal(layer(x), x)
    assert np.array_equal(Dropout(0.0)(x, training=True), x)


def test_dropout_masks_are_independent():
    x, made = tf.ones((32, 64)), (Dropout(0.3, seed=0), Dropout(0.3, seed=1))
    a, b = (np.stack([np.asarray(layer(x, training=True)) > 0 for _ in range(400)]) - 0.7 for layer in made)
    pairs = {
        "units": (a[:, :, 1:], a[:, :, :-1]),
        "rows": (a[:, 1:], a[:, :-1]),
        "calls": (a[1:], a[:-1]),
        "two calls": (a[2:], a[:-2]),
        "layers": (a, b),
    }
    for name, (one, other) in pairs.items():
        assert abs((one * other).sum() / (0.21 * np.sqrt(one.size))) < 4, name
    chi2 = (a.sum(axis=0) ** 2 / (400 * 0.21)).sum()
    assert scipy.stats.chi2(a[0].size).cdf(chi2) == pytest.approx(0.5, abs=0.499)


def test_dropout_survives_saving(tmp_path):
    model = keras.Sequential([keras.Input((16,)), Dropout(0.5)])
    x = tf.ones((8, 16))
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(model(x, training=True), loaded(x, training=True))  # the masks go on where they were
