"""experiments/theory.py: its formulas against independent ones, and what it says of its checks."""

import json

from gan_paper import run
from gan_paper.distributions import Gaussian
from gan_paper.objective import LOG_4, optimal_discriminator
from tests.conftest import cheaper, check_legible

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import theory

P_G = Gaussian(5, 1.5)


def adaptive(integrand):
    return scipy.integrate.quad(integrand, -16, 24, points=[0, 4, 8], epsabs=1e-12, limit=500)[0]


def test_the_value_is_equation_1():
    def integrand(x):
        d = 1 / (1 + np.exp(-(0.3 * x - 1)))
        return theory.P_DATA.pdf(x) * np.log(d) + P_G.pdf(x) * np.log(1 - d)

    assert theory.value(P_G.pdf(theory.X), 0.3 * theory.X - 1) == pytest.approx(adaptive(integrand), abs=1e-9)


def test_the_best_value_is_theorem_1s():
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


def test_a_check_that_fails_is_told(tmp_path, monkeypatch, capsys):
    cheaper(monkeypatch)
    monkeypatch.setattr(run, "save_figure", lambda path, figure, content: check_legible(figure) or [])
    settings = theory.Arguments(iterations=2, samples=1000, k=1, m=16, output=tmp_path)  # that is no training
    assert not theory.main(settings)
    said, checks = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text())["checks"]
    assert "NO" in said and "yes" in said
    claims = {check["claim"].split(":")[0].split(",")[0] for check in checks}
    assert claims == {"Proposition 1", "Theorem 1", "Proposition 2", "Section 3"}
    assert all(check["holds"] == (check["measured"] <= check["tolerance"]) for check in checks)
    assert all(check["holds"] for check in checks if check["claim"].startswith("Proposition 2"))  # it needs no training


def test_a_fixed_generator_stays_and_d_is_initialised_anew(monkeypatch):
    cheaper(monkeypatch)
    fixed = theory.FixedGenerator(theory.Arguments(iterations=20, m=50))
    first = fixed.learn(P_G)
    assert [float(w[0]) for w in map(np.ravel, fixed.gan.generator.get_weights())] == [1.0, 0.0]
    assert not np.array_equal(fixed.learn(Gaussian(0, 1)), first)
    assert np.array_equal(fixed.learn(P_G), first)
