import re

from gan_paper.distributions import Gaussian, GaussianMixture, Uniform
from gan_paper.measure.comparison import STATISTICS, compare, least_values
from gan_paper.measure.histogram import Histogram, distances
from gan_paper.measure.recording import Recording
from gan_paper.measure.samples import energy_distance, match, match_of_entries, permutation_test, std_across_noise
from gan_paper.runs import recordings
from tests.conftest import ROOT

import numpy as np
import pytest
import scipy.stats
import sine

EDGES = np.linspace(-6, 14, 401)
BINS = np.linspace(-6, 14, 65)  # a run's
P_DATA = Gaussian(4, 1.25)
NAMES = sorted(path.stem for path in (ROOT / "figures" / "reference").glob("*.npz"))


def recording(samples, edges=BINS):
    result = Recording({"entries": edges})
    result.record(0, samples)
    return result


def reference(name):
    return recordings.load(ROOT / "figures" / "reference" / f"{name}.npz")


def accepts(samples, name="gaussian"):
    return all(row.holds for row in compare(recording(samples), reference(name)))


def test_counts_agree_with_numpy():
    values, uneven = np.random.default_rng(0).normal(4, 4, 10_000), np.geomspace(0.1, 14, 30)
    assert np.array_equal(Histogram.of(values, uneven).counts, np.histogram(values, uneven)[0])
    histogram = Histogram.of(values, EDGES)
    assert np.abs(histogram.counts - np.histogram(values, EDGES)[0]).sum() <= 2  # on an edge either way will do
    assert list(histogram.outside) == [(values < -6).sum(), (values > 14).sum()]
    assert histogram.total == 10_000
    assert histogram.masses.sum() == pytest.approx(1)
    assert (histogram.density * 0.05).sum() == pytest.approx(histogram.counts.sum() / 10_000)


def test_exact_masses_and_rebinning():
    fine, coarse = Histogram.exact(P_DATA, EDGES), Histogram.exact(P_DATA, np.linspace(-6, 14, 65))
    assert fine.total == pytest.approx(1)
    assert np.allclose(fine.rebin(coarse.edges).counts, coarse.counts, atol=2e-4)
    assert np.allclose(fine.rebin(EDGES[::4]).counts, fine.counts.reshape(-1, 4).sum(axis=1), atol=1e-12)


def test_distances_between_histograms_against_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(4, 1.25, 50_000), rng.normal(4.5, 1.5, 50_000)
    p, q = Histogram.of(a, EDGES), Histogram.of(b, EDGES)
    ours = distances(p.masses, q.masses, EDGES)
    assert ours["wasserstein"] == pytest.approx(scipy.stats.wasserstein_distance(a, b), rel=0.01)
    assert ours["ks"] == pytest.approx(scipy.stats.ks_2samp(a, b).statistic, abs=2e-3)
    m = (p.masses + q.masses) / 2
    entropy = scipy.stats.entropy
    assert ours["jsd"] == pytest.approx(entropy(m) - (entropy(p.masses) + entropy(q.masses)) / 2, rel=1e-6)


def test_match_of_known_errors():
    levels = (np.arange(100_000) + 0.5) / 100_000
    true = P_DATA.quantile(levels)[:, None]
    exactly = match(true, P_DATA, EDGES)
    assert exactly["wasserstein"] < 1e-12 and exactly["ks"] < 1e-5 and exactly["jsd"] < 1e-4
    shifted = match(true + 0.2, P_DATA, EDGES)
    assert shifted["wasserstein"] == pytest.approx(0.2 / 1.25)  # a shift moves all mass by as much
    assert shifted["ks"] == pytest.approx(2 * scipy.stats.norm.cdf(0.1 / 1.25) - 1, abs=1e-4)
    assert (shifted["mean"], shifted["std"]) == pytest.approx((4.2, 1.25), abs=1e-3)
    wider = match(4 + (true - 4) * 1.2, P_DATA, EDGES)
    assert wider["wasserstein"] == pytest.approx(0.2 * np.sqrt(2 / np.pi), rel=1e-3)  # E|0.25 N(0, 1)| / 1.25


