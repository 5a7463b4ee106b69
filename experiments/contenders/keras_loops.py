"""Algorithm 1 in Keras: this project's, the published notebook's loop, `train_on_batch`, and a custom `train_step`."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.optimizers import SGD, Adam
from keras.optimizers.schedules import InverseTimeDecay
from numpy.typing import NDArray

from contenders.cases import PIECES, Case, Layer, finite, numpy_sampler
from contenders.contender import OBJECTIVES, Arrays, Differs, Reference, Trainer, halves
from gan_paper import networks, objective
from gan_paper.algorithm1 import GAN
from gan_paper.combined import Frozen
from gan_paper.distributions import Gaussian, Source, Uniform
from gan_paper.optimizers import RisingMomentum
from gan_paper.runs import training

JITTED, NOT_JITTED = "jitted", "not jitted"

NETWORKS: dict[str, Callable[[], tuple[keras.Sequential, keras.Sequential]]] = {
    "scalar": lambda: (networks.notebook_generator(1, 10), networks.notebook_discriminator(1)),
    "uniform_to_gaussian": lambda: (
        networks.uniform_to_gaussian_generator(1.0),
        networks.uniform_to_gaussian_discriminator(64),
    ),
    "notebook": lambda: (networks.notebook_generator(), networks.notebook_discriminator()),
    "sine": lambda: (networks.sine_generator(), networks.sine_discriminator()),
    "mnist": lambda: (networks.paper_generator(np.full(784, 0.5)), networks.paper_discriminator()),
}
"""The project's own, by case."""


class Ours(Trainer):
    """`GAN.fit`."""

    def __init__(self, case: Case, initial: Arrays | None, variant: str = "") -> None:
        if case.one_thread:
            training.one_thread()
        keras.utils.set_random_seed(0)
        self.case, self.chunk = case, case.chunk
        self.gan = GAN(*NETWORKS[case.name](), p_z=case.p_z)
        for layer in self.gan.discriminator.layers:
            if isinstance(layer, networks.Dropout) and not any(spec.dropout for spec in case.discriminator):
                layer.rate = 0.0
        self.variables = self.gan.generator.trainable_variables + self.gan.discriminator.trainable_variables
        if initial is not None:
            for variable, array in zip(self.variables, initial, strict=True):
                variable.assign(array)
        # The experiment's own rule, whose momentum rises by 0.0008 in 500 updates, where the others' stays.
        sgd: Any = RisingMomentum if case.name == "mnist" else SGD
        self.gan.compile(
            rule(case, case.rule.d_rate, case.k, sgd), rule(case, case.rule.g_rate, 1, sgd), k=case.k,
            steps_per_execution=case.chunk,
        )  # fmt: skip

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches, in one compiled call."""
        logs = tf.function(self.gan.train_step, jit_compile=True)((x, z, len(x)))
        return np.array([float(logs["d_loss"]), float(logs["g_loss"])])

    def weights(self) -> Arrays:
        """The weights now."""
        return [np.copy(variable) for variable in self.variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.gan.fit(self.case.p_data, batch_size=self.case.m, steps_per_epoch=iterations, verbose=0)

    @classmethod
    def reference(cls, case: Case, iterations: int) -> Reference:
        """A training in epochs of one iteration; `check` compares one that makes all of them in one call."""
        ours = cls(case.checked(), None)
        x, z = ours.gan.minibatches(case.p_data, case.m).draw(0, iterations)
        initial = ours.weights()
        rows = ours.gan.fit(case.p_data, batch_size=case.m, steps_per_epoch=1, epochs=iterations, verbose=0).history
        return Reference(initial, x, z, np.stack([rows["d_loss"], rows["g_loss"]], axis=1), ours.weights())

    @classmethod
    def check(cls, case: Case, reference: Reference, variant: str) -> dict[str, float]:
        """As of every trainer; its objectives are means over the iterations."""
        means = reference._replace(objectives=reference.objectives.mean(axis=0))
        return super().check(case, means, variant)


class Notebook(Trainer):
    """The loop of seed document 001, in the Keras of today."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        warnings.filterwarnings("ignore", "The model does not have any trainable weights")  # the pitfall, see README
        self.case = case
        of_g, of_d = halves(case, initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d, "sigmoid")
        self.variables = self.G.trainable_variables + self.D.trainable_variables
        self.D.compile(optimizer=rule(case, case.rule.d_rate, case.k), loss="binary_crossentropy")
        self.G.compile(optimizer=rule(case, case.rule.g_rate, 1), loss="binary_crossentropy")
        self.D.trainable = False
        z = keras.Input((case.generator[0].inputs,))
        self.DG = keras.Model(z, self.D(self.G(z)))
        self.DG.compile(optimizer=rule(case, case.rule.g_rate, 1), loss="binary_crossentropy")
        rng = np.random.default_rng(0)
        self.draw_x, self.draw_z = numpy_sampler(case.p_data, rng), numpy_sampler(case.p_z, rng)

    def iteration(self, x: NDArray, z: NDArray) -> tuple[float, float]:
        """The published loop."""
        ones, zeros = np.ones(self.case.m), np.zeros(self.case.m)
        for step in range(self.case.k):
            samples = self.G.predict(z[step], verbose=0)
            fake = self.D.fit(samples, zeros, verbose=0)
            real = self.D.fit(x[step], ones, verbose=0)
        g = self.DG.fit(z[-1], ones, verbose=0)
        (d_loss, *_), (of_real, *_), (g_loss, *_) = (h.history["loss"] for h in (fake, real, g))
        return d_loss + of_real, g_loss

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        return np.array([self.iteration(*pair) for pair in zip(x, z, strict=True)])

    def weights(self) -> Arrays:
        """The weights now."""
        return [np.copy(variable) for variable in self.variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations):
            self.iteration(self.draw_x(self.case.x_shape), self.draw_z(self.case.z_shape))

    @classmethod
    def check(cls, case: Case, reference: Reference, variant: str) -> dict[str, float]:
        """What of it can agree with ours: both objectives before anything has learned. And that G learns, D not.

        Raises:
            Differs: if that does not hold.
        """
        loop, ours = cls(case.checked(), reference.initial, variant), Ours(case, reference.initial)
        x, z = reference.x[0], reference.z[0]
        before, of_g = loop.weights(), loop.DG.evaluate(z[-1], np.ones(case.m), verbose=0)
        of_d, _ = loop.iteration(x, z)  # the last update's, but the first has changed nothing
        real, fake, last = (ours.gan.logits(batch) for batch in (x[-1], ours.gan(z[-2]), ours.gan(z[-1])))
        apart = max(
            abs(of_d - float(objective.discriminator_loss(real, fake))),
            abs(of_g - float(objective.non_saturating_generator_loss(last))),
        )
        moved_g, moved_d = halves(case, [a - b for a, b in zip(loop.weights(), before, strict=True)])
        learns = all(np.isfinite(change).all() and change.any() for change in moved_g)
        if not (apart <= OBJECTIVES and learns) or any(change.any() for change in moved_d):
            raise Differs(f"objectives differ by {apart:.2g} (at most {OBJECTIVES:g}), or G does not learn, or D does")
        return {"objectives": apart}


