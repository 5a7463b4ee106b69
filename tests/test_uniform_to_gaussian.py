"""experiments/uniform_to_gaussian.py: its presets, and which generator it judges."""

import dataclasses

import keras
import numpy as np
import uniform_to_gaussian

from gan_paper import runs
from gan_paper.distributions import Uniform
from gan_paper.minibatches import RECORDED_NOISE
from gan_paper.runs import recordings, report, training


def test_the_published_presets():
    """Seed document 003; no average of the iterates plays in them."""
    published = {
        "iterations": 20_000,
        "m": 512,
        "k": 2,
        "output_slope": 0.1,
        "d_hidden": 8,
        "d_rate": 5e-4,
        "g_rate": 5e-4,
        "beta_1": 0.9,
        "decay": 0.0,
        "average": 0.0,
    }
    for name, slope in (("document", 0.1), ("linear", 1.0)):
        settings = dataclasses.asdict(uniform_to_gaussian.PRESETS[name])
        assert {name: settings[name] for name in published} == {**published, "output_slope": slope}


def test_the_average_is_what_is_recorded_and_saved(tmp_path, monkeypatch):
    trained, train = [], training.train

    def watched(gan, *args, **kwargs):
        trained.append(gan)
        return train(gan, *args, **kwargs)

    monkeypatch.setattr(training, "train", watched)
    monkeypatch.setattr(report, "one_dimensional", lambda *args: None)  # its pictures take longest
    settings = dataclasses.replace(
        uniform_to_gaussian.PRESETS["matched"],
        iterations=20,
        m=16,
        record_every=20,
        average=0.9,
        output=tmp_path / "run",
    )
    with runs.Run("uniform_to_gaussian", settings) as run:
        uniform_to_gaussian.main(settings, run)
    z = Uniform(-1, 1).sample((10_000, 1), (0, 0, RECORDED_NOISE), "float32")
    recorded = recordings.load(tmp_path / "run" / "histograms.npz").moments["mean"][-1]
    saved = keras.models.load_model(tmp_path / "run" / "generator.keras")
    assert np.isclose(np.mean(saved(z)), recorded, atol=1e-5)
    assert abs(np.mean(trained[0].generator(z)) - recorded) > 1e-3  # the last iterate is another network
