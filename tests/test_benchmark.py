"""experiments/speed: each baseline trains as ours does, and one that does not is caught."""

import functools
import itertools

from gan_paper import run

import benchmark
import keras_baselines
import numpy as np
import presets
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other people's packages
ITERATIONS = 6


def load(name):
    module, kind = benchmark.IMPLEMENTATIONS[name]
    return getattr(pytest.importorskip(module, exc_type=ModuleNotFoundError), kind)


short = functools.partial(presets.Preset, short=True)


@functools.cache
def ours(name):
    return keras_baselines.reference(short(name), ITERATIONS)


PRESETS = ["gaussian", "vectors-notebook", "sine"]
CASES = [*itertools.product(["ours", "train_step", "torch", "jax"], PRESETS), ("jax_flat", "gaussian")]
CASES += [("notebook", "vectors-notebook")]


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_a_baseline_trains_as_ours_does(name, preset):
    baseline = load(name)
    baseline.check(short(preset), baseline.VARIANTS[-1], ours(preset))


@pytest.mark.parametrize("preset", presets.CONVOLUTIONAL)
def test_convolutions_train_as_ours_do(preset, images):
    reference = keras_baselines.reference(short(preset))
    for baseline in map(load, ("train_step", "torch")):
        baseline.check(short(preset), baseline.VARIANTS[-1], reference)


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
