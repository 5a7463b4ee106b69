"""Training a GAN into a run's folder: the stream of minibatches, recording, checkpoints, resuming, evaluation."""

import contextlib
import errno
import io
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_paper import files, objective, runs
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Points, Source
from gan_paper.histograms import Recording

_CHUNK = 10_000  # samples that an evaluation draws at once
_BLOCK = 2**15  # random numbers that are drawn at once

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
    per_call: int | None = None,
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
        per_call: Iterations in one batch of the stream, that is in one call of `train_step` [default: as many as
            make the cost of a call, some milliseconds, small: 1,000, or what 64 MB hold].

    Returns:
        A dataset of (x, z): x (per_call, k, m, ...), z (per_call, gan.noises, m, noise_size); the last may be
        shorter.

    Raises:
        runs.Refused: if it is to choose, and the minibatches of one iteration take too much memory.
    """
    per_call = per_call or iterations_per_call(gan, m)
    x_shape = (gan.k, m, *gan.discriminator.input_shape[1:])
    z_shape = (gan.noises, m, *gan.generator.input_shape[1:])
    dtype = keras.config.floatx()

    # To make a generator of random numbers costs more than to draw a small minibatch. So a block of iterations shares
    # one; where minibatches are large, it is one iteration.
    block = max(1, _BLOCK // (math.prod(x_shape) + math.prod(z_shape)))

    @lru_cache(maxsize=1)  # where a call ends in the middle of a block, the next one goes on with it
    def drawn(first: int) -> tuple[Any, Any]:
        if isinstance(p_data, Points):
            x = p_data.epochs((block, *x_shape), first * gan.k * m, seed, dtype)
        else:
            x = p_data.sample((block, *x_shape), (seed, first, _EXAMPLES), dtype)
        return x, p_z.sample((block, *z_shape), (seed, first, _NOISE), dtype)

    def call(first: int) -> tuple[Any, Any]:
        last = min(first + per_call, stop)
        x, z = _aligned((last - first, *x_shape), dtype), _aligned((last - first, *z_shape), dtype)
        for begin in range(first - first % block, last, block):
            here = slice(max(begin, first), min(begin + block, last))
            for whole, part in zip((x, z), drawn(begin), strict=True):
                whole[here.start - first : here.stop - first] = part[here.start - begin : here.stop - begin]
        return x, z

    def draw(first: Any) -> tuple[Any, Any]:
        x, z = tf.numpy_function(call, [first], (dtype, dtype))
        return tf.ensure_shape(x, (None, *x_shape)), tf.ensure_shape(z, (None, *z_shape))

    options = tf.data.Options()
    # The autotuner's thread sleeps for ever longer periods, and an iterator waits for it when it ends: seconds each.
    options.autotune.enabled = False
    # Drawn in a thread of its own, two calls ahead of training.
    return tf.data.Dataset.range(start, stop, per_call).map(draw).prefetch(2).with_options(options)


def _aligned(shape: Sequence[int], dtype: str) -> Any:
    """An empty array that TensorFlow takes as it is: it copies those that do not begin at a multiple of 64 bytes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(dtype).reshape(shape)


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
    measure: Callable[[int], Mapping[str, float]] = lambda iteration: {},
    observe: Callable[[], Mapping[str, Any]] = dict,
    picture: Callable[[], Any] | None = None,
    state: Sequence[keras.Model] = (),
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
        measure: Given the iteration, further figures for each row of the history, always under the same names.
        observe: Curves that each record keeps: arrays by name, always the same names and shapes.
        picture: Draws a Matplotlib figure of the recording so far, for TensorBoard.
        state: Further models whose weights are the run's, and belong into its checkpoints.

    Returns:
        The seconds spent, the iterations made in them, and how many of the seconds went into checkpoints.

    Raises:
        runs.Diverged: if a weight or a loss stops being finite; the last good checkpoint stays.
        runs.Refused: if there is no whole checkpoint to resume from, or an iteration's minibatches or the records are
            too large.
        Interrupted: if a signal asked for it; there is a checkpoint then.
        OSError: if a file cannot be written.
        MemoryError: if TensorFlow has too little memory.
    """
    seed, stop = run.settings.seed, run.settings.iterations
    per_call = iterations_per_call(gan, m, record_every)
    recorder = _Recorder(
        gan, run, recording, _noise(gan, p_z, record_samples, seed), record_every, measure, observe, state
    )
    start = recorder.begin()
    callbacks: list[keras.callbacks.Callback] = [recorder]
    if getattr(run.settings, "tensorboard", False):
        callbacks.append(_Board(recorder, picture))
    began = time.perf_counter()
    if start < stop:
        stream = minibatches(gan, p_data, p_z, m=m, seed=seed, start=start, stop=stop, per_call=per_call)
        try:
            with run.signals.deferred():
                gan.fit(stream, shuffle=False, verbose=0, callbacks=callbacks)
                recorder.checkpoint()
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError from error
        run.signals.check()
    pace = runs.Pace(time.perf_counter() - began, max(stop - start, 0), run.checkpoints.seconds)
    final = gan.averaged()
    for network in (final.generator, final.discriminator):
        with files.replacing(run.folder / f"{network.name}.keras") as temporary:
            network.save(temporary)
    return pace


_CALL = 64 << 20  # bytes of the minibatches of one call of `train_step`: three are in memory at once
_ITERATION = 4 << 30  # bytes of the minibatches of one iteration, at most


def iterations_per_call(gan: GAN, m: int, record_every: int | None = None) -> int:
    """How many iterations one call of `train_step` makes, whose minibatches take no more than 64 MB.

    Args:
        gan: A compiled GAN.
        m: Minibatch size.
        record_every: Iterations from one record to the next: a call makes all of them, or a divisor [default: calls
            have nothing to end at, and make 1,000].

    Raises:
        runs.Refused: if the minibatches of one iteration take too much memory.
    """
    x, z = math.prod(gan.discriminator.input_shape[1:]), math.prod(gan.generator.input_shape[1:])
    size = m * (gan.k * x + gan.noises * z) * np.dtype(keras.config.floatx()).itemsize
    if size > _ITERATION:
        raise runs.Refused(
            f"--m {m} and k = {gan.k} make minibatches of {size / 2**30:.1f} GB an iteration; "
            f"at most {_ITERATION >> 30} GB are accepted"
        )
    most = max(1, min(record_every or 1000, _CALL // size))
    return next(n for n in range(most, 0, -1) if (record_every or n) % n == 0)


def one_thread() -> None:
    """Give each operation of this process one thread; small networks lose by sharing their products between cores.

    With the networks of `uniform_to_gaussian` an iteration takes 0.7 times as long then, with those of `scalar` and
    `sine` about as long, with two thirds of the processor time. It says nothing of threads that draw minibatches.
    To be called before TensorFlow's first operation: later, it does nothing.
    """
    with contextlib.suppress(RuntimeError):  # TensorFlow's answer when it has begun
        tf.config.threading.set_intra_op_parallelism_threads(1)


def _noise(gan: GAN, p_z: Source, count: int, seed: int) -> Any:
    return p_z.sample((count, *gan.generator.input_shape[1:]), (seed, 0, _RECORDED_NOISE), keras.config.floatx())


class _Recorder(keras.callbacks.Callback):
    """After each call of `train_step`: stop if it diverged, then record, checkpoint and stop where that is due."""

    def __init__(
        self,
        gan: GAN,
        run: runs.Run,
        recording: Recording,
        noise: Any,
        record_every: int,
        measure: Callable[[int], Mapping[str, float]],
        observe: Callable[[], Mapping[str, Any]],
        state: Sequence[keras.Model],
    ) -> None:
        super().__init__()
        self.gan, self.run, self.recording, self.noise = gan, run, recording, noise
        self.record_every, self.measure, self.observe = record_every, measure, observe
        self.shown: dict[str, float] = {}
        # Keras's own tracking leaves out the state of the generators that its Dropout draws from.
        variables = [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables]
        variables += [variable for model in state for variable in model.variables]
        self._variables = [variable.value for variable in variables]
        self._state = tf.train.Checkpoint(variables=self._variables)

    def begin(self) -> int:
        """Resume, or record the beginning; returns the iteration."""
        if self.run.restore(self.recording, self._read) is None:
            self.record()
            self._refuse_too_many_records()
            self.checkpoint()
        self.start = self.iteration
        return self.start

    def _refuse_too_many_records(self) -> None:
        size = self.recording.nbytes * (1 + self.run.settings.iterations // self.record_every)
        if size > files.GREATEST:
            raise runs.Refused(
                f"--record-every {self.record_every} would make records of {size / 2**30:.1f} GB; "
                f"at most {files.GREATEST >> 30} GB are kept"
            )

    @property
    def iteration(self) -> int:
        return int(self.gan.g_optimizer.iterations)

    def on_train_begin(self, logs: Any = None) -> None:
        # No metric is "stateless": each is shown as it is, where Keras would show its average so far.
        self.bar = keras.utils.Progbar(self.run.settings.iterations - self.start, stateless_metrics=())

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        iteration = self.iteration
        self.run.check_finite(iteration, logs, self.gan.discriminator.get_weights(), self.gan.generator.get_weights())
        self.shown |= logs
        if iteration % self.record_every == 0 or iteration == self.run.settings.iterations:
            measured = self.measure(iteration)
            self.run.history.append({"iteration": iteration, "value": -logs["d_loss"], **logs, **measured})
            self.record()
            if self.run.checkpoints.is_due():
                self.checkpoint()
            self.shown |= {name: value for name, value in measured.items() if np.isfinite(value)}
        if sys.stdout.isatty():
            self.bar.update(iteration - self.start, list(self.shown.items()))
        if self.run.signals.received:
            self.checkpoint()
            self.run.signals.check()

    def record(self) -> None:
        self.samples = self.gan.predict_on_batch(self.noise)
        self.recording.record(self.iteration, self.samples, self.observe())

    def checkpoint(self) -> None:
        self.run.checkpoint(self.iteration, self.recording, self._write)

    def _write(self, folder: Path) -> None:
        try:
            self._state.write(str(folder / "weights"))
        except tf.errors.OpError as error:
            # "{{node ...}} PATH; REASON [Op:...]"
            reason = error.message.splitlines()[0].rpartition(";")[2].partition("[Op:")[0].strip()
            raise OSError(errno.EIO, reason, str(folder)) from None

    def _read(self, folder: Path) -> None:
        weights = str(folder / "weights")
        try:
            # Compared beforehand, since for what does not fit TensorFlow logs a line each.
            saved = tf.train.load_checkpoint(weights).get_variable_to_shape_map()
            shapes = [saved.pop(f"variables/{i}/.ATTRIBUTES/VARIABLE_VALUE", None) for i in range(len(self._variables))]
            fits = shapes == [list(variable.shape) for variable in self._variables]
            if not fits or any(name.startswith("variables/") for name in saved):
                raise ValueError(f"the weights in {folder} are not those of these networks and optimizers")
            self._state.read(weights).assert_consumed()
        except (AssertionError, tf.errors.OpError) as error:
            raise ValueError(f"the weights in {folder} cannot be read: {str(error).splitlines()[0]}") from None


class _Board(keras.callbacks.Callback):
    """Logs each row of the history, the recorded samples, and ten pictures in the course of a run, for TensorBoard."""

    def __init__(self, recorder: _Recorder, picture: Callable[[], Any] | None) -> None:
        super().__init__()
        self.recorder, self.picture, self.seen = recorder, picture, len(recorder.run.history)
        self.writer = tf.summary.create_file_writer(str(recorder.run.folder / "tensorboard"))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        history, iterations = self.recorder.run.history, self.recorder.run.settings.iterations
        if len(history) == self.seen:
            return
        before, self.seen = self.seen, len(history)
        row = dict(history[-1])
        iteration = int(row.pop("iteration"))
        with self.writer.as_default(step=iteration):
            for name, value in row.items():
                if np.isfinite(value):
                    tf.summary.scalar(name, value)
            tf.summary.histogram("samples", self.recorder.samples)
            tenth = -(-iterations // 10)
            previous = history[before - 1]["iteration"] if before else 0
            if self.picture and (iteration // tenth > previous // tenth or iteration == iterations):
                tf.summary.image("picture", self._pixels())

    def on_train_end(self, logs: Any = None) -> None:
        self.writer.close()

    def _pixels(self) -> Any:
        import matplotlib.pyplot as plt

        assert self.picture is not None
        png, figure = io.BytesIO(), self.picture()
        figure.savefig(png, dpi=120)
        plt.close(figure)
        return tf.io.decode_png(png.getvalue())[tf.newaxis]


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
