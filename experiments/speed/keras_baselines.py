"""`GAN.fit`, and Algorithm 1 in plain Keras: a `train_step`, and the notebook's loop; on the preset's own networks."""

import warnings
from typing import Any

from gan_paper import objective, run

import keras
import numpy as np
import presets
import tensorflow as tf
from keras.losses import BinaryCrossentropy
from numpy.typing import NDArray
from presets import LOSSES, Baseline, Preset, Trained, distance


class Ours(Baseline):
    """`GAN.fit`."""

    def run(self, iterations: int) -> keras.callbacks.History:
        """Train on random minibatches; an epoch is one compiled call."""
        x, m, epochs = self.preset.p_data, self.preset.m, iterations // self.chunk
        return self.gan.fit(x, batch_size=m, steps_per_epoch=self.chunk, epochs=epochs, verbose=0)

    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Train on given minibatches, which are those of `fit`."""
        history = self.run(len(x)).history
        return np.stack([history["d_loss"], history["g_loss"]], axis=1), presets.networks(self.gan)


def reference(preset: Preset, iterations: int = presets.SHORT) -> Trained:
    """Run a short training with `GAN.fit`, not compiled. Every baseline, and `Ours` itself, is checked against it."""
    preset.gan.run_eagerly = True
    return Ours(preset, "").learn(*preset.draw(0, iterations))


class TrainStep(Baseline):
    """`fit` of a model whose `train_step` is one iteration, `steps_per_execution` of them in a call."""

    VARIANTS = "XLA", "no XLA"

    def __init__(self, preset: Preset, variant: str) -> None:
        super().__init__(preset, variant)
        self.model, rows = OneIteration(preset), tf.constant(presets.rows(preset.p_data))
        self.choose = lambda shape: tf.gather(rows, tf.random.uniform(shape, maxval=len(rows), dtype=tf.int32))
        self.model.compile(jit_compile=variant == "XLA", steps_per_execution=self.chunk)
        options = tf.data.Options()
        options.autotune.enabled = False  # with it, the end of a stream may wait seconds for its thread
        self.stream = tf.data.Dataset.counter().map(self.draw).prefetch(2).unbatch().with_options(options)

    def draw(self, _: Any) -> tuple[Any, ...]:
        """Draw the examples and the noise of a whole call, which is faster than one iteration at a time."""
        sources = [(source, (self.chunk, *shape)) for source, shape in self.sources]
        return tuple(presets.drawn(*source, tf.random.normal, tf.random.uniform, self.choose) for source in sources)

    def run(self, iterations: int) -> None:
        """Train on random minibatches."""
        self.model.fit(self.stream, steps_per_epoch=iterations, shuffle=False, verbose=0)

    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Train on given minibatches, one iteration in each compiled call."""
        step = tf.function(self.model.train_step, jit_compile=self.variant == "XLA", autograph=False)
        losses = np.array([list(step(pair).values()) for pair in zip(x, z, strict=True)])
        return losses, presets.networks(self.gan)


class OneIteration(keras.Model):
    """G and D in one model; it overrides `train_step` as Keras's own example of a GAN does."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.gan, self.m, self.loss_of = preset.gan, preset.m, BinaryCrossentropy(from_logits=True)
        self.built = True

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Update D k times and G once."""
        (x, z), gan = data, self.gan
        one, zero = tf.ones((self.m, 1)), tf.zeros((self.m, 1))
        of_d, of_g = gan.discriminator.trainable_variables, gan.generator.trainable_variables
        for step in range(gan.k):
            with tf.GradientTape(persistent=True) as tape:
                samples = gan.generator(z[step], training=True)
                real, fake = gan.logits(x[step], training=True), gan.logits(samples, training=True)
                d_loss, g_loss = self.loss_of(one, real) + self.loss_of(zero, fake), self.loss_of(one, fake)
            d_gradients = tape.gradient(d_loss, of_d)
            if gan.simultaneous:  # through D before its update
                g_gradients = tape.gradient(g_loss, of_g)
            gan.d_optimizer.apply(d_gradients, of_d)
        if not gan.simultaneous:
            with tf.GradientTape() as tape:
                g_loss = self.loss_of(one, gan.logits(gan.generator(z[-1], training=True), training=True))
            g_gradients = tape.gradient(g_loss, of_g)
        gan.g_optimizer.apply(g_gradients, of_g)
        return {"d_loss": d_loss, "g_loss": g_loss}


class Notebook(Baseline):
    """The published loop (https://github.com/ronvree/GAN_Intro): `predict` and `fit` for every minibatch, without EMAs.

    It sets `D.trainable = False` before it compiles DG. In Keras 3 D then stays frozen.
    """

    def __init__(self, preset: Preset, variant: str) -> None:
        super().__init__(preset, variant)
        self.chunk = 1
        warnings.filterwarnings("ignore", "The model does not have any trainable weights")  # the frozen D
        self.G, self.D = self.gan.generator, self.gan.discriminator
        self.gan.d_optimizer.use_ema = self.gan.g_optimizer.use_ema = False
        self.D.compile(self.gan.d_optimizer, "binary_crossentropy")
        self.D.trainable = False
        z = keras.Input(self.G.input_shape[1:])
        self.DG = keras.Model(z, self.D(self.G(z)))
        self.DG.compile(self.gan.g_optimizer, "binary_crossentropy")

    def run(self, iterations: int) -> None:
        """Train on random minibatches, drawn with NumPy."""
        self.learn(*self.preset.draw(0, iterations))

    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Train on given minibatches, a pass of the published loop for each iteration."""
        ones, zeros, losses = np.ones(self.preset.m), np.zeros(self.preset.m), []
        for examples, noise in zip(x, z, strict=True):
            for step in range(self.gan.k):
                samples = self.G.predict(noise[step], verbose=0)
                fake = self.D.fit(samples, zeros, verbose=0)
                real = self.D.fit(examples[step], ones, verbose=0)
            g = self.DG.fit(noise[-1], ones, verbose=0)
            of_fake, of_real, of_g = (history.history["loss"][0] for history in (fake, real, g))
            losses.append([of_fake + of_real, of_g])
        return np.array(losses), [self.G.get_weights(), self.D.get_weights()]

    @classmethod
    def check(cls, preset: Preset, variant: str, ours: Trained) -> None:
        """Compare the losses at the initial weights, the only ones that can agree. Then G must have moved, and D not.

        Raises:
            run.Refused: if they differ, or G has not moved, or D has.
        """
        (g_before, d_before, *_), (x, z), logits = presets.networks(preset.gan), preset.draw(0, 1), preset.gan.logits
        samples = [preset.gan.generator(batch) for batch in z[0]]
        d_loss = objective.discriminator_loss(logits(x[0, -1]), logits(samples[-2]))
        g_loss = objective.non_saturating_generator_loss(logits(samples[-1]))
        loop = cls(preset, variant)
        of_g = loop.DG.evaluate(z[0, -1], np.ones(preset.m), verbose=0)  # before `fit` moves G between its batches
        (((of_d, _),), (G, D)) = loop.learn(x, z)
        apart = max(abs(of_d - float(d_loss)), abs(of_g - float(g_loss)))
        if not apart <= LOSSES or not distance(G, g_before) > 0 or distance(D, d_before) > 0:
            raise run.Refused(f"Notebook: losses differ by {apart:.2g} nats, or G does not move, or D does")
