"""experiments/theory.py: its formulas against independent ones, and the report of its checks."""

import functools
import json
from unittest.mock import Mock

from gan_paper import run
from gan_paper.distributions import Gaussian
from gan_paper.objective import LOG_4
from tests.conftest import cheaper

import numpy as np
import pytest
import scipy.integrate
import theory

P_G, LOG_2 = Gaussian(5, 1.5), np.log(2)


def adaptive(integrand):
    return scipy.integrate.quad(integrand, -16, 24, points=[0, 4, 8], epsabs=1e-12, limit=500)[0]


def test_the_value_is_equation_1():
    def integrand(x):
        d = 1 / (1 + np.exp(-(0.3 * x - 1)))
        return theory.P_DATA.pdf(x) * np.log(d) + P_G.pdf(x) * np.log(1 - d)

    assert theory.value(P_G.pdf(theory.X), 0.3 * theory.X - 1) == pytest.approx(adaptive(integrand), abs=1e-9)


def test_the_criterion_and_its_estimate_are_theorem_1s():
    def kl(p, x):
        return p.pdf(x) * np.log(2 * p.pdf(x) / (theory.P_DATA.pdf(x) + P_G.pdf(x)))

    jsd = adaptive(lambda x: kl(theory.P_DATA, x) + kl(P_G, x)) / 2
    x = theory.X
    assert theory.criterion(theory.P_DATA.pdf(x), P_G.pdf(x)) == pytest.approx(-LOG_4 + 2 * jsd, abs=1e-9)
    estimates = np.array([theory.monte_carlo(P_G, 50_000, seed) for seed in range(40)])
    assert abs(estimates[:, 0].mean() + LOG_4 - 2 * jsd) < 4 * estimates[:, 0].std() / 40**0.5
    assert estimates[:, 0].std() == pytest.approx(estimates[:, 1].mean(), rel=0.4)  # its estimate of its own error


def change(name, value, module=theory):
    return lambda patch: patch.setattr(module, name, value)


def logits(formula):
    """D's logits on X in place of training, given those of D*."""
    p_data = theory.P_DATA
    d_star = lambda p_g: np.log(p_data.pdf(theory.X)) - np.log(p_g.pdf(theory.X))  # noqa: E731
    return change("learn", lambda _, p_g: formula(d_star(p_g)), theory.FixedGenerator)


def loss(name, value):
    return lambda patch: patch.setitem(theory.GENERATOR_LOSSES, name, value)


V, JSD, D = theory.value, theory.jensen_shannon_divergence, theory.optimal_discriminator
saturating, other_loss = theory.GENERATOR_LOSSES["saturating"], functools.partial(loss, "saturating")
value = functools.partial(change, "value")
criterion, d_star = functools.partial(change, "criterion"), functools.partial(change, "optimal_discriminator")
optimal, trained, untrained = logits(lambda a: a), lambda patch: None, change("fit", Mock(), theory.GAN)
square_roots, half, above = logits(lambda a: a / 2), logits(np.zeros_like), logits(lambda a: a + np.log(1.05))
below, low, twice_real = logits(lambda a: a - np.log(1.05)), logits(lambda a: 0 * a - 0.04), logits(lambda a: a + LOG_2)
jsd_once, bits = criterion(lambda p, q: JSD(p, q) - LOG_4), criterion(lambda p, q: 2 * JSD(p, q) / LOG_2 - LOG_4)
minus_v, half_v = value(lambda p_g, a: -V(p_g, a)), value(lambda p_g, a: V(p_g, a) / 2)
swapped, other_data = d_star(lambda p, q: D(q, p)), d_star(lambda p, q: D(np.roll(p, 5), q))
GUARDED = {  # (where, which claim, where D comes from): three broken versions of what it guards
    ("proposition_1", "largest |D - D*|", optimal): (twice_real, square_roots, half),
    ("proposition_1", "|mean of D - D*|", optimal): (above, below, low),
    ("theorem_1", "Monte Carlo", optimal): (jsd_once, bits, criterion(lambda p, q: 2 * JSD(p, q) - LOG_2)),
    ("theorem_1", "above V(D*, G)", optimal): (jsd_once, minus_v, half_v),
    ("theorem_1", "below V(D*, G)", optimal): (above, square_roots, half),
    ("theorem_1", "position on the path", optimal): (
        *(minus_v, logits(lambda a: -a), change("P_DATA", Gaussian(5, 1.25))),
    ),
    ("proposition_2", "JSD at the end", trained): (swapped, other_data, change("STEP", 0.01)),
    ("proposition_2", "increase of JSD", trained): (swapped, other_data, change("STEP", 30)),
    ("proposition_2", "finite differences", trained): (
        *(d_star(lambda p, q: D(2 * p, q)), d_star(lambda p, q: D(p**0.5, q**0.5)), other_data),
    ),
    ("section_3", "saturating over", trained): (
        *(other_loss(lambda a: 2 * saturating(a)), other_loss(theory.GENERATOR_LOSSES["non_saturating"]), untrained),
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("guarded", GUARDED, ids=lambda guarded: guarded[1])
def test_each_check_fails_on_what_it_guards(guarded, monkeypatch):
    """And holds where nothing is broken."""
    cheaper(monkeypatch)
    monkeypatch.setattr(theory, "theory_figures", Mock())
    monkeypatch.setattr(theory, "learned_discriminators", Mock())
    settings, (proposition, claim, good) = theory.Config(samples=20_000, iterations=1), guarded
    for number, how in enumerate([trained, *GUARDED[guarded]]):
        with monkeypatch.context() as patch:
            good(patch)
            how(patch)
            needs = {"proposition_2": (), "section_3": (settings,)}.get(proposition)
            needs = (theory.FixedGenerator(settings),) if needs is None else needs
            checks, *_ = getattr(theory, proposition)(*needs)
            held = [check.holds for check in checks if claim in check.claim]
            assert held and set(held) == {number == 0}, number


def test_a_check_that_fails_is_told(tmp_path, monkeypatch, capsys):
    cheaper(monkeypatch, figures=True)
    settings = theory.Config(iterations=2, samples=1000, output=tmp_path / "run")  # that is no training
    assert not theory.main(settings)
    said, checks = capsys.readouterr().out, json.loads((tmp_path / "run" / "metrics.json").read_text())["checks"]
    assert "NO" in said and "yes" in said
    claims = {check["claim"].split(":")[0].split(",")[0] for check in checks}
    assert claims == {"Proposition 1", "Theorem 1", "Proposition 2", "Section 3"}
    assert all(check["holds"] == (check["measured"] <= check["tolerance"]) for check in checks)
    with pytest.raises(run.Refused, match="is not empty"):
        theory.main(settings)


def test_a_fixed_generator_stays_and_d_is_initialised_anew(monkeypatch):
    cheaper(monkeypatch)
    fixed = theory.FixedGenerator(theory.Config(iterations=20))
    first = fixed.learn(P_G)
    assert [float(w[0]) for w in map(np.ravel, fixed.gan.generator.get_weights())] == [1.0, 0.0]
    assert not np.array_equal(fixed.learn(Gaussian(0, 1)), first)
    assert np.array_equal(fixed.learn(P_G), first)
