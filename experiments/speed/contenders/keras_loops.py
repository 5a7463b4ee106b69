"""Algorithm 1 in Keras: `train_on_batch`, a custom `train_step`, and the networks and rules that they share."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.optimizers import SGD, Adam
from keras.optimizers.schedules import InverseTimeDecay
from numpy.typing import NDArray

from contenders.cases import PIECES, Case, Layer, Source, finite, numpy_sampler
from contenders.contender import Arrays, Trainer, halves
from gan_paper.combined import Frozen
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.runs import training

JITTED, NOT_JITTED = "jitted", "not jitted"


class TrainOnBatch(Trainer):
    """One `train_on_batch` an update: of D, and of G through a D whose weights are not the combined model's."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Compile with XLA, where random numbers are slow, or without."""
        return JITTED, NOT_JITTED

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.case = case
        of_g, of_d = halves(case, initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d)
        # A D with `trainable = False`, as is usual, would not learn in Keras 3.
        self.DG = keras.Sequential([keras.Input((case.generator[0].inputs,)), self.G, Frozen(self.D)])
        self.labels = np.repeat(np.array([[1], [0]], np.float32), case.m, axis=0)
        for model, rate, updates, weight in (
            (self.D, case.rule.d_rate, case.k, 2.0),  # a mean over both halves is half of the sum of their means
            (self.DG, case.rule.g_rate, 1, 1.0),
        ):
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            jit = variant == JITTED
            model.compile(optimizer=rule(case, rate, updates), loss=loss, loss_weights=[weight], jit_compile=jit)
        self.G.compile(jit_compile=variant == JITTED)
        rng = np.random.default_rng(0)
        self.draw_x, self.draw_z = numpy_sampler(case.p_data, rng), numpy_sampler(case.p_z, rng)

    def iteration(self, x: NDArray, z: NDArray) -> tuple[float, float]:
        """Call `train_on_batch` k times for D and once for G."""
        for step in range(self.case.k):
            samples = self.G.predict_on_batch(z[step])
            # A loss is a running mean until it is reset.
            self.D.reset_metrics()
            d_loss = self.D.train_on_batch(np.concatenate([x[step], samples]), self.labels)
        self.DG.reset_metrics()
        return d_loss, self.DG.train_on_batch(z[-1], self.labels[: self.case.m])

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        return np.array([self.iteration(*pair) for pair in zip(x, z, strict=True)])

    def weights(self) -> Arrays:
        """Copy the weights."""
        return [np.copy(w) for network in (self.G, self.D) for w in network.trainable_variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations):
            self.iteration(self.draw_x(self.case.x_shape), self.draw_z(self.case.z_shape))