@pytest.mark.parametrize("p", [P_DATA, Uniform(-3, 5), GaussianMixture((0.2, 0.8), (2, 6), (0.5, 1.5))])
def test_match_is_in_standard_deviations_of_any_distribution(p):
    true = p.quantile((np.arange(100_000) + 0.5) / 100_000)[:, None]
    assert p.std == pytest.approx(true.std(), rel=1e-3)
    assert match(true + p.std / 2, p, EDGES)["wasserstein"] == pytest.approx(0.5)


@pytest.mark.parametrize("shift", [-0.1, 0, 0.1])
def test_match_is_that_of_scipy(shift):
    samples = np.random.default_rng(0).normal(4 + shift, 1.3, (15, 2))
    found, true = match(samples, P_DATA, EDGES), P_DATA.quantile((np.arange(30) + 0.5) / 30)
    assert found["wasserstein"] == pytest.approx(scipy.stats.wasserstein_distance(samples.ravel(), true) / 1.25)
    assert found["ks"] == pytest.approx(scipy.stats.ks_1samp(samples.ravel(), P_DATA.cdf).statistic)


def test_match_of_entries_is_that_of_numpy_and_scipy():
    rng = np.random.default_rng(0)
    samples = P_DATA.quantile(rng.uniform(size=(500, 8))) + rng.normal(size=8)
    samples[:, 1] = (samples[:, 0] + samples[:, 1]) / 2
    found = match_of_entries(samples, P_DATA)
    true = P_DATA.quantile((np.arange(500) + 0.5) / 500)
    own = [scipy.stats.wasserstein_distance(entry, true) / 1.25 for entry in samples.T]
    assert found["own_wasserstein"] == pytest.approx(np.mean(own))
    assert found["wasserstein"] == pytest.approx(match(samples, P_DATA, EDGES)["wasserstein"])
    pairs = np.abs(np.corrcoef(samples.T)[np.triu_indices(8, 1)])
    assert found["correlation"] == pytest.approx(pairs.mean())
    assert found["largest_correlation"] == pytest.approx(pairs.max())
    assert not found["within_limits"]


def test_match_of_entries_of_known_errors():
    rng = np.random.default_rng(0)
    true = rng.normal(4, 1.25, (10_000, 20))
    found = match_of_entries(true, P_DATA)
    assert found["within_limits"] and found["own_wasserstein"] < 0.015 and found["correlation"] < 0.01
    wide = match_of_entries(4 + (true - 4) * 1.1, P_DATA)  # E|0.1 N(0, 1)|
    assert not wide["within_limits"] and wide["own_wasserstein"] == pytest.approx(0.1 * np.sqrt(2 / np.pi), abs=0.01)
    collapsed = match_of_entries(np.tile(true[0], (10, 1)), P_DATA)  # one vector, however its entries are spread
    assert not collapsed["within_limits"] and collapsed["std_across_noise"] < 1e-9
    alike = match_of_entries(np.tile(true[:, :1], 20), P_DATA)
    assert not alike["within_limits"] and alike["correlation"] == pytest.approx(1) and alike["own_wasserstein"] < 0.02


@pytest.mark.parametrize("shape", [(2, 100_000), (1000, 1000)])
def test_std_across_noise_is_unbiased(shape):
    samples = np.random.default_rng(0).normal(4, 1.25, shape)
    assert std_across_noise(samples) == pytest.approx(1.25, rel=5e-3)


def test_the_gaussian_reference_is_exact():
    made = reference("gaussian")
    assert np.array_equal(made.edges["entries"], EDGES)
    assert np.allclose(made.histogram().counts, np.diff(scipy.stats.norm(4, 1.25).cdf(EDGES)), atol=1e-15)
    assert (made.moments["mean"], made.moments["std"]) == ([4], [1.25])


def test_the_notebook_reference_is_what_was_recorded():
    made = reference("notebook")
    assert made.iterations == [0, 10, 30, 100, 300, 1000, 2000, 3000, 5000, 7000, 10000]
    assert [made.histogram(i).total for i in range(11)] == [1_000_000] * 11
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    for i in range(11):  # the counts and the moments are of the same samples
        masses = made.histogram(i).counts / 1_000_000
        assert masses @ centres == pytest.approx(made.moments["mean"][i], abs=2e-3)
        assert (masses @ (centres - masses @ centres) ** 2) ** 0.5 == pytest.approx(made.moments["std"][i], abs=5e-3)


