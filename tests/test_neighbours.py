from gan_paper.metrics.neighbours import PRDC, balls, compute_prdc

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
    return PRDC(*(float(np.mean(x)) for x in (precise, recalled, dense, covered)))


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 2), (60, 25, 5), (9, 80, 784)])
def test_agrees_with_the_definitions(k, n, m, d):
    rng = np.random.default_rng((k, n))
    data, samples = rng.normal(size=(n, d)), rng.normal(0.3, 0.8, (m, d))
    assert compute_prdc(balls(data, k), balls(samples, k)) == pytest.approx(direct(data, samples, k), abs=1e-12)


@pytest.mark.parametrize("k", [3, 5])
def test_coverage_and_density_of_one_distribution_are_those_of_the_paper(k):
    """Naeem et al., 2020, section 3.3: density 1, and coverage 1 - (N - 1) ... (N - k) / (2 N - 1) ... (2 N - k)."""
    rng, n = np.random.default_rng(0), 1000
    found = [compute_prdc(balls(rng.normal(size=(n, 2)), k), balls(rng.normal(size=(n, 2)), k)) for _ in range(10)]
    steps = np.arange(1, k + 1)
    expected = 1 - np.prod((n - steps) / (2 * n - steps))
    assert np.mean([f.coverage for f in found]) == pytest.approx(expected, abs=0.01)
    assert np.mean([f.density for f in found]) == pytest.approx(1, abs=0.02)