class TrainOnBatch(Trainer):
    """`train_on_batch` of D, and of G through a D that it does not own, with one call each an update."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Keras compiles with XLA where it may; random numbers are slow there."""
        return JITTED, NOT_JITTED

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.case = case
        of_g, of_d = halves(case, initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d)
        # Not the usual frozen D, which does not learn in Keras 3.
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
        """K calls for D, one for G."""
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
        """The weights now."""
        return [np.copy(w) for network in (self.G, self.D) for w in network.trainable_variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations):
            self.iteration(self.draw_x(self.case.x_shape), self.draw_z(self.case.z_shape))


class TrainStep(Trainer):
    """A `keras.Model` with its own `train_step` of one iteration, many of them in one execution of `fit`."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """With XLA, where dropout's random numbers are slow, and without."""
        return JITTED, NOT_JITTED

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        if case.one_thread:
            training.one_thread()
        self.case, self.chunk, self.jit = case, case.chunk, variant == JITTED
        self.model = OneIteration(case, initial)
        self.model.compile(optimizer=None, jit_compile=self.jit, steps_per_execution=self.chunk)
        draw_x, draw_z = sampler(case.p_data), sampler(case.p_z)

        def draw(_: Any) -> tuple[Any, Any]:  # of a whole execution at once, which is faster
            return draw_x((case.chunk, *case.x_shape)), draw_z((case.chunk, *case.z_shape))

        options = tf.data.Options()
        options.autotune.enabled = False  # whose thread every end of a stream waits for, for seconds at times
        self.stream = tf.data.Dataset.counter().map(draw).prefetch(2).unbatch().with_options(options)

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches, and look at the objectives after each."""
        objectives: list[tuple[float, float]] = []
        keep = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda _, logs: objectives.append((logs["d_loss"], logs["g_loss"]))
        )
        self.model.compile(optimizer=None, jit_compile=self.jit, steps_per_execution=1)
        self.model.fit(tf.data.Dataset.from_tensor_slices((x, z)), shuffle=False, verbose=0, callbacks=[keep])
        return np.array(objectives)

    def weights(self) -> Arrays:
        """The weights now."""
        return [np.copy(w) for network in (self.model.G, self.model.D) for w in network.trainable_variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.model.fit(self.stream, steps_per_epoch=iterations, shuffle=False, verbose=0)


class OneIteration(keras.Model):
    """G and D, as Keras's own example of a GAN overrides `train_step`."""

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
        """K updates of D, one of G."""
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
    """A network of Keras's own layers with these weights; `output` replaces the last activation."""
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
    """The greatest of each unit's pieces: (m, pieces, units) to (m, units)."""
    return tf.reduce_max(pieces, axis=1)


def rule(case: Case, rate: float, updates: int, sgd: Any = SGD) -> keras.optimizers.Optimizer:
    """The optimizer; the schedule counts iterations, of which each holds so many updates."""
    how = case.rule
    falling = InverseTimeDecay(rate, updates, how.decay) if how.decay else rate
    if how.kind == "adam":
        return Adam(falling, how.momentum, 0.999, how.epsilon)
    return sgd(falling, how.momentum)


def sampler(source: Source) -> Callable[[tuple[int, ...]], Any]:
    """TensorFlow's draws of a shape, as an input pipeline makes them."""
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