LEAST = least_values(reference("gaussian"), BINS)


@pytest.mark.parametrize("name", NAMES)
def test_the_least_number_of_values_keeps_chance_within_the_tolerances(name):
    made = reference(name)
    edges = made.edges[made.main][[0, -1]]
    edges = np.linspace(*edges, 65)
    least, rng = least_values(made, edges), np.random.default_rng(1)
    assert 1000 <= least <= 10_000  # the runs record no fewer
    assert least % 10 ** (len(str(least)) - 2) == 0  # two digits
    if len(made.iterations) == 1:
        target = made.histogram().rebin(edges).masses
        draws = rng.multinomial(least, target / target.sum(), size=4000) / least
        for statistic, chance in distances(draws, target, edges / made.moments["std"][0]).items():
            assert (chance <= STATISTICS[statistic].tolerance * made.tolerance).mean() >= 0.998
    scaled = rng.normal(size=(4000, least))
    off = np.stack([scaled.mean(axis=1), scaled.std(axis=1) - 1])
    assert (np.abs(off) <= STATISTICS["mean"].tolerance * made.tolerance).mean() >= 0.998


def test_accepts_true_samples():
    rng, made = np.random.default_rng(0), reference("gaussian")
    rows = [compare(recording(rng.normal(4, 1.25, (LEAST, 1))), made) for _ in range(30)]
    assert all(row.holds for judged in rows for row in judged)


def test_accepts_true_vectors():
    rng = np.random.default_rng(0)
    for rows in (10, 100, 1000):
        assert accepts(rng.normal(4, 1.25, (rows, 1000)))


WRONG = {
    "too wide": lambda rng, n: rng.normal(4, 1.5, (n, 1)),
    "shifted": lambda rng, n: rng.normal(4.2, 1.25, (n, 1)),
    "uniform of the same mean and variance": lambda rng, n: rng.uniform(4 - 1.25 * 3**0.5, 4 + 1.25 * 3**0.5, (n, 1)),
    "collapsed, with the right pooled histogram": lambda rng, n: (
        np.tile(rng.normal(4, 1.25, n), (100, 1)) + rng.normal(0, 0.1, (100, n))
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_rejects(name):
    rng = np.random.default_rng(0)
    assert not any(accepts(WRONG[name](rng, LEAST)) for _ in range(5))


@pytest.mark.parametrize("name", ["gaussian", "notebook"])
def test_fewer_values_cannot_tell(name):
    least = least_values(reference(name), BINS)
    with pytest.raises(ValueError, match=f"samples must hold at least {least:,} values to be judged, not 50$"):
        accepts(np.random.default_rng(0).normal(4, 1.25, (50, 1)), name)


def test_many_values_do_not_hide_a_difference_in_finer_bins():
    """Over 400 bins chance makes more of a divergence, so more values are needed, and no limit is widened."""
    least = least_values(reference("gaussian"), EDGES)
    assert least > LEAST
    samples = np.random.default_rng(0).normal(4, 1.25, (least - 1, 1))
    with pytest.raises(ValueError, match=f"at least {least:,} values"):
        compare(recording(samples, EDGES), reference("gaussian"))
    assert accepts(samples)


def faults(samples, name="gaussian"):
    return [row.fault for row in compare(recording(samples), reference(name)) if not row.holds]


def test_only_the_spread_across_noise_gives_a_collapse_away():
    (fault,) = faults(WRONG["collapsed, with the right pooled histogram"](np.random.default_rng(0), 30_000))
    assert fault.startswith("too alike: std across z 0.")


def test_what_is_wrong_is_said_in_words():
    def words(samples):
        return [line.split(":")[0] for line in faults(samples)]

    rng = np.random.default_rng(0)
    shifted = rng.normal(4.2, 1.25, (100_000, 1))
    distance = float(re.search(r"Wasserstein-1 ([\d.]+) standard deviations", faults(shifted)[0])[1])
    assert distance == pytest.approx(match(shifted, P_DATA, BINS)["wasserstein"], abs=1e-3)
    assert words(shifted)[-1] == "shifted" and words(rng.normal(4, 1.5, (30_000, 1)))[-2:] == ["too wide", "too wide"]
    assert words(rng.normal(4, 1, (30_000, 1)))[-2:] == ["too narrow", "too alike"]
    uniform = WRONG["uniform of the same mean and variance"](rng, 30_000)
    assert words(uniform) == ["too far", "another distribution", "another distribution"]


def test_the_permutation_test_is_of_the_energy_distance():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (300, 3)), rng.normal(0.5, 2, (200, 3))
    deviations = np.concatenate([a, b]).std(axis=0)
    of_one = energy_distance(a[:, :1], b[:, :1])
    assert of_one == pytest.approx(scipy.stats.energy_distance(a[:, 0], b[:, 0]) ** 2)
    energy, p = permutation_test(a, b)
    assert energy == pytest.approx(energy_distance(a / deviations, b / deviations)) and p == 0.001
    scale = np.array([1e-6, 1, 1e6])
    assert permutation_test(a * scale, b * scale) == pytest.approx((energy, p))
    correlated = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 300)
    assert permutation_test(rng.normal(size=(300, 2)), correlated)[1] == 0.001  # with the same marginals


