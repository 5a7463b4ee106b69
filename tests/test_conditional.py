"""Conditional GANs (section 6 of the paper): G([z, c]) and D([x, c])."""

from gan_paper import GAN, Gaussian
from tests import conftest
from tests.conftest import copies, descend, equal, weights

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras import layers

RNG = np.random.default_rng(0)
C = RNG.integers(0, 3, 3000)
X = RNG.normal(2.0 * C, 1).astype("float32")[:, None]  # p(x | c) = N(2c, 1)
SGD = keras.optimizers.SGD
slices = tf.data.Dataset.from_tensor_slices


def network(inputs, last=None, classes=3, hidden=16, of_c=()):
    """A network of a vector and a class number."""
    x, c = keras.Input((inputs,)), keras.Input(of_c, dtype="int32")
    h = layers.Concatenate()([x, layers.Reshape((classes,))(layers.Embedding(classes, classes)(c))])
    return keras.Model([x, c], layers.Dense(1, last)(layers.Dense(hidden, "relu")(h)))


def make_gan(optimizer=lambda: SGD(0.05), **kwargs):
    keras.utils.set_random_seed(0)
    gan = GAN(network(4), network(1, "sigmoid"))
    gan.compile(optimizer(), optimizer(), **{"jit_compile": False, **kwargs})
    return gan


def fit(gan, x=X, c=C, **kwargs):
    return gan.fit(x, c, **{"batch_size": 50, "steps_per_epoch": 10, "verbose": 0, **kwargs})


@pytest.mark.parametrize("rule", [{"k": 2}, {"simultaneous": True}])
def test_updates_are_those_of_a_plain_keras_loop(rule):
    """D sees pairs (x, c) and pairs (G(z, c), c) of the same c; G's update has a c of its own."""
    gan, bce = make_gan(**rule), keras.losses.BinaryCrossentropy()
    G, D = copies(gan)

    def of_d(x, z, c):
        real, fake = D([x, c]), D([G([z, c]), c])
        return bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)

    def of_g(D, z, c):
        fake = D([G([z, c]), c])
        return bce(tf.ones_like(fake), fake)

    fit(gan)
    for x, z, c, g_c in zip(*gan.minibatches(X, 50, c=C).draw(0, 10), strict=True):
        x, z, c, g_c = map(tf.constant, (x, z, c, g_c))
        before = keras.models.clone_model(D)
        before.set_weights(weights(D))
        for pair in zip(x, z, c, strict=False):
            descend(D, 0.05, lambda pair=pair: of_d(*pair))
        if "simultaneous" in rule:  # from the same samples, by D as it was
            descend(G, 0.05, lambda D=before, z=z, c=c: of_g(D, z[0], c[0]))
        else:
            descend(G, 0.05, lambda z=z, c=g_c: of_g(D, z[-1], c))
    for a, b in zip(weights(gan), [*weights(G), *weights(D)], strict=True):
        assert np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("data", [(X, 4, 0, C), (X, 4, 0, C[:, None].astype("float64")), (slices((X, C)).batch(4),)])
def test_conditions_come_with_their_examples(data):
    gan = GAN(network(4, of_c=(1,)), network(1, "sigmoid", of_c=(1,)))
    gan.compile(SGD(), SGD(), k=2)
    x, z, c, generators = gan.minibatches(*data).draw(0, 60)
    assert x.shape == (60, 2, 4, 1) and z.shape == (60, 3, 4, 4)
    assert c.shape == (60, 2, 4, 1) and generators.shape == (60, 4, 1)
    assert c.dtype == generators.dtype == np.int32
    assert set(zip(x.ravel(), c.ravel(), strict=True)) <= set(zip(X.ravel(), C, strict=True))
    assert not np.array_equal(c[:, 1], generators)
    assert scipy.stats.chisquare(np.bincount(generators.ravel()), np.bincount(C) * 240 / 3000).pvalue > 1e-3


def test_conditions_are_a_pure_function_of_seed_and_iteration_and_change_no_other_draw():
    whole = make_gan().minibatches(X, 4, 5, C).draw(0, 30)
    for part, again in zip(whole, make_gan().minibatches(X, 4, 5, C).draw(11, 19), strict=True):
        assert np.array_equal(part[11:], again)
    G = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    unconditional = conftest.make_gan(conftest.discriminator(shape=(1,)), G)
    for part, alone in zip(whole, unconditional.minibatches(X, 4, 5).draw(0, 30), strict=False):
        assert np.array_equal(part, alone)


def test_each_class_is_learnt_and_a_shuffled_class_is_not():
    """The moments of N(2c, 1) for each c; with c shuffled against x, those of the mixture for every c."""
    for c, means, std in [(C, [0, 2, 4], 1), (np.random.default_rng(1).permutation(C), [2, 2, 2], np.sqrt(1 + 8 / 3))]:
        gan = make_gan(lambda: keras.optimizers.Adam(5e-3, 0.5, use_ema=True), jit_compile=True)
        fit(gan, c=c, batch_size=250, epochs=3, steps_per_epoch=1000)
        found = [gan.sample(5000, c=k) for k in range(3)]
        assert [x.mean() for x in found] == pytest.approx(means, abs=0.3)
        assert [x.std() for x in found] == pytest.approx([std] * 3, rel=0.2)


def test_a_data_set_of_pairs_saving_and_evaluating(tmp_path):
    gan, dataset = make_gan(), slices((X, C)).batch(50)
    gan.fit(dataset, verbose=0, validation_data=(X[:100], C[:100]))
    assert int(gan.iterations) == len(X) // 50
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert np.array_equal(gan.sample(7, c=C[:7]), loaded.sample(7, c=C[:7]))
    for model in (gan, loaded):
        fit(model)
    assert equal(weights(gan), weights(loaded))
    evaluated = gan.evaluate(X[:100], C[:100])
    fake = gan.discriminator([gan.sample(100, c=C[:100]), C[:100]])
    assert evaluated["d_fake"] == pytest.approx(float(tf.reduce_mean(fake)), rel=1e-4)


def test_columns_of_c_may_have_numbers_of_classes_of_their_own():
    networks = []
    for size, last in ((3, None), (1, "sigmoid")):
        x, c = keras.Input((size,)), keras.Input((2,), dtype="int32")
        embedded = layers.Embedding(10, 2)(c[:, 0]) + layers.Embedding(3, 2)(c[:, 1])
        networks.append(keras.Model([x, c], layers.Dense(1, last)(embedded + layers.Dense(2)(x))))
    gan = GAN(*networks)
    gan.compile(jit_compile=False)
    fit(gan, X, np.random.default_rng(0).integers((10, 3), size=(len(X), 2)))


def test_what_is_refused_by_name():
    gan = make_gan()
    for refused, message in [
        (lambda: fit(gan, c=None), "c must be given"),
        (lambda: fit(gan, c=C[:10]), "c must have as many rows as x, 3000, not 10"),
        (lambda: fit(gan, c=C + 0.5), "c must be finite numbers of int32 from 0 to 2, not from 0 to 2.5"),
        (lambda: fit(gan, Gaussian(), C), "x must be an array or a data set of pairs"),
        (lambda: gan.fit(slices((X, C + 1)).batch(50)), "c must be .* from 0 to 2, not from 0 to 3"),
        (lambda: gan.sample(5, c=C[:4]), "c must have a row for each of 5 samples, or be one for all, not 4"),
    ]:
        with pytest.raises(ValueError, match=message):
            refused()
