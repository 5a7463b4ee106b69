"""`SampleGrid` and `Diagnosis`: their docstrings' scripts, what is drawn, and what is found."""

import functools
import inspect
import re
from types import SimpleNamespace
from unittest.mock import Mock

from gan_paper import GAN, Gaussian
from gan_paper.callbacks import Diagnosis, SampleGrid
from gan_paper.plots import training_curves

import keras
import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Run the script in a class's docstring, in an empty folder; return its names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(GAN, "compile", functools.partialmethod(GAN.compile, jit_compile=False))

    def run(of):
        (block,) = re.findall("```python\n(.*?)```", inspect.getdoc(of), re.DOTALL)
        assert block.count("\n") < 30
        keras.utils.set_random_seed(0)
        names = {}
        exec(block, names)
        return names

    return run


def test_the_script_draws_images_pixel_by_pixel_and_an_animation(script, tmp_path):
    names = script(SampleGrid)
    assert sorted(path.name for path in tmp_path.glob("samples/*.png")) == [f"epoch-000{e}.png" for e in (1, 2, 3)]
    with Image.open(tmp_path / "samples/samples.gif") as animation:
        assert animation.n_frames == 3
    drawn = np.asarray(Image.open(tmp_path / "samples/epoch-0003.png"))[-(8 * 9 - 1) * 2 :: 2, ::2, 0]
    for index, image in enumerate(names["gan"].sample(64)):
        row, column = divmod(index, 8)
        assert np.allclose(drawn[row * 9 :, column * 9 :][:8, :8], 255 * image, atol=0.51)


def test_the_script_finds_nothing_wrong_and_its_history_is_drawn(script):
    names = script(Diagnosis)
    assert names["diagnosis"].found == {}
    history = names["gan"].history
    figure = training_curves(history)
    assert np.array_equal(figure.axes[2].lines[0].get_xydata(), np.transpose([range(1, 6), history.history["value"]]))
    plt.close(figure)


def stub(*samples):
    """A GAN whose samples are these, one array after the other."""
    left, shape = iter(samples), (None, *samples[0].shape[1:])
    generator = Mock(side_effect=lambda z: next(left)[: len(z)], output_shape=shape, inputs=[np.zeros((1, 4))])
    sample = lambda count, c: generator(range(count))  # noqa: E731
    return SimpleNamespace(generator=generator, p_z=Gaussian(), sample=sample, _conditions=lambda c, count: [])


FINE = {"value": -1.4, "d_real": 0.5, "d_fake": 0.5}
DRAWS = [np.random.default_rng(seed).normal(size=(256, 2)) for seed in range(9)]
HOPS = [
    DRAWS[1] if epoch == 3 else 0.5 * draw + [(-2, 2), (2, 2), (0, -2)][epoch % 3] for epoch, draw in enumerate(DRAWS)
]


@pytest.mark.parametrize(
    ("fault", "logs", "samples"),
    [
        ("d_has_won", {"value": -0.01, "d_real": 1.0, "d_fake": 0.0}, DRAWS),
        ("g_stands_still", {"value": -0.4, "d_real": 0.8, "d_fake": 0.2}, [DRAWS[0]] * 9),
        ("samples_alike", FINE, HOPS),
        ("samples_alike", FINE, [(1 if epoch == 3 else 0.1 * 0.9**epoch) * draw for epoch, draw in enumerate(DRAWS)]),
    ],
)
def test_a_fault_is_said_once_when_it_has_lasted(capsys, fault, logs, samples):
    diagnosis = Diagnosis(DRAWS[0], patience=3)
    diagnosis.set_model(stub(*samples))
    diagnosis.on_train_begin()
    for epoch, row in enumerate([logs, logs, FINE, logs, logs, logs, logs]):
        diagnosis.on_epoch_end(epoch, row)
        assert capsys.readouterr().out.count("epoch") == (epoch == 5)
    assert diagnosis.found == {fault: 6}


def test_examples_in_any_order_will_do_and_what_is_no_array_is_refused(capsys):
    modes = np.repeat([[-5.0, 0], [5, 0]], 1000, axis=0)
    x = modes + np.random.default_rng(9).normal(size=(2000, 2))  # sorted by mode
    diagnosis = Diagnosis(x, patience=1)
    diagnosis.set_model(stub(*(draw + modes[np.arange(256) * 7] for draw in DRAWS)))
    diagnosis.on_train_begin()
    for epoch in range(5):
        diagnosis.on_epoch_end(epoch, FINE)
    assert not diagnosis.found
    with pytest.raises(ValueError, match="x must be an array with a row for each example"):
        Diagnosis(Gaussian())
    with pytest.raises(ValueError, match="count must be an integer of at least 1"):
        SampleGrid("samples", count=-1)
