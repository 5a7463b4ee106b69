from gan_paper.distributions import Gaussian, GaussianMixture, Uniform

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from image_data import Images

MIXTURE = GaussianMixture((0.3, 0.7), (-2.0, 3.0), (0.5, 1.5))
ALL = [Gaussian(4, 1.25), Uniform(-1, 3), MIXTURE]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", ALL, ids=lambda p: type(p).__name__)
def test_draws_follow_the_distribution(p, dtype):
    values = p.sample((100, 1000), (1, 2), dtype).ravel().astype(float)
    assert scipy.stats.kstest(values, p.cdf).pvalue > 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaussian_draws_are_independent_and_have_their_tails(dtype):
    # With seed 17, one of the uniform float32 numbers is exactly 0, which has no logarithm.
    values = Gaussian(4, 1.25).sample((2, 1_000_000), 17, dtype).astype(float)
    z = (values - 4) / 1.25
    # The transform of Box and Muller makes z[0, i] and z[1, i] from one radius and one angle.
    assert scipy.stats.kstest((z**2).sum(axis=0), "chi2", args=(2,)).pvalue > 1e-3
    assert scipy.stats.kstest(np.arctan2(z[1], z[0]), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-3
    beyond, expected = (np.abs(z) > 4).sum(), 2 * scipy.stats.norm.sf(4) * z.size
    assert scipy.stats.poisson.sf(beyond, expected) > 1e-3 and scipy.stats.poisson.cdf(beyond, expected) > 1e-3
    assert np.isfinite(z).all() and (dtype == np.float64 or np.abs(z).max() < 5.8)


@pytest.mark.parametrize("p", ALL, ids=lambda p: type(p).__name__)
def test_pdf_integrates_to_cdf_which_quantile_inverts(p):
    for x in (-2.5, -0.5, 1.0, 3.5):
        mass, _ = scipy.integrate.quad(p.pdf, -12, x, points=[-1.0, 3.0], limit=200)
        assert mass == pytest.approx(p.cdf(x), abs=1e-8)
    q = np.array([[1e-6, 0.01, 0.25], [0.5, 0.9, 1 - 1e-6]])
    assert np.allclose(p.cdf(p.quantile(q)), q, rtol=1e-9, atol=1e-12)
    assert np.shape(p.quantile(0.3)) == ()


PIXELS = np.arange(30, dtype=np.uint8).reshape(10, 3) * 8


def test_images_are_drawn_uniformly_and_with_replacement():
    p = Images(PIXELS, -1, 1)
    drawn = p.sample((2, 500, 3), (1, 2))
    assert drawn.shape == (2, 500, 3) and drawn.dtype == np.float32
    found, counts = np.unique(drawn.reshape(-1, 3), axis=0, return_counts=True)
    assert np.allclose(found, PIXELS / 127.5 - 1, atol=1e-7) and scipy.stats.chisquare(counts).pvalue > 1e-3
    assert np.array_equal(drawn, p.sample((2, 500, 3), (1, 2))) and not np.array_equal(drawn, p.sample((2, 500, 3), 1))
    assert np.allclose(p.unscaled(drawn), (drawn + 1) / 2)
