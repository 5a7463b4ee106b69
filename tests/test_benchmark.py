"""experiments/speed: each baseline trains as ours does, one that does not is caught, and the benchmark runs."""

import functools
import importlib
import json

import numpy as np
import presets
import pytest
from baseline import Differs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other people's packages
ITERATIONS = 6


def load(name):
    module, package, kind = {
        "ours": ("keras_baselines", "keras", "Ours"),
        "notebook": ("keras_baselines", "keras", "Notebook"),
        "train_step": ("keras_baselines", "keras", "TrainStep"),
        "torch": ("torch_baseline", "torch", "Eager"),
        "jax": ("jax_baseline", "optax", "Scan"),
    }[name]
    pytest.importorskip(package)
    return getattr(importlib.import_module(module), kind)


def short(name):
    return presets.make(name, short=True)


@functools.cache
def ours(name):
    return importlib.import_module("keras_baselines").reference(short(name), ITERATIONS)


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

    with pytest.raises(Differs, match="differ by"):
        Wrong.check(short("gaussian"), Wrong.VARIANTS[0], ours("gaussian"))


def test_the_benchmark_times_checks_and_writes(tmp_path, capsys):
    pytest.importorskip("torch")
    benchmark = importlib.import_module("benchmark")
    path, figure = tmp_path / "b.json", tmp_path / "b.png"
    benchmark.main(("uniform_to_gaussian", "mnist-paper"), ("torch",), 2, 0.01, tmp_path / "no.npz", path, figure)
    times = json.loads(path.read_text())["presets"]["uniform_to_gaussian"]["baselines"]
    assert [len(times[name]["seconds"]) for name in ("ours", "torch")] == [2, 2]
    assert "mnist-paper is skipped" in capsys.readouterr().out and figure.exists()
