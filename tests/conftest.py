"""Helpers and fixtures that the tests share."""

import contextlib
import functools
import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from gan_paper import GAN, run
from gan_paper.run import files

import image_data
import image_experiment
import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from matplotlib.text import Text

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ROOT / "experiments"
OF_IMAGES = ("mnist", "mnist_conditional", "mnist_dense", "dcgan", "cifar10")
NAMES = [name for name in run.config.find_experiments(EXPERIMENTS) if name not in OF_IMAGES]
"""The experiments that need no files."""
X = np.random.default_rng(0).normal(4, 1.25, (200, 2)).astype("float32")


def generator(*hidden, shape=(2,), **last):
    """A small generator of 3-dimensional noise."""
    end = [layers.Dense(math.prod(shape), **last), *([layers.Reshape(shape)] if len(shape) > 1 else [])]
    hidden = hidden or [layers.Dense(8, "relu")]
    return keras.Sequential([keras.Input((3,)), *hidden, *end], name="generator")


def discriminator(*end, shape=(2,)):
    """A small discriminator that ends in these layers, or in a Dense with a sigmoid."""
    begin = [keras.Input(shape), *([layers.Flatten()] if len(shape) > 1 else []), layers.Dense(8, "relu")]
    return keras.Sequential([*begin, *(end or [layers.Dense(1, "sigmoid")])], name="discriminator")


def make_gan(D=None, G=None, p_z=None, optimizer=lambda: keras.optimizers.SGD(0.1), seed=0, logits=False, **kwargs):
    """A small GAN, compiled without XLA."""
    keras.utils.set_random_seed(seed)
    gan = GAN(G or generator(), D or discriminator(), p_z, from_logits=logits)
    gan.compile(optimizer(), optimizer(), **{"jit_compile": False, **kwargs})
    return gan


def fit(gan, x=X, **kwargs):
    """`gan.fit`, on minibatches of 20 of an array, without a progress bar."""
    if isinstance(x, np.ndarray):
        kwargs = {"batch_size": 20, **kwargs}
    return gan.fit(x, **{"verbose": 0, **kwargs})


def copies(gan):
    """Copy the generator and the discriminator with their weights, for a plain loop."""
    twins = [keras.models.clone_model(network) for network in (gan.generator, gan.discriminator)]
    for twin, network in zip(twins, (gan.generator, gan.discriminator), strict=True):
        twin.set_weights(network.get_weights())
    return twins


def descend(network, rate, loss):
    """Make one update of a network with SGD; return the loss."""
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, network.trainable_variables)
    keras.optimizers.SGD(rate).apply(gradients, network.trainable_variables)
    return value


def weights(model):
    return [np.copy(w) for w in model.get_weights()]


def equal(a, b):
    """Whether two lists of arrays have equal arrays, one by one."""
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def trained(
    name: str, folder: Path, preset: str | None = None, figures: bool = False, of: Path = EXPERIMENTS, **changes
) -> run.Folder:
    """Run 20 iterations of an experiment as its script does, but in this process, which costs less.

    XLA does not compile them, since that takes longer than the run. Figures are drawn only on request.
    """
    module = run.load_experiment(name, of)
    preset = preset or next(iter(module.PRESETS))
    changes = {"preset": preset, "iterations": 20, "record_every": 10, "output": folder, **changes}
    config = replace(module.PRESETS[preset], **changes)
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch, figures)
        if hasattr(module, "make_gan"):
            run.train(module, config)
        else:  # without Keras
            module.main(config)
    return run.Folder(name, module.PRESETS, replace(config, resume=True))


def finished(folder: Path, recording=None, experiment="gaussian", preset="default", settings=None, **metrics) -> Path:
    """Write the files that the tools read of a run, without training. A run without metrics is unfinished."""
    folder.mkdir(parents=True)
    row = {"experiment": experiment, "preset": preset}
    config = {**row, "layout": 4, "settings": settings or {}, "versions": {"commit": "abc"}}
    (folder / "config.json").write_text(json.dumps(config))
    if metrics:
        (folder / "metrics.json").write_text(json.dumps({**row, "seed": 0, "iterations": 1, **metrics}))
    if recording:
        files.write_arrays(folder / "histograms.npz", recording.arrays())
    return folder


def cheaper(patch: pytest.MonkeyPatch, figures: bool = False) -> None:
    """Turn XLA off, draw at most 10,000 samples without c, and draw no figures, or check those that are drawn."""
    sample, save_figure = GAN.sample, run.Folder.save_figure
    patch.setattr(GAN, "compile", functools.partialmethod(GAN.compile, jit_compile=False))
    few = lambda count, c: count if np.ndim(c) else min(count, 10_000)  # noqa: E731
    patch.setattr(GAN, "sample", lambda gan, count, seed=0, c=None: sample(gan, few(count, c), seed, c=c))
    if figures:
        checked = lambda folder, name, figure: check_legible(figure) or save_figure(folder, name, figure)  # noqa: E731
        patch.setattr(run.Folder, "save_figure", checked)
    else:
        patch.setattr(run.Folder, "save_figure", lambda folder, name, figure: plt.close(figure))
        patch.setattr(run.Folder, "save_animation", lambda folder, name, frames: None)


@contextlib.contextmanager
def stopped_at(iteration):
    """Write a checkpoint at every record, and stop a run after the checkpoint of this iteration."""
    save = files.Checkpoints.save

    def save_and_stop(checkpoints, state):
        save(checkpoints, state)
        if state.iteration == iteration:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files.Checkpoints, "is_due", lambda checkpoints: True)
        patch.setattr(files.Checkpoints, "save", save_and_stop)
        yield


def check_legible(figure: plt.Figure) -> None:
    """Check that all text is large enough at the width of a column, inside the figure, and over no other text."""
    texts, draw, canvas = [], Text.draw, figure.bbox

    def spy(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text().strip():
            texts.append((text, text.get_window_extent(renderer)))
        draw(text, renderer, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", spy)
        figure.canvas.draw()
    assert figure.get_figwidth() <= 5.5
    for i, (text, box) in enumerate(texts):
        assert text.get_fontsize() >= 6.5, text
        assert canvas.x0 <= box.x0 and box.x1 <= canvas.x1 and canvas.y0 <= box.y0 and box.y1 <= canvas.y1, text
        assert not [other for other, its_box in texts[:i] if box.overlaps(its_box)], text


def wait_for(path, process):
    """Wait until a process has made a file or a folder."""
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, path
        time.sleep(0.05)


@pytest.fixture
def images(monkeypatch):
    """Blobs in place of MNIST and stripes in place of CIFAR-10; runs evaluate 200 samples."""
    rng, (y, x), sets = np.random.default_rng(0), np.mgrid[:28, :28], {}
    centres = rng.uniform(8, 20, (2, 800, 1, 1))
    blobs = 255 * np.exp(-((y - centres[0]) ** 2 + (x - centres[1]) ** 2) / 18)
    stripes = rng.integers(0, 256, (800, 2, 1, 3)).repeat(16, axis=1).repeat(32, axis=2)
    for name, pixels, note in (("mnist", blobs, ""), ("cifar10", stripes, "stripes")):
        train, validation, test = np.split(pixels.reshape(800, -1).astype(np.uint8), [500, 650])
        labels = np.zeros(500, np.uint8), np.zeros(150, np.uint8)
        sets[name] = image_data.ImageSet(train, validation, test, *labels, note)
    monkeypatch.setattr(image_data, "load", lambda name, path: sets[name])
    monkeypatch.setattr(image_experiment, "SAMPLES", 200)
    return sets


@pytest.fixture
def float64():
    """Keras in double precision during a test."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
