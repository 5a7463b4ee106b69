"""Histograms, distances, and the comparison with a reference: against NumPy, SciPy and known errors."""

from gan_paper import run
from gan_paper.distributions import Gaussian
from gan_paper.metrics import Histogram, Recording, histogram_distances
from gan_paper.metrics.comparison import LEAST_VALUES, distribution_distances, limit
from gan_paper.metrics.distances import energy_distance, permutation_test, vector_distances
from gan_paper.plots import histograms
from gan_paper.run import files
from tests.conftest import ROOT

import numpy as np
import pytest
import scipy.stats
from samples import read_samples

EDGES = np.linspace(-6, 14, 401)
P_DATA = Gaussian(4, 1.25)
NAMES = sorted(path.stem for path in (ROOT / "figures" / "reference").glob("*.npz"))


def test_counts_agree_with_numpy():
    values, uneven = np.random.default_rng(0).normal(4, 4, 10_000), np.geomspace(0.1, 14, 30)
    assert np.array_equal(Histogram.of(values, uneven).counts, np.histogram(values, uneven)[0])
    histogram = Histogram.of(values, EDGES)
    assert np.abs(histogram.counts - np.histogram(values, EDGES)[0]).sum() <= 2  # on an edge either way will do
    assert list(histogram.outside) == [(values < -6).sum(), (values > 14).sum()]
    assert histogram.total == 10_000 and histogram.masses.sum() == pytest.approx(1)
    assert (histogram.density * 0.05).sum() == pytest.approx(histogram.counts.sum() / 10_000)


def test_distances_between_histograms_against_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(4, 1.25, 50_000), rng.normal(4.5, 1.5, 50_000)
    p, q = Histogram.of(a, EDGES), Histogram.of(b, EDGES)
    ours = histogram_distances(p.masses, q.masses, EDGES)
    assert ours["wasserstein"] == pytest.approx(scipy.stats.wasserstein_distance(a, b), rel=0.01)
    assert ours["ks"] == pytest.approx(scipy.stats.ks_2samp(a, b).statistic, abs=2e-3)
    of_middle, of_p, of_q = (scipy.stats.entropy(m) for m in ((p.masses + q.masses) / 2, p.masses, q.masses))
    assert ours["jsd"] == pytest.approx(of_middle - (of_p + of_q) / 2, rel=1e-6)


def test_distances_of_known_errors():
    levels = (np.arange(100_000) + 0.5) / 100_000
    true = P_DATA.quantile(levels)[:, None]
    exactly = distribution_distances(true, P_DATA, EDGES)
    assert exactly["wasserstein"] < 1e-12 and exactly["ks"] < 1e-5 and exactly["jsd"] < 1e-4
    shifted = distribution_distances(true + 0.2, P_DATA, EDGES)
    assert shifted["wasserstein"] == pytest.approx(0.2 / 1.25)  # a shift moves all mass by as much
    assert shifted["ks"] == pytest.approx(2 * scipy.stats.norm.cdf(0.1 / 1.25) - 1, abs=1e-4)
    assert (shifted["mean"], shifted["std"]) == pytest.approx((4.2, 1.25), abs=1e-3)
    wider = distribution_distances(4 + (true - 4) * 1.2, P_DATA, EDGES)
    assert wider["wasserstein"] == pytest.approx(0.2 * np.sqrt(2 / np.pi), rel=1e-3)  # E|0.25 N(0, 1)| / 1.25


