"""experiments/speed/benchmark.py and its contenders: who trains as ours does, and what the figures say."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from contenders import ESTIMATORS, GAMES
from contenders.cases import CASES, Estimation, Rule
from contenders.contender import Differs, Reference

from tests.conftest import experiment


@pytest.fixture(scope="module")
def benchmark():
    return experiment("speed/benchmark")


def load(name, entries=GAMES):
    if package := entries[name].package:
        pytest.importorskip(package)
    return entries[name].load()


def by_hand(case):
    """A reference by the oracle, which takes no time to compile."""
    rng = np.random.default_rng(0)
    shapes = [shape for layer in case.layers for shape in ((layer.inputs, layer.columns), (layer.columns,))]
    initial = [rng.uniform(-0.3, 0.3, shape).astype(np.float32) for shape in shapes]
    x, z = (source.sample((3, *shape), 0) for source, shape in ((case.p_data, case.x_shape), (case.p_z, case.z_shape)))
    oracle = load("numpy")(case, initial, "")
    return Reference(initial, x, z, oracle.learn(x, z), [np.copy(w) for w in oracle.weights()])


CASE = replace(CASES["small"](), m=8, k=2, chunk=4, rule=Rule("sgd", 0.05, 0.3, momentum=0.5))


@pytest.mark.parametrize("name", ["ours", "notebook", "train_on_batch", "train_step", "torch", "jax"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other people's packages
def test_every_contender_trains_as_the_oracle_does(name):
    contender = load(name)
    apart = contender.check(CASE, by_hand(CASE), contender.variants()[-1])
    assert all(value < 1e-5 for value in apart.values())


@pytest.mark.parametrize("name", ["torch", "jax", "numpy"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_timed_trains(name):
    contender = load(name)
    timed = contender(CASE, by_hand(CASE).initial, contender.variants()[0])
    before = [np.copy(w) for w in timed.weights()]
    timed.run(4)
    assert all(np.isfinite(w).all() and (w != b).any() for w, b in zip(timed.weights(), before, strict=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_adam_and_falling_rates():
    game = CASES["uniform_to_gaussian"]()
    case = replace(game, m=8, chunk=4, rule=replace(game.rule, decay=0.5))
    reference = load("ours").reference(case, 3)
    for name in ("torch", "jax"):
        contender = load(name)
        contender.check(case, reference, contender.variants()[0])


def test_a_broken_contender_is_caught():
    numpy, reference = load("numpy"), by_hand(CASE)

    class Halves(numpy):
        def learn(self, x, z):
            self.d_rule.rate /= 2
            return super().learn(x, z)

    class Lies(numpy):
        def learn(self, x, z):
            return super().learn(x, z) + 0.01

    numpy.check(CASE, reference, "")
    for broken in (Halves, Lies):
        with pytest.raises(Differs, match="differ by"):
            broken.check(CASE, reference, "")


@pytest.mark.parametrize("name", ["ours", "kernel_density", "broadcast"])
def test_estimators_agree(name):
    case, estimator = Estimation("small", 200, 50, 0.3), load(name, ESTIMATORS)
    assert estimator.check(case, None, estimator.variants()[0])["nats"] < 1e-3
    estimator(case, None, estimator.variants()[0]).run(250)


def test_ratios_are_those_of_neighbours_in_time(benchmark):
    seconds = {"ours": [1.0, 2.0, 4.0], "jax": [2.0, 6.0, 4.0], "products": [0.5, 0.5, 1.0], "draws": [0.1, 0.1, 0.2]}
    ratios = benchmark.ratios(seconds)
    assert ratios["jax"] == (2, 1, 3)
    assert ratios["limit"] == pytest.approx((0.3, 0.3, 0.6))
    del seconds["draws"]
    assert benchmark.ratios(seconds)["limit"] == (0.25, 0.25, 0.5)
    assert [benchmark.duration(t) for t in (2.0, 0.25, 0.00125, 1.25e-6)] == ["2 s", "250 ms", "1.25 ms", "1.25 us"]


def test_the_table_the_file_and_the_picture(benchmark, tmp_path, monkeypatch, capsys):
    class Canned(SimpleNamespace):
        """In place of a process: its answers."""

        def prepare(self):
            facts = {"variant": "v", "agreement": {}, "turn": 3}
            return {"differs": "objectives differ"} if self.name == "train_step" else facts

        def time(self, iterations):
            return {"ours": 1e-4, "notebook": 1.0}.get(self.name, 1e-3)

        def close(self):
            pass

    monkeypatch.setattr(benchmark, "Child", lambda case, name, *rest: Canned(name=name))
    places = {"json": tmp_path / "b.json", "picture": tmp_path / "b.png"}
    with pytest.raises(SystemExit, match="1"):
        benchmark.main(benchmark.Arguments(case=("small", "parzen"), rounds=2, **places))
    printed = capsys.readouterr().out
    assert "is left out: objectives differ" in printed
    (row,) = (line for line in printed.splitlines() if line.startswith("the notebook's loop  "))
    assert "1e+04 (1e+04 to 1e+04)" in row and (tmp_path / "b.png").exists()
    content = json.loads((tmp_path / "b.json").read_text())
    assert content["cases"]["small"]["contenders"]["ours"]["seconds"] == [1e-4, 1e-4]
