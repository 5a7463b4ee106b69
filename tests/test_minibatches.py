from gan_paper.distributions import Gaussian, GaussianMixture, Uniform
from tests import conftest

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras.layers import Dense

P_DATA, P_Z = Gaussian(4, 1.25), Uniform(0, 1)


def make_gan():
    return conftest.make_gan(p_z=P_Z, k=2)


def draw(gan, per_call, start=0, stop=30, seed=5, p_data=P_DATA, m=4):
    """What `fit` trains on, one epoch from `start` on."""
    with gan.minibatches(p_data, m, seed).ahead(lambda: start, stop - start, 1, per_call) as calls:
        parts = [(x[:n], z[:n]) for x, z, n in calls]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


@pytest.mark.parametrize("m", [4, 600, 4096])  # drawn in blocks of all iterations, of four, and of one
@pytest.mark.parametrize("p_data", [P_DATA, GaussianMixture((0.5, 0.5), (0.0, 4.0), (1.0, 1.0))])
def test_a_minibatch_is_a_pure_function_of_seed_and_iteration(p_data, m):
    gan = make_gan()
    x, z = draw(gan, 30, p_data=p_data, m=m)
    assert x.shape == (30, 2, m, 2) and z.shape == (30, 3, m, 3)
    for per_call, start in [(1, 0), (7, 5), (10, 20), (3, 11)]:
        x_again, z_again = draw(gan, per_call, start, p_data=p_data, m=m)
        assert np.array_equal(x[start:], x_again) and np.array_equal(z[start:], z_again)


def test_seeds_and_iterations_differ():
    gan = make_gan()
    draws = [draw(gan, 30, seed=seed) for seed in (0, 1, 5)]
    for values in zip(*draws, strict=True):
        assert len(np.unique(values)) > 0.999 * np.size(values)  # float32 uniforms may coincide by chance


def test_minibatches_follow_their_distributions():
    x, z = draw(make_gan(), 100, stop=500, m=20)
    assert scipy.stats.kstest(x.ravel(), P_DATA.cdf).pvalue > 1e-3
    assert scipy.stats.kstest(z.ravel(), P_Z.cdf).pvalue > 1e-3
    # no dimension tells anything of its neighbour, of another update's, or of the next iteration's
    of_x = (x[..., 0], x[..., 1]), (x[:, 0], x[:, 1]), (x[1:], x[:-1])
    for a, b in (*of_x, (z[:, 0], z[:, 2]), (z[1:], z[:-1])):
        assert abs(scipy.stats.pearsonr(a.ravel(), b.ravel()).statistic) < 4 / np.sqrt(a.size)


X = np.random.default_rng(0).normal(size=(210, 2)).astype("float32")
C = np.arange(210) % 7
PAIRS = tf.data.Dataset.from_tensor_slices((X, C)).batch(4, drop_remainder=True)


def conditional(x=X, c=C):
    """Minibatches of pairs (x, c): those of the generator's c are the last."""
    *inputs, of_c = keras.Input((3,)), keras.Input((2,)), keras.Input((1,), dtype="int32")
    G, D = (keras.Model([of, of_c], Dense(size)(of)) for of, size in zip(inputs, (2, 1), strict=True))
    gan = conftest.make_gan(D, G, p_z=P_Z, k=2, logits=True)
    return gan.minibatches(x, None if c is None else 4, 5, c)


@pytest.mark.parametrize("data", [(X, C), (X, C[:, None].astype("float64")), (PAIRS, None)])
def test_conditions_come_with_their_examples(data):
    x, z, c, generators = conditional(*data).draw(0, 60)
    assert c.shape == (60, 2, 4, 1) and generators.shape == (60, 4, 1) and z.shape == (60, 3, 4, 3)
    assert c.dtype == generators.dtype == np.int32
    rows = {x.tobytes(): c for x, c in zip(X, C, strict=True)}
    assert all(rows[x.tobytes()] == c for x, c in zip(x.reshape(-1, 2), c.ravel(), strict=True))
    assert not np.array_equal(c[:, 1], generators)
    assert scipy.stats.chisquare(np.bincount(generators.ravel(), minlength=7)).pvalue > 1e-3
    assert np.array_equal(x, conditional(*data).draw(0, 60)[0])


def test_conditions_are_a_pure_function_of_seed_and_iteration_and_change_no_other_draw():
    whole = conditional().draw(0, 30)
    for part, again in zip(whole, conditional().draw(11, 19), strict=True):
        assert np.array_equal(part[11:], again)
    for part, alone in zip(whole, make_gan().minibatches(X, 4, 5).draw(0, 30), strict=False):
        assert np.array_equal(part, alone)