def test_vector_distances_are_those_of_numpy_and_scipy():
    rng = np.random.default_rng(0)
    samples = P_DATA.quantile(rng.uniform(size=(500, 8))) + rng.normal(size=8)
    samples[:, 1] = (samples[:, 0] + samples[:, 1]) / 2
    found = vector_distances(samples, P_DATA)
    true = P_DATA.quantile((np.arange(500) + 0.5) / 500)
    own = [scipy.stats.wasserstein_distance(dimension, true) / 1.25 for dimension in samples.T]
    assert found["wasserstein_per_dimension"] == pytest.approx(np.mean(own))
    assert found["wasserstein_pooled"] == pytest.approx(distribution_distances(samples, P_DATA, EDGES)["wasserstein"])
    pairs = np.abs(np.corrcoef(samples.T)[np.triu_indices(8, 1)])
    assert [found["correlation"], found["largest_correlation"]] == pytest.approx([pairs.mean(), pairs.max()])


def test_vector_distances_of_known_errors():
    true = np.random.default_rng(0).normal(4, 1.25, (10_000, 20))
    found = vector_distances(true, P_DATA)
    assert found["within_limits"] and found["wasserstein_per_dimension"] < 0.015 and found["correlation"] < 0.01
    collapsed = vector_distances(np.tile(true[0], (10, 1)), P_DATA)  # one vector, however its dimensions are spread
    assert not collapsed["within_limits"] and collapsed["std_across_noise"] < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_the_least_number_of_values_keeps_chance_within_the_tolerances(name):
    made = run.read_recording(ROOT / "figures" / "reference" / f"{name}.npz")
    edges = np.linspace(*made.edges[made.main][[0, -1]], 65)
    least, rng = int(LEAST_VALUES / made.tolerance**2), np.random.default_rng(1)
    if len(made.iterations) == 1:
        target = made.histogram().rebin(edges).masses
        draws = rng.multinomial(least, target / target.sum(), size=4000) / least
        for statistic, chance in histogram_distances(draws, target, edges / made.moments["std"][0]).items():
            own = made.limits.get(made.main) if statistic == "wasserstein" else None
            assert (chance <= (own or limit(statistic, made.tolerance))).mean() >= 0.997
    # what Gaussian samples have for a mean, and for a standard deviation
    off = rng.normal(size=4000) / least**0.5, np.sqrt(rng.chisquare(least - 1, 4000) / least) - 1
    assert (np.abs(off) <= limit("mean", made.tolerance)).mean() >= 0.998


def test_bins_over_others_hold_no_negative_counts():
    """Within the values' range and beyond it, whatever the rounding."""
    for seed in range(40):
        histogram = Histogram.of(np.random.default_rng(seed).normal(4, 1.25, 40_000), np.linspace(-4, 12, 50))
        again = histogram.rebin(np.linspace(-6, 14, 65))
        assert min(again.outside.min(), again.counts.min()) >= 0 and again.total == pytest.approx(40_000)


def test_the_permutation_test_is_of_the_energy_distance():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (300, 3)), rng.normal(0.5, 2, (200, 3))
    deviations = np.concatenate([a, b]).std(axis=0)
    of_one = energy_distance(a[:, :1], b[:, :1])
    assert of_one == pytest.approx(scipy.stats.energy_distance(a[:, 0], b[:, 0]) ** 2)
    energy, p, *_ = permutation_test(a, b)
    assert energy == pytest.approx(energy_distance(a / deviations, b / deviations)) and p == 0.001
    scale = np.array([1e-6, 1, 1e6])
    assert permutation_test(a * scale, b * scale)[:2] == pytest.approx((energy, p))
    correlated = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 300)
    assert permutation_test(rng.normal(size=(300, 2)), correlated)[1] == 0.001  # with the same marginals


def test_the_p_value_of_equal_distributions_is_uniform():
    rng = np.random.default_rng(0)
    p = [permutation_test(rng.normal(size=(100, 2)), rng.normal(size=(150, 2)))[1] for _ in range(100)]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01


