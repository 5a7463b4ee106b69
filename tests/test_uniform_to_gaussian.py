"""experiments/uniform_to_gaussian.py: which generator it judges."""

import keras
import numpy as np

from gan_paper.distributions import Uniform
from gan_paper.minibatches import RECORDED_NOISE
from gan_paper.runs import recordings, training
from tests.conftest import trained


def test_the_average_is_what_is_recorded_and_saved(tmp_path, monkeypatch):
    gans, train = [], training.train

    def watched(gan, *args, **kwargs):
        gans.append(gan)
        return train(gan, *args, **kwargs)

    monkeypatch.setattr(training, "train", watched)
    run = trained("uniform_to_gaussian", tmp_path / "run", m=16, average=0.9)
    assert {path.name for path in run.folder.iterdir()} >= {"metrics.json", "histograms.gif", "tail.png"}
    z = Uniform(-1, 1).sample((10_000, 1), (0, 0, RECORDED_NOISE), "float32")
    recorded = recordings.load(tmp_path / "run" / "histograms.npz").moments["mean"][-1]
    saved = keras.models.load_model(tmp_path / "run" / "generator.keras")
    assert np.isclose(np.mean(saved(z)), recorded, atol=1e-5)
    assert abs(np.mean(gans[0].generator(z)) - recorded) > 1e-3  # the last iterate is another network
