"""experiments/speed: each baseline trains as ours does, one that does not is caught, and the benchmark runs."""

import functools
import json

from gan_paper import run

import benchmark
import keras_baselines
import numpy as np
import presets
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other people's packages
ITERATIONS = 6


def load(name):
    module, kind = benchmark.CLASSES[name]
    return getattr(pytest.importorskip(module, exc_type=ModuleNotFoundError), kind)


def short(name):
    return presets.make(name, short=True)


@functools.cache
def ours(name):
    return keras_baselines.reference(short(name), ITERATIONS)


@pytest.mark.parametrize("preset", ["gaussian", "vectors", "vectors-notebook", "uniform_to_gaussian", "sine"])
@pytest.mark.parametrize("name", ["ours", "train_step", "torch", "jax"])
def test_a_baseline_trains_as_ours_does(name, preset):
    baseline = load(name)
    baseline.check(short(preset), baseline.VARIANTS[-1], ours(preset))


def test_the_notebooks_loop_starts_as_ours_does():
    load("notebook").check(short("vectors-notebook"), "", ours("vectors-notebook"))


@pytest.mark.parametrize("wrong", ["d_rates", "g_ema", "k"])
def test_a_baseline_that_trains_otherwise_is_caught(wrong):
    class Wrong(load("torch")):
        def __init__(self, preset, variant):
            super().__init__(preset, variant)
            if wrong == "d_rates":  # they do not fall
                self.d_learner.rates = np.full_like(self.d_learner.rates, self.d_learner.rates[0])
            elif wrong == "g_ema":
                self.g_learner.ema.multi_avg_fn = lambda averages, weights, _: None
            else:
                self.gan.k -= 1

    with pytest.raises(run.Refused, match="differ by"):
        Wrong.check(short("gaussian"), Wrong.VARIANTS[0], ours("gaussian"))


def test_the_benchmark_checks_times_and_writes(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "b.json"
    benchmark.main(("uniform_to_gaussian",), ("torch",), 2, 0.01, json_path=path)
    timed = json.loads(path.read_text())["presets"]["uniform_to_gaussian"]
    assert [len(timed[name]["seconds"]) for name in ("ours", "torch")] == [2, 2]
