"""Algorithm 1 of the paper as a Keras model: `fit`, the compiled loop, an iteration, and its two steps."""

from typing import Any

from gan_paper import objective
from gan_paper.examples import integer
from gan_paper.minibatches import Minibatches
from gan_paper.model import AdversarialModel
from gan_paper.networks import diverged, frozen_state, total, warn_out_of_reach
from gan_paper.optimizers import check_callbacks

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

METRICS = ("d_loss", "g_loss", "d_real", "d_fake", "value")
"""The values that an iteration returns, and the columns of the history."""


@keras.saving.register_keras_serializable("gan_paper")
class GAN(AdversarialModel):
    """A generator G and a discriminator D, trained by Algorithm 1. Called on noise, the model returns samples.

    ```python
    gan = GAN(generator, discriminator, p_z=Uniform(-1, 1))
    gan.compile(d_optimizer=Adam(2e-4, 0.5), g_optimizer=Adam(2e-4, 0.5))
    history = gan.fit(x, batch_size=64, epochs=20)
    samples = gan.sample(10_000, seed=0)
    ```

    Args:
        generator: Maps noise z (m, ...) to samples (m, ...). A `keras.Sequential` or functional model of one input; of
            two, [z, c], for a conditional GAN.
        discriminator: Maps examples x (m, ...), or [x, c], to the probability (m, 1) that they are data. A
            `keras.Sequential` or functional model that ends in a sigmoid.
        p_z: The prior of the noise: an object with the method `sample` of `distributions` [default: N(0, 1)].
        from_logits: Whether the discriminator returns logits instead, and ends without a sigmoid.

    Attributes:
        combined: DG, which maps noise z to D(G(z)). Its trainable variables are exactly G's.
        logits: A function of x (m, ...), or of [x, c], and of `training`: D's logits (m, 1).
        iterations: How many iterations this model has been trained for. `compile` does not reset it.
        parts: The shape and dtype of what a minibatch holds: noise, x and, for a conditional GAN, c.

    Raises:
        ValueError: if a network is not such a model, or the two do not fit together; the message names the argument.
    """

    _sums: NDArray[np.float64]

    def fit(
        self,
        x: Any,
        c: Any = None,
        *,
        batch_size: int | None = None,
        epochs: int = 1,
        steps_per_epoch: int | None = None,
        initial_epoch: int = 0,
        seed: int = 0,
        callbacks: Any = None,
        validation_data: Any = None,
        verbose: Any = "auto",
    ) -> keras.callbacks.History:
        """Train by Algorithm 1.

        A step is an iteration: k updates of D, each on m examples and m noise samples, then one update of G on m fresh
        noise samples. An epoch is `steps_per_epoch` iterations; the default is one pass through the examples.
        A minibatch is a pure function of the seed and of the iteration, which counts on from one `fit` to the next; a
        `tf.data.Dataset` is read from its beginning. So `epochs=20` gives the weights of `epochs=10` followed by
        `epochs=20, initial_epoch=10`.

        Args:
            x: The examples. An array or a table (N, ...) is read in shuffled passes, which continue across epochs; an
                epoch is N // m // k iterations. A distribution, such as `Gaussian(4, 1.25)`, gives fresh draws, and
                needs `steps_per_epoch`. A `tf.data.Dataset` or a `keras.utils.PyDataset` of batches is repeated as
                often as needed; its batches are the minibatches, and an epoch is as many iterations as it has batches.
            c: For a conditional GAN, one row for each example: class numbers, one-hot vectors or other numbers, as the
                networks take them. A dataset gives c in its batches (x, c).
            batch_size: m, the minibatch size [default: 32]; not for a dataset.
            epochs: The number of epochs, those before `initial_epoch` included.
            steps_per_epoch: Iterations in an epoch.
            initial_epoch: The epoch with which training begins.
            seed: Seed of the minibatches and of the order of the examples.
            callbacks: As for `keras.Model.fit`. Their methods for epochs are called every epoch, those for batches
                once for each compiled call, which makes many iterations.
            validation_data: Held-out examples, x or (x, c). `evaluate` adds `val_value`, `val_d_real` and `val_d_fake`
                on them to each epoch's row of the history.
            verbose: As for `keras.Model.fit`.

        Returns:
            The history, with a row for each epoch. Its columns are means over the epoch's iterations: `d_loss` and
            `g_loss`, the losses of both networks with their regularisers; `d_real` = D(x), `d_fake` = D(G(z)) and
            `value` = V(D, G) in nats, all three from the last update of D in each iteration.

        Raises:
            ValueError: if an argument does not fit; the message names it.
            FloatingPointError: if a weight or a loss is no longer finite; the message says where, and when.
        """
        minibatches = self.minibatches(x, batch_size, seed, c)
        steps = minibatches.steps if steps_per_epoch is None else integer("steps_per_epoch", steps_per_epoch)
        if steps is None:
            raise ValueError("steps_per_epoch must be given: x has no end, or none that is known")
        for name, variables in self._to_train().items():
            if variables != self._compiled_for[name]:
                raise ValueError(f"{name}'s layers were frozen or unfrozen: compile again, with new optimizers")
        used = [] if callbacks is None else [callbacks]
        check_callbacks(used, self.d_optimizer, self.g_optimizer)
        if validation_data is not None:
            is_pair = isinstance(validation_data, tuple) or (len(self.parts) == 3 and isinstance(validation_data, list))
            held_out = tuple(validation_data) if is_pair else (validation_data,)
            self._held_out("validation_data", *held_out)

            def validate(_: int, logs: dict[str, float]) -> None:
                logs |= {f"val_{name}": value for name, value in self.evaluate(*held_out).items()}

            used.insert(0, keras.callbacks.LambdaCallback(on_epoch_end=validate))
        self.steps_per_execution = per_call = minibatches.per_call(steps, self._arguments["steps_per_execution"])
        epochs_left = max(0, integer("epochs", epochs, 0) - integer("initial_epoch", initial_epoch, 0))
        try:
            with minibatches.ahead(lambda: int(self.iterations), steps, epochs_left, per_call) as self._calls:
                return super().fit(
                    # The minibatches come from a thread; Keras wants a dataset, and gets one that only counts.
                    tf.data.Dataset.range(1).repeat(),
                    steps_per_epoch=steps,
                    epochs=epochs,
                    initial_epoch=initial_epoch,
                    callbacks=used,
                    verbose=verbose,
                    shuffle=False,
                )
        finally:
            self._calls, self.steps_per_execution = None, 1  # `predict` counts by the latter

    def minibatches(self, x: Any, batch_size: int | None = None, seed: int = 0, c: Any = None) -> Minibatches:
        """The minibatches that `fit` trains on. It takes the same arguments, and raises the same errors for them."""
        self._assert_compile_called("fit")
        minibatches = Minibatches(self, x, c, batch_size, seed)
        warn_out_of_reach(minibatches.seen, self.generator)
        return minibatches

    def make_train_function(self, force: bool = False) -> None:
        """Make the function that Keras calls for each batch: one compiled call of `train_step`."""
        if self.train_function is not None and not force:
            return

        def step(minibatches: Any) -> tuple[Any, Any]:
            sums = self.train_step(minibatches)
            weights = self.discriminator.weights + self.generator.weights
            checked = [sums[:2], *(w for w in weights if keras.backend.is_float_dtype(w.dtype))]
            return sums, tf.reduce_all([tf.reduce_all(tf.math.is_finite(values)) for values in checked])

        if not self.run_eagerly:
            # Without AutoGraph, as in Keras's own `fit`: AutoGraph would take a second to rewrite Keras's source.
            step = tf.function(step, jit_compile=self.jit_compile, reduce_retracing=True, autograph=False)

        def call(_: Any) -> dict[str, Any]:
            minibatches = next(self._calls)
            sums, finite = step(minibatches)
            if not finite:
                raise diverged(self, minibatches, sums[:2])
            self._sums = self._sums + sums.numpy()
            return dict(zip(METRICS, self._sums[:-1] / self._sums[-1], strict=True))

        self.train_function = call

    def reset_metrics(self) -> None:
        """Reset the sums at the start of an epoch. Keras's own metrics would take a millisecond of each epoch."""
        self._sums = np.zeros(len(METRICS) + 1)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """An empty list: `fit` computes its means from the sums that `train_step` returns."""
        return []

    def train_step(self, minibatches: tuple[Any, ...]) -> Any:
        """Run the iterations whose minibatches these are; stop early at losses or biases that are no longer finite.

        Nothing in this loop draws random numbers for x or z: that is slow inside XLA on a CPU.

        Args:
            minibatches: x (iterations, k, m, ...), z (iterations, k + 1, m, ...), or k where updates are
                simultaneous, and how many of these iterations to run. For a conditional GAN, before the last: the
                examples' c (iterations, k, m, ...) and the generator's own (iterations, m, ...).

        Returns:
            The sums of `METRICS` over these iterations, and last how many were made, (6,).
        """
        x, z, *c, count = minibatches
        if c:  # D's samples are made of the examples' c
            of_examples, of_generator = c
            of_noise = of_examples if self.simultaneous else tf.concat([of_examples, of_generator[:, None]], axis=1)
            x, z = [x, of_examples], [z, of_noise]

        def body(t: Any, finite: Any, sums: list[Any]) -> tuple[Any, Any, list[Any]]:
            metrics = self.iteration(_at(x, t), _at(z, t))
            # A D that breaks takes G with it in the same iteration, and a G that breaks, its biases. So these and the
            # losses say as much as all the weights would, and to watch them costs nothing.
            biases = [tf.reduce_sum(w) for w in self.generator.trainable_weights if len(w.shape) == 1]
            finite = tf.math.is_finite(metrics[0] + metrics[1] + total(biases))
            return t + 1, finite, [s + tf.cast(metric, s.dtype) for s, metric in zip(sums, metrics, strict=True)]

        zero = tf.zeros((), "float64")  # sums in 16 bits would stop growing
        t, _, sums = tf.while_loop(
            lambda t, finite, _: (t < count) & finite,
            body,
            (0, True, [zero] * len(METRICS)),
            parallel_iterations=1,
        )
        self.iterations.assign_add(tf.cast(t, self.iterations.dtype))
        return tf.stack([*sums, tf.cast(t, zero.dtype)])

    def iteration(self, x: Any, z: Any) -> tuple[Any, Any, Any, Any, Any]:
        """One iteration of Algorithm 1: k updates of D, each on its own minibatch, then one of G.

        Args:
            x: Examples, (k, m, ...); for a conditional GAN, here and below, [x, c].
            z: Noise, (k + 1, m, ...); the last minibatch is the generator's. If simultaneous, one serves both. For a
                conditional GAN, here and below, [z, c].

        Returns:
            The last D loss, the G loss, and the means of D(x), of D(G(z)) and V that the last D update saw.
        """
        if self.simultaneous:
            return self.simultaneous_step(_at(x, 0), _at(z, 0))

        def update(step: Any, *_: Any) -> tuple[Any, ...]:
            return step + 1, *self.discriminator_step(_at(x, step), _at(z, step))

        # For k steps. The loop is the graph's own, so that one update is traced and compiled, whatever k is.
        zero = tf.zeros((), keras.config.floatx())
        logits = tf.zeros((tf.nest.flatten(x)[0].shape[1], 1), zero.dtype)
        _, d_loss, real, fake = tf.while_loop(
            lambda step, *_: step < self.k, update, (0, zero, logits, logits), parallel_iterations=1
        )
        g_loss = self.generator_step(_at(z, self.k))
        return d_loss, g_loss, *objective.seen(real, fake)

    def discriminator_step(self, x: Any, z: Any) -> tuple[Any, ...]:
        """Update D by ascending the gradient of V, jointly on examples x and on samples G(z); G stays as it is."""
        with frozen_state(self.generator):
            samples = self.generate(z)
        with tf.GradientTape() as tape:
            loss, real, fake = self.compute_discriminator_loss(x, samples)
            scaled = self.d_optimizer.scale_loss(loss)
        variables = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss, real, fake

    def generator_step(self, z: Any) -> Any:
        """Update G by descending the gradient of its objective through D, which stays as it is."""
        with tf.GradientTape() as tape:
            samples = self.generate(z)
            with frozen_state(self.discriminator):
                fake = self.logits(samples, training=True)
            loss = self.compute_generator_loss(fake)
            scaled = self.g_optimizer.scale_loss(loss)
        variables = self.combined.trainable_variables
        self.g_optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss

    def simultaneous_step(self, x: Any, z: Any) -> tuple[Any, ...]:
        """Not Algorithm 1, but the authors' released code: update D and G together, from the same samples G(z)."""
        with tf.GradientTape(persistent=True) as tape:
            samples = self.generate(z)
            d_loss, real, fake = self.compute_discriminator_loss(x, samples)
            g_loss = self.compute_generator_loss(fake)
            d_scaled, g_scaled = self.d_optimizer.scale_loss(d_loss), self.g_optimizer.scale_loss(g_loss)
        d_variables, g_variables = self.discriminator.trainable_variables, self.combined.trainable_variables
        d_gradients, g_gradients = tape.gradient(d_scaled, d_variables), tape.gradient(g_scaled, g_variables)
        self.d_optimizer.apply(d_gradients, d_variables)
        self.g_optimizer.apply(g_gradients, g_variables)
        return d_loss, g_loss, *objective.seen(real, fake)

    def generate(self, z: Any) -> Any:
        """G's samples as D takes them: G(z), or for a conditional GAN [G(z, c), c]."""
        samples = self.generator(z, training=True)
        return [samples, z[1]] if isinstance(z, list) else samples

    def compute_discriminator_loss(self, x: Any, samples: Any) -> tuple[Any, Any, Any]:
        """D's loss on examples x and samples (m, ...). Override it if it needs more than D's logits, as in WGAN-GP.

        Returns:
            The loss, and D's logits (m, 1) on the examples and on the samples.
        """
        real = self.logits(x, training=True)
        penalties = self.discriminator.losses
        fake = self.logits(samples, training=True)
        penalties = penalties + self.discriminator.losses
        # D makes two passes; after each, Keras lists the regularisers and the losses that layers add.
        return self._d_loss(real, fake) + total(penalties) / 2, real, fake

    def compute_generator_loss(self, fake: Any) -> Any:
        """G's loss, given D's logits (m, 1) on its samples. Override it if it needs more than these."""
        return self._g_loss(fake) + total(self.generator.losses)


def _at(minibatches: Any, index: Any) -> Any:
    return tf.nest.map_structure(lambda values: values[index], minibatches)
