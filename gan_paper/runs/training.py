"""Training a GAN into a run's folder: the callbacks that record and save, resuming, and the evaluation at the end."""

import contextlib
import errno
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_paper import objective, runs
from gan_paper.algorithm1 import GAN
from gan_paper.measure.recording import Recording, on_the_line
from gan_paper.minibatches import FRESH_EXAMPLES, RECORDED_NOISE
from gan_paper.runs import files

_CHUNK = 10_000  # examples that an evaluation draws at once
_PLAYED = 100_000  # examples, and as many samples, that D is asked about at most: V is known to 1e-4 then


class Recorder(keras.callbacks.Callback):
    """At the end of each epoch: a row for the history, histograms of samples, and a checkpoint where one is due.

    The samples are those of the generator that is judged and saved: the average of G's iterates where there is one.

    Args:
        run: The run.
        recording: Takes the histograms.
        samples: How many samples each record counts, always of the same noise.
        measure: Given the iteration, further figures for each row of the history, always under the same names.
        observe: Given the networks that are judged, curves that each record keeps: arrays by name, always the same
            names and shapes.
    """

    def __init__(
        self,
        run: runs.Run,
        recording: Recording,
        samples: int,
        measure: Callable[[int], Mapping[str, float]] = lambda iteration: {},
        observe: Callable[[GAN], Mapping[str, Any]] = lambda judged: {},
    ) -> None:
        super().__init__()
        self.run, self.recording, self.samples = run, recording, samples
        self.measure, self.observe = measure, observe

    def begin(self, gan: GAN, record_every: int) -> int:
        """Resume, or record the beginning; returns the iteration.

        Raises:
            runs.Refused: if there is no whole checkpoint to resume from, or the records would be too large.
        """
        self.judged = gan.averaged()
        shape = (self.samples, *gan.generator.input_shape[1:])
        self.noise = gan.p_z.sample(shape, (self.run.settings.seed, 0, RECORDED_NOISE), keras.config.floatx())
        # Keras's own tracking leaves out the state of the generators that its Dropout draws from.
        variables = [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables]
        self._variables = [variable.value for variable in variables]
        self._checkpoint = tf.train.Checkpoint(variables=self._variables)
        self.set_model(gan)
        if self.run.restore(self.recording, self._read) is None:
            self.record()
            size = self.recording.nbytes * (1 + self.run.settings.iterations // record_every)
            if size > files.GREATEST:
                raise runs.Refused(
                    f"--record-every {record_every} would make records of {size / 2**30:.1f} GB; "
                    f"at most {files.GREATEST >> 30} GB are kept"
                )
            self.save()
        return self.iteration

    @property
    def iteration(self) -> int:
        """The iteration that training is at."""
        return int(self.model.g_optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Record, and save where that is due."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        self.run.history.append({"iteration": self.iteration, **row, **self.measure(self.iteration)})
        self.record()
        if self.run.checkpoints.is_due() or self.iteration == self.run.settings.iterations:
            self.save()

    def record(self) -> None:
        """Count the samples of the generator that is judged."""
        samples = self.model.averaged(self.judged).predict_on_batch(self.noise)
        self.recording.record(self.iteration, samples, self.observe(self.judged))

    def save(self) -> None:
        """Make a checkpoint."""
        self.run.checkpoint(self.iteration, self.recording, self._write)

    def _write(self, folder: Path) -> None:
        try:
            self._checkpoint.write(str(folder / "weights"))
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
            self._checkpoint.read(weights).assert_consumed()
        except (AssertionError, tf.errors.OpError) as error:
            raise ValueError(f"the weights in {folder} cannot be read: {str(error).splitlines()[0]}") from None


def observe_line(edges: Any) -> Callable[[GAN], Mapping[str, Any]]:
    """For a `Recorder` of a game on the real line: D over it, from the first edge to the last; G where z is one number.

    Of a game in more dimensions it keeps nothing.
    """

    def observe(judged: GAN) -> Mapping[str, Any]:
        generator, discriminator = judged.generator, judged.discriminator
        if discriminator.input_shape != (None, 1):
            return {}

        def answer(x: Any) -> Any:
            answers = discriminator.predict_on_batch(x)
            return keras.ops.sigmoid(answers) if judged.from_logits else answers

        of_one_number = generator.input_shape == (None, 1)
        return on_the_line(edges, judged.p_z, generator.predict_on_batch if of_one_number else None, answer)

    return observe


class Bar(keras.callbacks.Callback):
    """One progress bar for a whole run, however many epochs it has; nothing where there is no terminal."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start = start
        # No metric is "stateless": each is shown as it is, where Keras would show its average so far.
        self.bar = keras.utils.Progbar(stop - start, stateless_metrics=()) if sys.stdout.isatty() else None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Show how far training is."""
        if self.bar:
            done = int(self.model.g_optimizer.iterations) - self.start
            self.bar.update(done, list((logs or {}).items()), finalize=False)


def train(gan: GAN, x: Any, run: runs.Run, recorder: Recorder, *, batch_size: int, record_every: int) -> runs.Pace:
    """Train by `GAN.fit` into a run's folder, in epochs of `record_every` iterations; resume where the settings say so.

    The folder gets `history.csv`, `histograms.npz` and checkpoints as training goes, and at its end `generator.keras`
    and `discriminator.keras`: with the averages of their iterates, where the optimizers keep them.

    Raises:
        runs.Refused: if there is no whole checkpoint to resume from, or minibatches or records are too large.
        FloatingPointError: if a weight or a loss stops being finite; the last good checkpoint stays.
        OSError: if a file cannot be written.
        MemoryError: if TensorFlow has too little memory.
    """
    seed, stop = run.settings.seed, run.settings.iterations
    try:
        gan.minibatches(x, batch_size, seed)
    except ValueError as error:
        raise runs.Refused(f"--m is no good: {error}") from None
    start = recorder.begin(gan, record_every)
    callbacks = [recorder, Bar(start, stop)]
    began = time.perf_counter()
    epoch = start // record_every
    try:
        for steps, epochs in stretches(start, stop, record_every):
            gan.fit(
                x, batch_size=batch_size, steps_per_epoch=steps, initial_epoch=epoch, epochs=epoch + epochs, seed=seed,
                callbacks=callbacks, verbose=0,
            )  # fmt: skip
            epoch += epochs
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError from error
    pace = runs.Pace(time.perf_counter() - began, max(stop - start, 0), run.checkpoints.seconds)
    final = gan.averaged()
    for network in (final.generator, final.discriminator):
        run.save_network(network.name, network)
    return pace


def stretches(start: int, stop: int, every: int) -> Iterator[tuple[int, int]]:
    """Epochs from `start` to `stop` that end at multiples of `every` and at `stop`: pairs (steps per epoch, epochs)."""
    for begin, end in ((start, min(stop, -(-start // every) * every)), (-(-start // every) * every, stop)):
        whole, rest = divmod(max(0, end - begin), every)
        yield from ((steps, epochs) for steps, epochs in ((every, whole), (rest, 1)) if steps and epochs)


def one_thread() -> None:
    """Give each operation of this process one thread; small networks lose by sharing their products between cores.

    With the networks of `uniform_to_gaussian` an iteration takes 0.7 times as long then, with those of `scalar` and
    `sine` about as long, with two thirds of the processor time. It says nothing of threads that draw minibatches.
    To be called before TensorFlow's first operation: later, it does nothing.
    """
    with contextlib.suppress(RuntimeError):  # TensorFlow's answer when it has begun
        tf.config.threading.set_intra_op_parallelism_threads(1)


def generate(generator: keras.Model, z: Any) -> Any:
    """Samples of a generator for noise z (N, noise_size), with no more than its work on 10,000 of them in memory."""
    return np.concatenate([generator(z[i : i + _CHUNK]) for i in range(0, len(z), _CHUNK)])


def play(gan: GAN, x: Any, *, samples: int, seed: int) -> tuple[Any, dict[str, Any]]:
    """Play the trained game on fresh examples and noise, each network as the average of its iterates, if there is one.

    The seed is the run's; the draws differ from all that training made.

    Returns:
        The generator's samples, as `gan.sample` gives them, and the metrics `value` (V) and `discriminator` (its mean
        on data, `real`, and on samples, `fake`).
    """
    generated, judged = gan.sample(samples, seed), gan.averaged()
    shape, logits = gan.discriminator.input_shape[1:], tf.function(judged.logits)
    real, fake = [], []
    for index, begin in enumerate(range(0, min(samples, _PLAYED), _CHUNK)):
        part = generated[begin : begin + _CHUNK]
        examples = x.sample((len(part), *shape), (seed, index, FRESH_EXAMPLES), keras.config.floatx())
        real.append(logits(tf.constant(examples)))
        fake.append(logits(tf.constant(part)))
    of_x, of_samples = tf.concat(real, axis=0), tf.concat(fake, axis=0)
    means = {"real": float(tf.reduce_mean(tf.sigmoid(of_x))), "fake": float(tf.reduce_mean(tf.sigmoid(of_samples)))}
    return generated, {"value": float(objective.value(of_x, of_samples)), "discriminator": means}
