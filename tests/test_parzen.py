import os
from pathlib import Path

from gan_paper import parzen
from gan_paper.parzen import SIGMAS, estimate, log_likelihood, validate

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.neighbors import KernelDensity


def direct(points, samples, sigma):
    """The definition, in float64, with every distance at once."""
    points, samples = np.asarray(points, float), np.asarray(samples, float)
    squares = cdist(points, samples, "sqeuclidean")
    normaliser = points.shape[1] / 2 * np.log(2 * np.pi * sigma**2)
    return logsumexp(-squares / (2 * sigma**2), axis=1) - np.log(len(samples)) - normaliser


def images(count, seed, d=784):
    """Mostly black or white entries in [0, 1], around 10 prototypes, in float32: (count, d)."""
    rng = np.random.default_rng(seed)
    prototypes = np.random.default_rng(0).normal(-1, 3, (10, d))
    logits = prototypes[rng.integers(10, size=count)] + rng.normal(0, 1, (count, d))
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def close(ours, theirs, d):
    """Whether they agree within 1e-4 of the value, plus 2e-5 nats for each entry, the error of float32."""
    return ours.dtype == np.float64 and np.allclose(ours, theirs, rtol=1e-4, atol=2e-5 * d)


@pytest.mark.parametrize("d", [1, 20, 784])
@pytest.mark.parametrize("sigma", [0.1, 1, 100])
def test_agrees_with_the_definition_and_with_scikit_learn(d, sigma):
    points, samples = images(150, 1, d), images(200, 2, d)
    ours = log_likelihood(points, samples, sigma)
    assert close(ours, direct(points, samples, sigma), d)
    # More than one leaf makes scikit-learn's own densities wrong in many dimensions (its issue 25799).
    theirs = KernelDensity(bandwidth=sigma, leaf_size=len(samples)).fit(samples).score_samples(points)
    assert close(ours, theirs, d)


@pytest.mark.parametrize("d", [1, 300])
def test_precise_up_to_the_widest_data_that_are_taken(d):
    rng = np.random.default_rng(0)
    samples = rng.uniform(-8, 8, (300, d))
    points = samples[:100] + rng.normal(0, 1, (100, d))  # near a sample, where the terms cancel
    assert np.allclose(log_likelihood(points, samples, 1), direct(points, samples, 1), rtol=0, atol=5e-5 * d)
    with pytest.raises(ValueError, match="within some 11 sigma of their mean; sigma is"):
        log_likelihood(points, samples, [0.1, 1])


@pytest.mark.parametrize("block", [1, 200, 2**21])
def test_many_widths_in_blocks(monkeypatch, block):
    points, samples = images(37, 1, 20), images(53, 2, 20)
    monkeypatch.setattr(parzen, "BLOCK", block)
    sigmas = np.array([[0.2, 0.3, 0.4], [5, 6, 7]])
    ours = log_likelihood(points, samples, sigmas)
    for index in np.ndindex(sigmas.shape):
        assert close(ours[index], direct(points, samples, sigmas[index]), 20)


@pytest.mark.parametrize("count", [300, 1200])
def test_the_protocol(count):
    assert np.allclose(SIGMAS, np.geomspace(0.1, 1, 10))
    rng = np.random.default_rng(0)
    samples, validation, test = (rng.normal(0, 0.2, (size, 10)) for size in (500, 1200, 200))
    validation[1000:] *= 3  # these would choose a larger width, but only the first 1,000 are used
    validation = validation[:count]
    means = [direct(validation[:1000], samples, sigma).mean() for sigma in SIGMAS]
    chosen = SIGMAS[int(np.argmax(means))]
    assert 0.1 < chosen < 1

    result = validate(validation, samples)
    of_all = direct(validation, samples, chosen)
    assert result == pytest.approx((chosen, of_all.mean(), of_all.std() / count**0.5), rel=1e-4)
    assert result.sigma == chosen

    of_test = direct(test, samples, chosen)
    expected = (chosen, of_test.mean(), of_test.std() / 200**0.5)
    assert estimate(test, samples, chosen) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("points", "samples", "sigmas", "message"),
    [
        (np.zeros((3, 2)), np.zeros((4, 3)), 1, "points of 2 entries and samples of 3"),
        (np.zeros((3, 2)), np.zeros((0, 2)), 1, "samples must be"),
        (np.array([[0, np.nan]]), np.zeros((4, 2)), 1, "must be finite"),
        (np.zeros((3, 2)), np.zeros((4, 2)), [1, -1], "sigma must be positive"),
    ],
)
def test_refuses(points, samples, sigmas, message):
    with pytest.raises(ValueError, match=message):
        log_likelihood(points, samples, sigmas)


@pytest.mark.skipif("GAN_PAPER_MNIST" not in os.environ, reason="GAN_PAPER_MNIST names no mnist.npz in Keras's layout")
def test_training_images_score_as_published():
    # Theis, van den Oord and Bethge (2016) give 243; the draw of the 10,000 images moves it by some 2 nats.
    with np.load(Path(os.environ["GAN_PAPER_MNIST"])) as archive:
        train, test = (archive[name].reshape(-1, 784) / np.float32(255) for name in ("x_train", "x_test"))
    samples = train[np.random.default_rng(0).choice(50_000, 10_000, replace=False)]
    chosen = validate(train[50_000:], samples)
    assert chosen.sigma == pytest.approx(0.167, abs=1e-3)
    assert chosen.mean == pytest.approx(247.3, abs=0.3)
    result = estimate(test, samples, chosen.sigma)
    assert result.mean == pytest.approx(244.2, abs=0.3)
    assert result.standard_error == pytest.approx(2.1, abs=0.05)
