"""experiments/speed: each baseline trains as ours does, one that does not is caught, and the benchmark runs."""

import functools
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

from gan_paper import run
from tests.conftest import cheaper

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


PRESETS = ["gaussian", "vectors", "vectors-notebook", "uniform_to_gaussian", "sine"]
CASES = [*itertools.product(["ours", "train_step", "torch", "jax"], PRESETS), ("jax_flat", "gaussian")]


@pytest.mark.parametrize(("name", "preset"), CASES)
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


def test_the_benchmark_checks_times_and_writes(tmp_path, monkeypatch):
    """In threads of this process, since one of its own would import TensorFlow for each baseline."""
    load("jax_flat")
    make, path = presets.make, tmp_path / "b.json"
    cheaper(monkeypatch)
    monkeypatch.setattr(presets, "make", lambda *args, **short: make(*args, **short)._replace(chunk=5))
    monkeypatch.setattr(benchmark, "ProcessPoolExecutor", lambda workers, _: ThreadPoolExecutor(workers))
    monkeypatch.setenv("NPROC", "1")  # and as it was afterwards
    benchmark.main(("uniform_to_gaussian",), ("jax_flat",), 2, 0.01, json_path=path)
    timed = json.loads(path.read_text())["presets"]["uniform_to_gaussian"]
    assert list(timed) == ["ours", "jax_flat"]
    for of in timed.values():
        assert len(of["seconds"]) == len(of["cpu_seconds"]) == 2 and min(of["seconds"] + of["cpu_seconds"]) > 0
