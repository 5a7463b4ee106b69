"""Training a GAN into a run's folder: the stream of minibatches, recording, checkpoints, resuming, evaluation."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_paper import objective, runs
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Points, Source
from gan_paper.histograms import Recording

_CHUNK = 10_000  # samples that an evaluation draws at once

# What a draw is for: with the run's seed and a number, it makes a seed of its own.
_EXAMPLES, _NOISE, _FRESH_EXAMPLES, _FRESH_NOISE, _RECORDED_NOISE = range(5)


def minibatches(
    gan: GAN,
    p_data: Source,
    p_z: Source,
    *,
    m: int,
    seed: int,
    start: int = 0,
    stop: int,
    per_call: int,
) -> tf.data.Dataset:
    """The stream that `GAN.fit` trains on: a pure function of the seed and the iteration, whatever the chunking.

    Args:
        gan: A compiled GAN, for its k and its networks' shapes.
        p_data: Where examples come from; `Points` are gone through in shuffled epochs.
        p_z: The prior of the noise.
        m: Minibatch size.
        seed: Seed of the stream.
        start: First iteration.
        stop: The iteration to stop before.
        per_call: Iterations in one batch of the stream, that is in one call of `train_step`.

    Returns:
        A dataset of (x, z): x (per_call, k, m, ...), z (per_call, gan.noises, m, noise_size); the last may be
        shorter.
    """
    x_shape = (gan.k, m, *gan.discriminator.input_shape[1:])
    z_shape = (gan.noises, m, *gan.generator.input_shape[1:])
    dtype = keras.config.floatx()

    def examples(t: int) -> Any:
        if isinstance(p_data, Points):
            return p_data.epochs(x_shape, t * gan.k * m, seed, dtype)
        return p_data.sample(x_shape, (seed, t, _EXAMPLES), dtype)

    def call(first: int) -> tuple[Any, Any]:
        iterations = range(first, min(first + per_call, stop))
        x = np.stack([examples(t) for t in iterations])
        return x, np.stack([p_z.sample(z_shape, (seed, t, _NOISE), dtype) for t in iterations])

    def draw(first: Any) -> tuple[Any, Any]:
        x, z = tf.numpy_function(call, [first], (dtype, dtype))
        return tf.ensure_shape(x, (None, *x_shape)), tf.ensure_shape(z, (None, *z_shape))

    options = tf.data.Options()
    # The autotuner's thread sleeps for ever longer periods, and an iterator waits for it when it ends: seconds each.
    options.autotune.enabled = False
    # Drawn in a thread of its own, two calls ahead of training.
    return tf.data.Dataset.range(start, stop, per_call).map(draw).prefetch(2).with_options(options)


def train(
    gan: GAN,
    run: runs.Run,
    recording: Recording,
    *,
    p_data: Source,
    p_z: Source,
    m: int,
    record_every: int,
    record_samples: int,
    per_call: int | None = None,
    measure: Callable[[int], Mapping[str, float]] = lambda iteration: {},
    observe: Callable[[], Mapping[str, Any]] = dict,
) -> runs.Pace:
    """Train by Algorithm 1 into a run's folder, with a progress bar; resume where its settings say so.

    Every `record_every` iterations a row goes to the history and a histogram of G on fixed noise to the recording.
    The folder gets `history.csv`, `histograms.npz` and checkpoints as training goes, and at its end `generator.keras`
    and `discriminator.keras`: with the averages of their iterates, where the optimizers keep them.

    Args:
        gan: A compiled GAN.
        run: The run.
        recording: Takes the histograms.
        p_data: Where examples come from.
        p_z: The prior of the noise.
        m: Minibatch size.
        record_every: Iterations from one record to the next.
        record_samples: Samples in each record.
        per_call: Iterations in one call of `train_step`, a divisor of `record_every`, which is the default.
        measure: Given the iteration, further figures for each row of the history, always under the same names.
        observe: Curves that each record keeps: arrays by name, always the same names and shapes.

    Returns:
        The seconds spent and the iterations made in them.

    Raises:
        runs.Diverged: if the weights stop being finite; the last good checkpoint stays.
        runs.Refused: if there is no checkpoint to resume from.
    """
    seed, stop = run.settings.seed, run.settings.iterations
    noise = _noise(gan, p_z, record_samples, seed)
    recorder = _Recorder(gan, run, recording, noise, record_every, measure, observe)
    if run.settings.resume:
        recorder.restore()
    else:
        recorder.record()
        recorder.checkpoint()
    start = int(gan.g_optimizer.iterations)
    recorder.start, recorder.clock = start, (clock := runs.Clock())
    if start < stop:
        stream = minibatches(
            gan, p_data, p_z, m=m, seed=seed, start=start, stop=stop, per_call=per_call or record_every
        )
        gan.fit(stream, shuffle=False, verbose=0, callbacks=[recorder])
        recorder.checkpoint()
    pace = clock.pace(max(stop - start, 0))
    final = gan.averaged()
    final.generator.save(run.folder / "generator.keras")
    final.discriminator.save(run.folder / "discriminator.keras")
    return pace


def _noise(gan: GAN, p_z: Source, count: int, seed: int) -> Any:
    return p_z.sample((count, *gan.generator.input_shape[1:]), (seed, 0, _RECORDED_NOISE), keras.config.floatx())


class _Recorder(keras.callbacks.Callback):
    """After each call of `train_step`: stop if it diverged, then record and checkpoint where they are due."""

    def __init__(
        self,
        gan: GAN,
        run: runs.Run,
        recording: Recording,
        noise: Any,
        record_every: int,
        measure: Callable[[int], Mapping[str, float]],
        observe: Callable[[], Mapping[str, Any]],
    ) -> None:
        super().__init__()
        self.gan, self.run, self.recording, self.noise = gan, run, recording, noise
        self.record_every, self.measure, self.observe, self.start = record_every, measure, observe, 0
        self.shown: dict[str, float] = {}
        try:
            self._manager = tf.train.CheckpointManager(
                tf.train.Checkpoint(gan=gan), str(run.folder / "checkpoints"), max_to_keep=2
            )
        except (ValueError, tf.errors.OpError):
            raise runs.Refused(f"--resume cannot read the checkpoints in {run.folder / 'checkpoints'}") from None

    def on_train_begin(self, logs: Any = None) -> None:
        # No metric is "stateless": each is shown as it is, where Keras would show its average so far.
        self.bar = keras.utils.Progbar(self.run.settings.iterations - self.start, stateless_metrics=())

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        iteration = int(self.gan.g_optimizer.iterations)
        for network in (self.gan.discriminator, self.gan.generator):  # a D that breaks takes G with it
            if not all(np.isfinite(w).all() for w in network.get_weights()):
                raise runs.Diverged(
                    f"training diverged at iteration {iteration}: the {network.name}'s weights are no longer finite; "
                    f"the last good checkpoint is kept in {self.run.folder / 'checkpoints'}"
                )
        self.shown |= logs
        if iteration % self.record_every == 0 or iteration == self.run.settings.iterations:
            measured = self.measure(iteration)
            self.run.history.append({"iteration": iteration, "value": -logs["d_loss"], **logs, **measured})
            self.record()
            self.clock.checkpoint(self.checkpoint)
            self.shown |= {name: value for name, value in measured.items() if np.isfinite(value)}
        if sys.stdout.isatty():
            self.bar.update(iteration - self.start, list(self.shown.items()))

    def record(self) -> None:
        samples = self.gan.predict_on_batch(self.noise)
        self.recording.record(int(self.gan.g_optimizer.iterations), samples, self.observe())

    def checkpoint(self) -> None:
        # Last comes what resuming starts from, so that the files always reach at least as far.
        self.run.save_history()
        self.recording.save(self.run.folder / "histograms.npz")
        self._manager.save(checkpoint_number=int(self.gan.g_optimizer.iterations))

    def restore(self) -> None:
        try:
            if self._manager.restore_or_initialize() is None:
                raise runs.Refused(f"--resume finds no checkpoint in {self.run.folder / 'checkpoints'}")
            iteration = int(self.gan.g_optimizer.iterations)
            self.recording.restore(self.run.folder / "histograms.npz", iteration)
        except (ValueError, tf.errors.OpError) as error:
            raise runs.Refused(f"--resume cannot read the run's files: {str(error).splitlines()[0]}") from None
        self.run.load_history(iteration)


def generate(generator: keras.Model, z: Any) -> Any:
    """Samples of a generator for noise z (N, noise_size), with no more than its work on 10,000 of them in memory."""
    return np.concatenate([generator(z[i : i + _CHUNK]) for i in range(0, len(z), _CHUNK)])


def play(gan: GAN, p_data: Source, p_z: Source, *, samples: int, seed: int) -> tuple[Any, dict[str, Any]]:
    """Play the trained game on fresh examples and noise.

    Args:
        gan: A trained GAN.
        p_data: Where examples come from.
        p_z: The prior of the noise.
        samples: How many of each.
        seed: The run's seed; the draws differ from all that training made.

    Returns:
        The generator's samples (samples, n), and the metrics `value` (V) and `discriminator` (its mean on data, `real`,
        and on samples, `fake`).
    """

    @tf.function
    def evaluate(x: Any, z: Any) -> tuple[Any, Any, Any]:
        generated = gan.generator(z)
        return generated, gan.logits(x), gan.logits(generated)

    dtype, chunks = keras.config.floatx(), []
    for index, begin in enumerate(range(0, samples, _CHUNK)):
        count = min(_CHUNK, samples - begin)
        x = p_data.sample((count, *gan.discriminator.input_shape[1:]), (seed, index, _FRESH_EXAMPLES), dtype)
        z = p_z.sample((count, *gan.generator.input_shape[1:]), (seed, index, _FRESH_NOISE), dtype)
        chunks.append(evaluate(tf.constant(x), tf.constant(z)))
    generated, real, fake = (tf.concat(parts, axis=0) for parts in zip(*chunks, strict=True))
    means = {"real": float(tf.reduce_mean(tf.sigmoid(real))), "fake": float(tf.reduce_mean(tf.sigmoid(fake)))}
    return generated.numpy(), {"value": float(objective.value(real, fake)), "discriminator": means}
