import functools

from gan_paper.distributions import Gaussian, GaussianMixture, Uniform
from tests import conftest

import numpy as np
import pytest
import scipy.stats

P_DATA, P_Z = Gaussian(4, 1.25), Uniform(0, 1)
make_gan = functools.partial(conftest.make_gan, p_z=P_Z, k=2)


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