def test_the_p_value_of_equal_distributions_is_uniform():
    rng = np.random.default_rng(0)
    p = [permutation_test(rng.normal(size=(100, 2)), rng.normal(size=(150, 2)))[1] for _ in range(100)]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01


def test_the_sine_reference():
    made, edges = reference("sine"), {"x": np.linspace(-1, 7.5, 65), "residual": np.linspace(-2, 2, 130)}
    x = np.random.default_rng(0).uniform(0, 2 * np.pi, (10_000, 1))

    def rows(samples):
        result = Recording(edges, sine.VIEWS)
        result.record(0, samples)
        return {row.name: row for row in compare(result, made)}

    assert all(row.holds for row in rows(np.hstack([x, np.sin(x)])).values())
    off = rows(np.hstack([x, np.sin(x) + 0.3]))  # 0.3 above the curve, everywhere
    assert [name for name, row in off.items() if not row.holds] == ["residual Wasserstein-1"]
    std = 2 * np.pi / 12**0.5  # of x
    assert off["residual Wasserstein-1"].run == pytest.approx(0.3 / std, abs=0.016 / std)  # half a bin
    half = rows(np.hstack([x / 2, np.sin(x / 2)]))  # on the curve, but half of it
    assert not half["Kolmogorov-Smirnov"].holds and half["residual Wasserstein-1"].holds
    for samples in (x, np.hstack([x, x, x])):
        with pytest.raises(ValueError, match=rf"must be points \(x, y\) here, not of {samples.shape[1]} number\(s\)"):
            rows(samples)


def test_a_recording_survives_saving(tmp_path):
    made = Recording({"entries": EDGES, "spread": EDGES - 4}, provenance="a test", keep=3)
    for iteration in (0, 10, 20):
        samples = np.random.default_rng(iteration).normal(4, 1.25, (50, 20))
        made.record(iteration, samples, {"g": np.arange(3) + iteration, "d": np.ones((2, 2))})
    recordings.save(made, tmp_path / "histograms.npz")
    loaded, again = recordings.load(tmp_path / "histograms.npz"), Recording({"entries": EDGES, "spread": EDGES - 4})
    again.take_up(loaded)
    for other in (loaded, again):
        assert other.iterations == [0, 10, 20] and other.moments == made.moments
        for name in ("entries", "spread"):
            assert np.array_equal(other.histogram(1, name).counts, made.histogram(1, name).counts)
        assert set(other.curves) == {"g", "d"} and np.array_equal(other.curves["g"][-1], np.arange(3) + 20)
    assert loaded.provenance == "a test" and loaded.nearest(11) == 1 and loaded.nearest(100) == 2
    assert np.array_equal(loaded.samples, made.samples) and loaded.samples[0].shape == (3, 20)