def test_a_recording_survives_saving(tmp_path):
    made = Recording({"x": EDGES, "spread": EDGES - 4}, provenance="a test", keep=3, tolerance=3, limits={"spread": 2})
    for iteration in (0, 10, 20):
        made.record(iteration, np.random.default_rng(iteration).normal(4, 1.25, (50, 20)), {"g": [iteration]})
    files.write_arrays(tmp_path / "histograms.npz", made.arrays())
    loaded = run.read_recording(tmp_path)
    assert loaded.iterations == [0, 10, 20] and loaded.moments == made.moments
    assert (loaded.provenance, loaded.tolerance, loaded.limits, loaded.nearest(11)) == ("a test", 3, {"spread": 2}, 1)
    assert np.array_equal(loaded.histogram(1, "spread").counts, made.histogram(1, "spread").counts)
    assert np.array_equal(loaded.samples, made.samples) and np.array_equal(loaded.curves["g"], made.curves["g"])


@pytest.mark.parametrize("dimensions", [1, 3])
def test_the_permutation_test_sees_the_difference_that_it_tells_half_of_the_time(dimensions):
    rng, shape = np.random.default_rng(0), (150, dimensions)
    told = permutation_test(rng.normal(size=shape), rng.normal(size=shape), level=0.05)
    for shift, scale in ((told.shift, 1), (0, told.scale)):
        pairs = (rng.normal(size=(2, *shape)) for _ in range(60))
        seen = np.mean([permutation_test(a, shift + scale * b).p < 0.05 for a, b in pairs])
        assert 0.3 <= seen <= 0.75


def test_histograms_show_d_over_the_optimal_one():
    """p_g = N(3, 1) sampled, p_data = N(4, 1.25): D* by its formula, where bins hold enough samples."""
    edges, p_g = np.linspace(-6, 14, 65), Gaussian(3, 1)
    recording = Recording({"x": edges})
    for iteration in (0, 10):
        recording.record(iteration, p_g.sample((100_000, 1), iteration), {"x": edges, "d": edges / 20 + 0.3})
    d = histograms(recording, {"x": (P_DATA, "x")}).axes[3]
    (optimal,), (line,) = d.patches, d.lines
    of_data, of_g = (np.diff(p.cdf(edges)) for p in (P_DATA, p_g))
    values = optimal.get_data().values
    assert np.isnan(values[[0, -1]]).all() and (~np.isnan(values)).sum() > 20
    assert np.nanmax(np.abs(values - of_data / (of_data + of_g))) < 0.1
    assert np.array_equal(line.get_ydata(), edges / 20 + 0.3)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("loading a file executed code from it",))


def test_files_that_are_no_recordings_and_no_samples(tmp_path):
    """Refused by name, before they are read, and nothing is executed."""
    histograms, samples = tmp_path / "histograms.npz", tmp_path / "samples.npy"
    arrays, bombs = Recording.exact(P_DATA, EDGES).arrays(), np.array([Bomb(), Bomb()], dtype=object)
    cut, falling = {"counts": arrays["counts"][:, :-1]}, {"edges": arrays["edges"][::-1]}
    for content in ({"views": bombs}, {**arrays, **cut}, {**arrays, **falling}):
        np.savez_compressed(histograms, **content)
        with pytest.raises(run.Refused, match=r"histograms\.npz is not a readable [^\n]*\(.+\)$"):
            run.read_recording(tmp_path)
    np.save(samples, bombs)
    with pytest.raises(run.Refused, match=r"samples\.npy .*Python objects"):
        read_samples(samples)


@pytest.mark.parametrize("text", ["\ufeff1\n2\n3\n", "x\n1\n2\n3\n", "0,1\n1,9\n2,9\n3,9\n", "1\n2\n3"])
def test_headers_and_byte_order_marks_of_csv_files_are_no_samples(tmp_path, text):
    (tmp_path / "samples.csv").write_text(text, encoding="utf-8")
    assert read_samples(tmp_path / "samples.csv", ["0"])[:, 0].tolist() == [1, 2, 3]
    (tmp_path / "samples.csv").write_text("a,a\n1,2\n3,4")
    with pytest.raises(run.Refused, match="two columns have one name"):
        read_samples(tmp_path / "samples.csv", ["a"])
