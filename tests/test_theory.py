"""experiments/theory.py: its formulas against independent ones, and the script as a user runs it."""

import json

from gan_paper import runs
from gan_paper.distributions import Gaussian
from gan_paper.objective import LOG_4, jensen_shannon_divergence, optimal_discriminator
from tests.conftest import cheaper, experiment

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize


@pytest.fixture(scope="module")
def theory():
    return experiment("theory")


P_G = Gaussian(5, 1.5)


def adaptive(integrand):
    return scipy.integrate.quad(integrand, -16, 24, points=[0, 4, 8], epsabs=1e-12, limit=500)[0]


def test_the_value_is_equation_1(theory):
    def integrand(x):
        d = 1 / (1 + np.exp(-(0.3 * x - 1)))
        return theory.P_DATA.pdf(x) * np.log(d) + P_G.pdf(x) * np.log(1 - d)

    assert theory.value(P_G.pdf(theory.X), 0.3 * theory.X - 1) == pytest.approx(adaptive(integrand), abs=1e-9)


def test_the_best_value_is_theorem_1s(theory):
    def kl(p, x):
        return p.pdf(x) * np.log(2 * p.pdf(x) / (theory.P_DATA.pdf(x) + P_G.pdf(x)))

    jsd = adaptive(lambda x: kl(theory.P_DATA, x) + kl(P_G, x)) / 2
    assert theory.best_value(P_G.pdf(theory.X)) == pytest.approx(-LOG_4 + 2 * jsd, abs=1e-9)
    assert theory.monte_carlo(P_G, 1_000_000, 0) == pytest.approx(-LOG_4 + 2 * jsd, abs=4e-3)


def test_the_gradient_of_proposition_2_is_that_of_the_criterion():
    """The derivative of max_D V by p_g(x), which the descent takes to be log(1 - D*(x))."""
    rng = np.random.default_rng(0)
    p_data, p_g = rng.dirichlet(np.ones(5), 2)

    def criterion(p):
        d = optimal_discriminator(p_data, p)
        return p_data @ np.log(d) + p @ np.log1p(-d)

    numerical = scipy.optimize.approx_fprime(p_g, criterion, 1e-7)
    assert np.allclose(np.log1p(-optimal_discriminator(p_data, p_g)), numerical, atol=1e-5)


def test_proposition_2_comes_to_p_data(theory, tmp_path):
    checks = theory.proposition_2(runs.Run("theory", runs.Settings("line", output=tmp_path / "run")))
    assert len(checks) == 2 and all(0 <= check.measured <= 1e-6 for check in checks)
    assert jensen_shannon_divergence([1, 1], [1, 1]) == 0


def test_a_check_that_fails_is_told(theory, tmp_path, monkeypatch, capsys):
    cheaper(monkeypatch)
    settings = theory.Settings(iterations=2, samples=1000, k=1, m=16, output=tmp_path / "run")  # that is no training
    with pytest.raises(SystemExit, match="1"), runs.Run("theory", settings) as run:
        theory.main(settings, run)
    said = capsys.readouterr().out
    assert "NO" in said and "yes" in said
    checks = json.loads((tmp_path / "run" / "metrics.json").read_text())["checks"]
    assert {check["claim"].split(":")[0].split(",")[0] for check in checks} == {
        "Proposition 1", "Theorem 1", "Proposition 2", "Section 3"
    }  # fmt: skip
    assert all(check["holds"] == (check["measured"] <= check["tolerance"]) for check in checks)


def test_a_held_generator_stays_and_d_begins_anew(theory, monkeypatch):
    cheaper(monkeypatch)
    held = theory.FixedGenerator(theory.Settings(iterations=20, m=50))
    first = held.learn(P_G)
    assert [float(w[0]) for w in (np.ravel(v) for v in held.gan.generator.get_weights())] == [1.0, 0.0]
    assert not np.array_equal(held.learn(Gaussian(0, 1)), first)
    assert np.array_equal(held.learn(P_G), first)
