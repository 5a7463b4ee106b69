"""experiments/speed/benchmark.py and its contenders: who trains as ours does, and what the figures say."""

import functools
import json
from dataclasses import replace
from types import SimpleNamespace

from tests.conftest import experiment

import keras
import numpy as np
import pytest
from contenders import ESTIMATORS, GAMES, limits, presets
from contenders.cases import CHECKED, Estimation, Schedule, dense
from contenders.contender import Differs

THEIRS = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other people's packages


@pytest.fixture(scope="module")
def benchmark():
    return experiment("speed/benchmark")


def load(name, entries=GAMES):
    if package := entries[name].package:
        pytest.importorskip(package)
    return entries[name].load()


@functools.cache
def reference(name):
    # G moves so little in `mnist-released` that after 6 iterations rounding is a fiftieth of its way.
    return load("ours").reference(name, CHECKED if name == "mnist-released" else 6)


# By hand, from what the scripts say: G's and D's weights, m, k, D's and G's rate at first, and then at an iteration.
NUMBERS = {
    "gaussian": (4_151, 2_701, 128, 4, (0.003, 0.0004), (4_000, 0.0015, 0.0002)),
    "gaussian-vectors": (1_001_000, 1_002_001, 128, 1, (0.002, 0.004), (1_500, 0.001, 0.002)),
    "gaussian-notebook": (103_600, 52_651, 100, 1, (0.01, 0.01), (9_000, 0.01, 0.01)),
    "uniform_to_gaussian": (177, 193, 512, 2, (0.02, 0.003), (3_000, 0.005, 0.00075)),
    "sine": (4_482, 8_705, 256, 1, (0.001, 0.001), (40_000, 0, 0)),
    "mnist-released": (2_503_984, 1_231_441, 100, 1, (0.05, 0.1), (250_000, 0.05 / np.e, 0.1 / np.e)),
    "mnist-paper": (2_503_984, 1_231_441, 100, 1, (0.05, 0.3), (250_000, 0.05 / np.e, 0.3 / np.e)),
    "mnist-dense": (559_632, 533_505, 100, 1, (0.0002, 0.0002), (9_000, 0.0002, 0.0002)),
}
AVERAGES = {  # that G's and D's optimizer keep: the iterations that they reach back
    "gaussian": (800, 800), "gaussian-vectors": (300, 300), "uniform_to_gaussian": (4_000, 4_000),
    "sine": (4_000, 4_000), "mnist-released": (225, None), "mnist-paper": (200, None), "mnist-dense": (200, None),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_case_has_the_numbers_of_its_preset(name):
    case = presets.describe(name)
    of_g, of_d, m, k, first, (t, *late) = NUMBERS[name]
    weights = [
        sum((layer.inputs + 1) * layer.units for layer in dense(n)) for n in (case.generator, case.discriminator)
    ]
    assert (*weights, case.m, case.k) == (of_g, of_d, m, k)
    assert (case.d_rule.rate(0), case.g_rule.rate(0)) == pytest.approx(first)
    assert (case.d_rule.rate(t * k), case.g_rule.rate(t)) == pytest.approx(late, rel=1e-4, abs=1e-12)
    for rule, updates, reach in zip((case.g_rule, case.d_rule), (1, k), AVERAGES.get(name, (None, None)), strict=True):
        assert rule.average == (reach and pytest.approx((1 - 1 / reach) ** (1 / updates)))
    assert case.simultaneous == (name == "mnist-released")
    if name in ("mnist-released", "mnist-paper"):  # 0.5, and from epoch 250 on 0.7
        assert [case.d_rule.momentum(t) for t in (0, 499, 249 * 500, 10**6)] == pytest.approx([0.5, 0.5, 0.7, 0.7])


def test_a_gan_without_a_description_is_refused():
    with pytest.raises(ValueError, match="no contender has the layer"):
        presets.layers_of(keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()]))
    with pytest.raises(ValueError, match="clipnorm"):
        presets.rule_of(keras.optimizers.Adam(clipnorm=1.0))


CHECKS = [
    ("ours", "gaussian"), ("notebook", "gaussian-notebook"), ("numpy", "gaussian-notebook"),
    ("torch", "gaussian"), ("torch", "gaussian-vectors"), ("torch", "mnist-released"),
    ("jax", "gaussian"), ("jax", "mnist-released"), ("train_on_batch", "gaussian"), ("train_step", "mnist-released"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), CHECKS)
