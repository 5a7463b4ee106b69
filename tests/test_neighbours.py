from gan_paper.measure.neighbours import Fit, balls, fit, nearest

import numpy as np
import pytest
from scipy.spatial.distance import cdist


def direct(data, samples, k):
    """The papers' definitions, point by point, in float64."""
    radii = {}
    for name, points in (("data", data), ("samples", samples)):
        own = cdist(points, points)
        radii[name] = [sorted(own[i][np.arange(len(points)) != i])[k - 1] for i in range(len(points))]
    between = cdist(data, samples)  # (of data, of samples)
    precise = [any(between[i, j] <= radii["data"][i] for i in range(len(data))) for j in range(len(samples))]
    recalled = [any(between[i, j] <= radii["samples"][j] for j in range(len(samples))) for i in range(len(data))]
    dense = [sum(between[i, j] <= radii["data"][i] for i in range(len(data))) / k for j in range(len(samples))]
    covered = [min(between[i]) <= radii["data"][i] for i in range(len(data))]
    return Fit(*(float(np.mean(x)) for x in (precise, recalled, dense, covered)))


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 2), (60, 25, 5), (9, 80, 784)])
def test_agrees_with_the_definitions(k, n, m, d):
    rng = np.random.default_rng((k, n))
    data, samples = rng.normal(size=(n, d)), rng.normal(0.3, 0.8, (m, d))
    assert fit(balls(data, k), balls(samples, k)) == pytest.approx(direct(data, samples, k), abs=1e-12)


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    data, samples = balls(rng.normal(size=(300, 4))), balls(rng.normal(0.5, 1.5, (400, 4)))
    from gan_paper.measure import neighbours

    whole = fit(data, samples)
    monkeypatch.setattr(neighbours, "BLOCK", 0.01)  # MB: 4 rows
    assert fit(data, samples) == whole == pytest.approx(direct(data.points, samples.points, 3))


@pytest.mark.parametrize("k", [3, 5])
def test_coverage_and_density_of_one_distribution_are_those_of_the_paper(k):
    """Naeem et al., 2020, section 3.3: density 1, and coverage 1 - (N - 1) ... (N - k) / (2 N - 1) ... (2 N - k)."""
    rng, n = np.random.default_rng(0), 1000
    found = [fit(balls(rng.normal(size=(n, 2)), k), balls(rng.normal(size=(n, 2)), k)) for _ in range(10)]
    steps = np.arange(1, k + 1)
    expected = 1 - np.prod((n - steps) / (2 * n - steps))
    assert np.mean([f.coverage for f in found]) == pytest.approx(expected, abs=0.01)
    assert np.mean([f.density for f in found]) == pytest.approx(1, abs=0.02)


def test_precise_far_from_the_origin():
    rng = np.random.default_rng(0)
    data, samples = rng.integers(0, 20, (100, 3)), rng.integers(0, 20, (100, 3))
    assert fit(balls(data + 1000), balls(samples + 1000)) == fit(balls(data), balls(samples))


def test_nearest_is_the_nearest_by_brute_force():
    rng = np.random.default_rng(0)
    points, among = rng.uniform(size=(40, 784)), rng.uniform(size=(700, 784))
    distances, which = nearest(points, among)
    assert np.array_equal(which, cdist(points, among).argmin(axis=1))
    assert np.allclose(distances, cdist(points, among).min(axis=1), rtol=1e-5)
    assert np.allclose(nearest(among[:5], among)[0], 0, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: balls(np.zeros(3)), r"points must be .* of shape \(3,\)"),
        (lambda: balls(np.zeros((4, 2), complex)), "points must be finite numbers"),
        (lambda: balls(np.full((4, 2), np.nan)), "points must be finite numbers"),
        (lambda: balls(np.zeros((0, 2))), "points must be finite numbers"),
        (lambda: balls(np.zeros((3, 2))), "k must be from 1 to one less than the 3 points, not 3"),
        (lambda: balls(np.zeros((3, 2)), 0), "not 0"),
        (lambda: fit(balls(np.eye(5)), balls(np.eye(6))), "one space .* 5 and 6 entries"),
        (lambda: fit(balls(np.eye(5)), balls(np.eye(5), 2)), "one k, .* 3 and 2"),
        (lambda: nearest(np.eye(5), np.eye(6)), "points of 5 entries and others of 6"),
        (lambda: nearest(np.eye(5), [[np.inf] * 5]), "among must be finite"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