class TrainStep(Trainer):
    """A model whose `train_step` is one iteration; an execution of its `fit` makes many."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Compile with XLA, where dropout's random numbers are slow, or without."""
        return JITTED, NOT_JITTED

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        if case.one_thread:
            training.one_thread()
        self.case, self.chunk, self.jit = case, case.chunk, variant == JITTED
        self.model = OneIteration(case, initial)
        self.model.compile(optimizer=None, jit_compile=self.jit, steps_per_execution=self.chunk)
        draw_x, draw_z = sampler(case.p_data), sampler(case.p_z)

        def draw(_: Any) -> tuple[Any, Any]:  # for a whole execution at once, which is faster
            return draw_x((case.chunk, *case.x_shape)), draw_z((case.chunk, *case.z_shape))

        options = tf.data.Options()
        options.autotune.enabled = False  # the end of a stream would wait for its thread, for seconds at times
        self.stream = tf.data.Dataset.counter().map(draw).prefetch(2).unbatch().with_options(options)

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches, one an execution."""
        objectives: list[tuple[float, float]] = []
        keep = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda _, logs: objectives.append((logs["d_loss"], logs["g_loss"]))
        )
        self.model.compile(optimizer=None, jit_compile=self.jit, steps_per_execution=1)
        self.model.fit(tf.data.Dataset.from_tensor_slices((x, z)), shuffle=False, verbose=0, callbacks=[keep])
        return np.array(objectives)

    def weights(self) -> Arrays:
        """Copy the weights."""
        return [np.copy(w) for network in (self.model.G, self.model.D) for w in network.trainable_variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.model.fit(self.stream, steps_per_epoch=iterations, shuffle=False, verbose=0)


class OneIteration(keras.Model):
    """G and D in one model; it overrides `train_step` as Keras's own example of a GAN does."""

    def __init__(self, case: Case, initial: Arrays) -> None:
        super().__init__()
        self.case = case
        of_g, of_d = halves(case, initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d)
        self.d_rule, self.g_rule = rule(case, case.rule.d_rate, case.k), rule(case, case.rule.g_rate, 1)
        self.d_rule.build(self.D.trainable_variables)
        self.g_rule.build(self.G.trainable_variables)
        self.loss_of = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Update D k times and G once."""
        x, z = data
        m = self.case.m
        labels = tf.concat([tf.ones((m, 1)), tf.zeros((m, 1))], axis=0)
        for step in range(self.case.k):
            both = tf.concat([x[step], self.G(z[step], training=True)], axis=0)
            with tf.GradientTape() as tape:
                d_loss = 2 * self.loss_of(labels, self.D(both, training=True))
            self.d_rule.apply(tape.gradient(d_loss, self.D.trainable_variables))
        with tf.GradientTape() as tape:
            g_loss = self.loss_of(labels[:m], self.D(self.G(z[-1], training=True), training=True))
        self.g_rule.apply(tape.gradient(g_loss, self.G.trainable_variables))
        return {"d_loss": d_loss, "g_loss": g_loss}


def sequential(specs: tuple[Layer, ...], weights: Arrays, output: str | None = None) -> keras.Sequential:
    """Build a network of Keras's own layers with these weights; `output` replaces the last activation."""
    parts: list[Any] = [keras.Input((specs[0].inputs,))]
    for i, spec in enumerate(specs):
        parts += [layers.Dropout(spec.dropout)] if spec.dropout else []
        activation = output if output and i == len(specs) - 1 else spec.activation
        if activation == "maxout":
            parts += [layers.Dense(spec.columns), layers.Reshape((PIECES, spec.units)), layers.Lambda(greatest)]
        elif activation == "leaky_relu":
            parts += [layers.Dense(spec.units), layers.LeakyReLU(0.1)]
        else:
            parts += [layers.Dense(spec.units, activation=activation)]
    network = keras.Sequential(parts)
    for variable, array in zip(network.trainable_variables, weights, strict=True):
        variable.assign(array)
    return network


def greatest(pieces: Any) -> Any:
    """Take the greatest of each unit's pieces: (m, pieces, units) to (m, units)."""
    return tf.reduce_max(pieces, axis=1)


def rule(case: Case, rate: float, updates: int, sgd: Any = SGD) -> keras.optimizers.Optimizer:
    """Make the optimizer; its schedule counts iterations, each of which makes so many updates."""
    how = case.rule
    falling = InverseTimeDecay(rate, updates, how.decay) if how.decay else rate
    if how.kind == "adam":
        return Adam(falling, how.momentum, 0.999, how.epsilon)
    return sgd(falling, how.momentum)


def sampler(source: Source) -> Callable[[tuple[int, ...]], Any]:
    """Return a function that draws an array of a shape with TensorFlow, as an input pipeline does."""
    if isinstance(source, Gaussian):
        return lambda shape: tf.random.normal(shape, source.mean, source.std)
    if isinstance(source, Uniform):
        return lambda shape: tf.random.uniform(shape, source.low, source.high)
    array, scale = finite(source)
    rows = tf.constant(array)

    def draw(shape: tuple[int, ...]) -> Any:
        index = tf.random.uniform(shape[:-1], maxval=len(array), dtype=tf.int32)
        return tf.cast(tf.gather(rows, index), tf.float32) * scale

    return draw
