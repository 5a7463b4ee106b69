import weakref

import numpy as np
import pytest
import scipy.stats

from gan_paper.distributions import Gaussian
from gan_paper.histograms import Histogram, Recording, compare, distances, energy_distance, match, std_across_noise
from tests.conftest import ROOT

EDGES = np.linspace(-6, 14, 401)
P_DATA = Gaussian(4, 1.25)


def recording(samples, edges=EDGES):
    result = Recording({"entries": edges})
    result.record(0, samples)
    return result


def reference(name):
    return Recording.load(ROOT / "figures" / "reference" / f"{name}.npz")


def accepts(samples, name="gaussian"):
    return all(row.holds for row in compare(recording(samples), reference(name)))


def test_counts_agree_with_numpy():
    values = np.random.default_rng(0).normal(4, 4, 10_000)
    histogram = Histogram.of(values, EDGES)
    assert (
        np.abs(histogram.counts - np.histogram(values, EDGES)[0]).sum() <= 2
    )  # a value on an edge may round either way
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
    assert shifted["wasserstein"] == pytest.approx(0.2)  # a shift moves all mass by as much
    assert shifted["ks"] == pytest.approx(2 * scipy.stats.norm.cdf(0.1 / 1.25) - 1, abs=1e-4)
    assert (shifted["mean"], shifted["std"]) == pytest.approx((4.2, 1.25), abs=1e-3)
    wider = match(4 + (true - 4) * 1.2, P_DATA, EDGES)
    assert wider["wasserstein"] == pytest.approx(0.25 * np.sqrt(2 / np.pi), rel=1e-3)  # E|0.25 N(0, 1)|


@pytest.mark.parametrize("count", [2, 5, 1000])
def test_std_across_noise_is_unbiased(count):
    samples = np.random.default_rng(0).normal(4, 1.25, size=(count, 100_000))
    assert std_across_noise(samples) == pytest.approx(1.25, rel=5e-3)


def test_recording_survives_saving(tmp_path):
    rng = np.random.default_rng(0)
    made = Recording({"entries": EDGES, "spread": EDGES - 4}, "a test", keep=3)
    for iteration in (0, 10, 20):
        samples = rng.normal(4, 1.25, (50, 20))
        made.record(iteration, samples)
    made.save(tmp_path / "histograms.npz")
    loaded = Recording.load(tmp_path / "histograms.npz")
    assert loaded.iterations == [0, 10, 20] and loaded.provenance == "a test" and loaded.moments == made.moments
    for name in ("entries", "spread"):
        assert np.array_equal(loaded.histogram(1, name).counts, made.histogram(1, name).counts)
    assert loaded.nearest(11) == 1 and loaded.nearest(100) == 2
    assert loaded.nbytes == made.nbytes == 3 * 8 * (2 * (len(EDGES) - 1) + 3 * 20)


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


@pytest.mark.parametrize("count", [1000, 10_000])
def test_accepts_true_samples_99_times_in_100(count):
    rng = np.random.default_rng(0)
    accepted = sum(accepts(rng.normal(4, 1.25, (count, 1))) for _ in range(200))
    assert accepted >= 198


def test_accepts_true_vectors():
    rng = np.random.default_rng(0)
    for rows in (10, 1000):
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
@pytest.mark.parametrize("count", [3000, 30_000])
def test_rejects(name, count):
    rng = np.random.default_rng(0)
    assert not any(accepts(WRONG[name](rng, count)) for _ in range(20))


def test_only_the_spread_across_noise_gives_a_collapse_away():
    rows = compare(
        recording(WRONG["collapsed, with the right pooled histogram"](np.random.default_rng(0), 30_000)),
        reference("gaussian"),
    )
    assert [row.statistic for row in rows if not row.holds] == ["std_across_noise"]


def test_a_course_is_matched_by_its_range():
    notebook = reference("notebook")
    rows = compare(notebook, notebook)
    assert [row.statistic for row in rows] == ["mean", "std", "std_across_noise"] and all(row.holds for row in rows)
    course = notebook.moments["mean"][5:]
    assert rows[0].limit == f"{min(course):.4f} .. {max(course):.4f}"
    assert not accepts(np.random.default_rng(0).normal(4, 1.25, (100, 1000)), "notebook")  # its samples do differ


def test_energy_distance():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (500, 1)), rng.normal(1, 1, (400, 1))
    assert energy_distance(a, b) == pytest.approx(scipy.stats.energy_distance(a.ravel(), b.ravel()) ** 2)
    assert energy_distance(a, a) == pytest.approx(0, abs=1e-12)


def test_the_sine_reference():
    made, edges = reference("sine"), {"x": np.linspace(-1, 7.5, 65), "residual": np.linspace(-2, 2, 130)}
    x = np.random.default_rng(0).uniform(0, 2 * np.pi, (10_000, 1))

    def rows(samples):
        result = Recording(edges)
        result.record(0, samples)
        return {row.statistic: row for row in compare(result, made)}

    assert all(row.holds for row in rows(np.hstack([x, np.sin(x)])).values())
    off = rows(np.hstack([x, np.sin(x) + 0.3]))  # 0.3 above the curve, everywhere
    assert [name for name, row in off.items() if not row.holds] == ["residual wasserstein"]
    assert off["residual wasserstein"].run == pytest.approx(0.3, abs=0.016)  # half a bin
    half = rows(np.hstack([x / 2, np.sin(x / 2)]))  # on the curve, but half of it
    assert not half["ks"].holds and half["residual wasserstein"].holds
    with pytest.raises(ValueError, match="samples of 1 number"):
        rows(x)
    with pytest.raises(ValueError, match="no histogram of its x"):
        compare(recording(x), made)


def test_a_recording_keeps_curves(tmp_path):
    result = Recording({"entries": EDGES})
    for iteration in (0, 10, 20):
        result.record(iteration, np.full((5, 1), 4.0), {"g": np.arange(3) + iteration, "d": np.ones((2, 2))})
    result.save(tmp_path / "histograms.npz")
    loaded = Recording.load(tmp_path / "histograms.npz")
    assert set(loaded.curves) == {"g", "d"} and np.array_equal(loaded.curves["g"], result.curves["g"])
    again = Recording({"entries": EDGES})
    again.restore(tmp_path / "histograms.npz")
    assert np.array_equal(again.curves["g"][-1], np.arange(3) + 20) and again.iterations == [0, 10, 20]


@pytest.mark.parametrize("keep", [0, 2])
def test_a_recording_lets_go_of_what_it_does_not_keep(keep):
    made = Recording({"entries": EDGES}, keep=keep)
    samples, curves = np.zeros((1000, 3)), np.zeros((2, 1000))
    gone = weakref.ref(samples), weakref.ref(curves)
    made.record(0, samples, {"first": curves[0, :10]})
    del samples, curves
    assert [reference() for reference in gone] == [None, None]
    assert made.samples[0].shape == (keep, 3) and made.curves["first"][0].shape == (10,)