@THEIRS
def test_every_contender_trains_as_ours_does(name, case):
    contender = load(name)
    contender.check(reference(case), contender.variants()[-1])


@pytest.mark.parametrize("name", ["torch", "jax"])
@THEIRS
def test_what_is_timed_trains(name):
    contender, ours = load(name), reference("gaussian-notebook")
    timed = contender(replace(ours.case, chunk=4), ours.initial, contender.variants()[0])
    before = [np.copy(w) for w in timed.weights()]
    timed.run(4)
    assert all(np.isfinite(w).all() and (w != b).any() for w, b in zip(timed.weights(), before, strict=True))


@THEIRS
def test_a_contender_with_another_rule_is_caught():
    torch, ours, released = load("torch"), reference("gaussian"), reference("mnist-released")
    d_rule, g_rule = ours.checked.d_rule, ours.checked.g_rule
    for whole, wrong in (
        (ours, {"d_rule": replace(d_rule, rate=Schedule(d_rule.rate.first))}),
        (ours, {"g_rule": replace(g_rule, average=0.95)}),
        (ours, {"k": 3}),
        (released, {"g_rule": replace(released.checked.g_rule, momentum=Schedule(0.5))}),
        (released, {"simultaneous": False}),
    ):
        with pytest.raises(Differs, match="differ by"):
            torch.check(whole._replace(checked=replace(whole.checked, **wrong)), torch.variants()[0])


def test_a_broken_contender_is_caught():
    numpy, ours = load("numpy"), reference("gaussian-notebook")

    class Halves(numpy):
        def learn(self, x, z):
            self.d_rule.rate /= 2
            return super().learn(x, z)

    class Lies(numpy):
        def learn(self, x, z):
            return super().learn(x, z) + 0.01

    for broken in (Halves, Lies):
        with pytest.raises(Differs, match="differ by"):
            broken.check(ours, "")


def test_the_products_are_those_that_the_arithmetic_needs():
    # Weights of G and of D, and those of D above its first layer, whose inputs need no gradient in D's own step.
    case = presets.describe("mnist-released")
    g, first, rest = 100 * 1200 + 1200 * 1200 + 1200 * 784, 784 * 1200, 240 * 1200 + 240
    together = 3 * g - 100 * 1200 + 2 * (2 * first + 3 * rest) + first
    by_turns = together + g + first + 2 * rest  # G's own samples, D's answers to them, and the way back through D
    for simultaneous, multiplications in ((True, together), (False, by_turns)):
        # Without D's last gradient of inputs, which is over a single number.
        pairs = limits.factors(replace(case, simultaneous=simultaneous))
        left_out = 240 * (2 if simultaneous else 3)
        assert sum(a * b * c for (a, b), (_, c) in pairs) == 100 * (multiplications - left_out)


@pytest.mark.parametrize("name", ["ours", "kernel_density", "broadcast"])
def test_estimators_agree(name):
    case, estimator = Estimation("small", 200, 50, 0.3), load(name, ESTIMATORS)
    assert estimator.check(case, estimator.variants()[0])["nats"] < 1e-3
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
            if self.name == "products":
                facts |= {"operations": 1e7, "peak": 4e10}
            return {"differs": "objectives differ"} if self.name == "train_step" else facts

        def time(self, iterations):
            return {"ours": 1e-4, "notebook": 1.0}.get(self.name, 1e-3)

        def close(self):
            pass

    monkeypatch.setattr(benchmark, "Child", lambda case, name, *rest: Canned(name=name))
    places = {"json": tmp_path / "b.json", "picture": tmp_path / "b.png"}
    with pytest.raises(SystemExit, match="1"):
        benchmark.main(benchmark.Arguments(case=("gaussian", "parzen"), rounds=2, **places))
    printed = capsys.readouterr().out
    assert "is left out: objectives differ" in printed
    (row,) = (line for line in printed.splitlines() if line.startswith("the notebook's loop  "))
    assert "the products run at 10 GFLOP/s; one large one at 40" in printed
    limits = [line.split()[-1] for line in printed.splitlines() if line.startswith("the limit")]
    assert limits == ["yes", "yes"]
    assert "1e+04 (1e+04 to 1e+04)" in row and (tmp_path / "b.png").exists()
    content = json.loads((tmp_path / "b.json").read_text())
    assert content["cases"]["gaussian"]["contenders"]["ours"]["seconds"] == [1e-4, 1e-4]
