"""Algorithm 1 in Keras, on an experiment's own networks and optimizers: `train_on_batch`, and a custom `train_step`."""

from collections.abc import Callable
from typing import Any

from contenders import presets
from contenders.cases import Case, Source, affine, finite
from contenders.contender import Arrays, OneByOne, Trainer
from gan_paper.distributions import Gaussian, Uniform

import keras
import numpy as np
import tensorflow as tf
from keras.losses import BinaryCrossentropy
from numpy.typing import NDArray

JITTED, NOT_JITTED = "jitted", "not jitted"


class TrainOnBatch(OneByOne):
    """One `train_on_batch` an update: of D, and of G through a D whose weights are not the combined model's."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Compile with XLA or without."""
        return JITTED, NOT_JITTED

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        super().__init__(case, initial, variant)
        self.gan = presets.load(presets.build(case.name, case.checked)[0], initial)
        # A D with `trainable = False`, as is usual, would not learn in Keras 3.
        self.G, self.D, self.DG = self.gan.generator, self.gan.discriminator, self.gan.combined
        self.labels = np.repeat(np.array([[1], [0]], np.float32), case.m, axis=0)
        for model, rule, weight in (
            (self.D, self.gan.d_optimizer, 2.0),  # a mean over both halves is half of the sum of their means
            (self.DG, self.gan.g_optimizer, 1.0),
        ):
            jit = variant == JITTED
            model.compile(optimizer=rule, loss=BinaryCrossentropy(), loss_weights=[weight], jit_compile=jit)
        self.G.compile(jit_compile=variant == JITTED)

    def iteration(self, x: NDArray, z: NDArray) -> tuple[float, float]:
        """Call `train_on_batch` k times for D and once for G."""
        for step in range(self.case.k):
            samples = self.G.predict_on_batch(z[step])
            if self.case.simultaneous:  # G first, through a D that has not moved yet
                g_loss = self.update(self.DG, z[0], self.labels[: self.case.m])
            d_loss = self.update(self.D, np.concatenate([x[step], samples]), self.labels)
        if not self.case.simultaneous:
            g_loss = self.update(self.DG, z[-1], self.labels[: self.case.m])
        return d_loss, g_loss

    def update(self, model: keras.Model, inputs: NDArray, labels: NDArray) -> float:
        """Update one network; return its objective."""
        model.reset_metrics()  # a loss is a running mean until it is reset
        return model.train_on_batch(inputs, labels)

    def weights(self) -> Arrays:
        """Copy the weights."""
        return presets.weights(self.gan)


class TrainStep(Trainer):
    """A model whose `train_step` is one iteration; an execution of its `fit` makes many."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Compile with XLA or without."""
        return JITTED, NOT_JITTED

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
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
        return presets.weights(self.model.gan)

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.model.fit(self.stream, steps_per_epoch=iterations, shuffle=False, verbose=0)


class OneIteration(keras.Model):
    """G and D in one model; it overrides `train_step` as Keras's own example of a GAN does."""

    def __init__(self, case: Case, initial: Arrays) -> None:
        super().__init__()
        self.case, self.loss_of = case, BinaryCrossentropy(from_logits=True)
        self.gan = presets.load(presets.build(case.name, case.checked)[0], initial)
        self.built = True

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Update D k times and G once."""
        x, z = data
        gan, m = self.gan, self.case.m
        of_d, of_g = gan.discriminator.trainable_variables, gan.generator.trainable_variables
        labels = tf.concat([tf.ones((m, 1)), tf.zeros((m, 1))], axis=0)
        if self.case.simultaneous:
            with tf.GradientTape(persistent=True) as tape:
                samples = gan.generator(z[0], training=True)
                real, fake = gan.logits(x[0], training=True), gan.logits(samples, training=True)
                d_loss = self.loss_of(labels[:m], real) + self.loss_of(labels[m:], fake)
                g_loss = self.loss_of(labels[:m], fake)
            gradients = tape.gradient(d_loss, of_d), tape.gradient(g_loss, of_g)
            gan.d_optimizer.apply(gradients[0])
            gan.g_optimizer.apply(gradients[1])
            return {"d_loss": d_loss, "g_loss": g_loss}
        for step in range(self.case.k):
            both = tf.concat([x[step], gan.generator(z[step], training=True)], axis=0)
            with tf.GradientTape() as tape:
                d_loss = 2 * self.loss_of(labels, gan.logits(both, training=True))
            gan.d_optimizer.apply(tape.gradient(d_loss, of_d))
        with tf.GradientTape() as tape:
            g_loss = self.loss_of(labels[:m], gan.logits(gan.generator(z[-1], training=True), training=True))
        gan.g_optimizer.apply(tape.gradient(g_loss, of_g))
        return {"d_loss": d_loss, "g_loss": g_loss}


def sampler(source: Source) -> Callable[[tuple[int, ...]], Any]:
    """Return a function that draws an array of a shape with TensorFlow, as an input pipeline does."""
    if isinstance(source, Gaussian | Uniform):
        draw = tf.random.normal if isinstance(source, Gaussian) else tf.random.uniform
        factor, offset = affine(source)
        return lambda shape: draw(shape) * factor + offset
    array, scale, low = finite(source)
    rows = tf.constant(array)

    def rows_of(shape: tuple[int, ...]) -> Any:
        index = tf.random.uniform(shape[:-1], maxval=len(array), dtype=tf.int32)
        return tf.cast(tf.gather(rows, index), tf.float32) * scale + low

    return rows_of
