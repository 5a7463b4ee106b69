"""Training into a run's folder: `GAN.fit` with a callback that records samples and saves checkpoints."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_paper.algorithm1 import GAN
from gan_paper.distributions import RECORDED_NOISE, Distribution
from gan_paper.metrics import Recording, on_the_line
from gan_paper.model import keeps_ema
from gan_paper.run import files
from gan_paper.run.config import Refused
from gan_paper.run.folder import Folder

import keras
import numpy as np
import tensorflow as tf
from rich.progress import Progress


class Recorder(keras.callbacks.Callback):
    """At the end of each epoch, add a row to the history, record samples, and save a checkpoint if one is due.

    The samples come from the generator that is evaluated and saved: with the EMA of G's weights, if there is one.

    Args:
        gan: The GAN that is trained.
        folder: The run's folder.
        recording: The recording that counts the samples.
        c: Conditions of a conditional GAN's data; the samples take the first of them, repeated if they are too few.
    """

    def __init__(self, gan: GAN, folder: Folder, recording: Recording, c: Any = None) -> None:
        super().__init__()
        self.gan, self.folder, self.recording = gan, folder, recording
        self.history: list[dict[str, float]] = []
        self.evaluated = gan.averaged()
        shape = recording.count, *gan.generator.inputs[0].shape[1:]
        noise = gan.p_z.sample(shape, (folder.config.seed, 0, RECORDED_NOISE), keras.config.floatx())
        self.inputs = noise if c is None else [noise, np.resize(c, (recording.count, *np.shape(c)[1:]))]
        # All that training changes. Keras's own saving leaves out the random state of its Dropout layers.
        self.variables = [*gan.variables, gan.iterations, *gan.d_optimizer.variables, *gan.g_optimizer.variables]

    @property
    def iteration(self) -> int:
        """The number of iterations made."""
        return int(self.gan.iterations)

    def begin(self, state: files.State | None) -> None:
        """Restore a checkpoint, or record iteration 0 of a new run.

        Raises:
            Refused: if the checkpoint's variables are not those of this GAN.
        """
        if state is None:
            self.record()
            return
        if [np.shape(saved) for saved in state.variables] != [tuple(v.shape) for v in self.variables]:
            raise Refused(f"--resume cannot go on: checkpoint {state.iteration} holds the variables of other networks")
        for variable, saved in zip(self.variables, state.variables, strict=True):
            variable.assign(saved)
        self.recording.resume(state.recording)
        self.history = list(state.history)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add a row to the history, and record."""
        row = {name: float(number) for name, number in (logs or {}).items()}
        self.history.append({"iteration": self.iteration, **row})
        self.record()

    def record(self) -> None:
        """Record samples of the evaluated generator, and save a checkpoint if one is due."""
        self.gan.averaged(self.evaluated)
        samples = self.evaluated.predict_on_batch(self.inputs)
        curves = self.recording.observe(self.evaluated) if self.recording.observe else {}
        self.recording.record(self.iteration, samples, curves)
        self.folder.save(files.State(self.iteration, self.variables, self.recording, self.history))


def fit(
    gan: GAN,
    x: Any,
    folder: Folder,
    recording: Recording,
    callbacks: list[keras.callbacks.Callback],
    state: files.State | None = None,
) -> int:
    """Train by `GAN.fit` into a run's folder, in epochs of `record_every` iterations, from a checkpoint if any.

    During training the folder gets `history.csv`, `histograms.npz` and checkpoints, at the end `generator.keras` and
    `discriminator.keras`: each with the EMA of its weights, if its optimizer keeps one. If G's does,
    `generator-last.keras` has G's last iterate.

    Returns:
        The number of iterations made by this call; a resumed run makes only the remaining ones.

    Raises:
        Refused: if the checkpoint's variables are not those of this GAN.
        FloatingPointError: if a weight or a loss stops being finite; the last good checkpoint stays.
        OSError: if a file cannot be written.
        MemoryError: if TensorFlow has too little memory.
    """
    x, c = x if isinstance(x, tuple) else (x, None)
    config, recorder = folder.config, Recorder(gan, folder, recording, c)
    recorder.begin(state)
    start = recorder.iteration
    with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("training", total=config.iterations, completed=start)
        show = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: progress.update(task, completed=recorder.iteration)
        )
        try:
            gan.fit(
                x, c, batch_size=config.m, steps_per_epoch=config.every, seed=config.seed, verbose=0,
                initial_epoch=start // config.every, epochs=config.iterations // config.every,
                callbacks=[*callbacks, recorder, show],
            )  # fmt: skip
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError from error
    final = gan.averaged()
    networks = {"generator": final.generator, "discriminator": final.discriminator}
    if keeps_ema(gan.g_optimizer):
        networks["generator-last"] = gan.generator
    for name, network in networks.items():
        with tempfile.TemporaryDirectory() as temporary:
            saved = Path(temporary) / f"{name}.keras"
            network.save(saved)
            files.write(folder.path / saved.name, saved.read_bytes())
    return config.iterations - start


def of_line(x: Distribution) -> Recording:
    """The default recording of one-dimensional data: 64 bins, to 8 standard deviations on each side of the mean."""
    edges = np.linspace(x.mean - 8 * x.std, x.mean + 8 * x.std, 65)
    return Recording({"x": edges}, observe=observe_line(edges))


def observe_line(edges: Any) -> Callable[[GAN], Mapping[str, Any]]:
    """The `observe` of a recording of one-dimensional data: D over all bins, and G if its noise is one-dimensional."""

    def observe(evaluated: GAN) -> Mapping[str, Any]:
        generator, discriminator = evaluated.generator, evaluated.discriminator

        def answer(x: Any) -> Any:
            answers = discriminator.predict_on_batch(x)
            return keras.ops.sigmoid(answers) if evaluated.from_logits else answers

        is_line = generator.input_shape == (None, 1)
        return on_the_line(edges, evaluated.p_z, generator.predict_on_batch if is_line else None, answer)

    return observe
