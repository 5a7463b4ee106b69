"""Algorithm 1 of the paper as a Keras model: the generator G, the discriminator D, the combined DG, and `fit`."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from gan_paper import objective


@keras.saving.register_keras_serializable("gan_paper")
class GAN(keras.Model):
    """G and D, trained against each other by Algorithm 1; called on noise, it answers with samples.

    `fit` takes a stream whose every batch holds the minibatches of many iterations (`training.minibatches` makes one):
    x of shape (iterations, k, m, ...) and z of shape (iterations, k + 1, m, noise_size), or k where updates are
    simultaneous. One call of `train_step` runs all of them in one compiled loop. Nothing in that loop draws random
    numbers: that is slow inside XLA on a CPU.

    Args:
        generator: Maps noise (m, noise_size) to samples (m, ...).
        discriminator: Maps examples (m, ...) to the probability (m, 1) that they are data. A `keras.Sequential` or
            functional model whose last layer is `Dense(1, activation="sigmoid")`.

    Attributes:
        combined: DG, which maps noise to D(G(z)) and whose trainable variables are exactly G's.

    Raises:
        ValueError: if the discriminator ends otherwise.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.combined = keras.Sequential(
            [keras.Input(generator.input_shape[1:]), generator, Frozen(discriminator)], name="combined"
        )
        self.logits = without_sigmoid(discriminator)
        self.built = True  # both networks are, and Keras saves the weights of built models only

    def call(self, z: Any, training: bool = False) -> Any:
        """Samples G(z) for noise z of shape (m, noise_size)."""
        return self.generator(z, training=training)

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer,
        g_optimizer: keras.optimizers.Optimizer,
        k: int = 1,
        generator_loss: str = "non_saturating",
        simultaneous: bool = False,
        jit_compile: bool = True,
    ) -> None:
        """Choose how to train.

        Args:
            d_optimizer: Applies D's gradients, k times an iteration.
            g_optimizer: Applies G's gradients, once an iteration; it may not be `d_optimizer` itself. An optimizer with
                `use_ema=True` also keeps an average of its network's iterates, which `averaged` plays with.
            k: Discriminator updates an iteration, at least 1.
            generator_loss: "saturating" (Algorithm 1 as printed) or "non_saturating" (section 3).
            simultaneous: Update both networks together, from the same samples, as the authors' released code does; the
                default is to alternate, as Algorithm 1 is printed.
            jit_compile: Whether XLA compiles the loop.

        Raises:
            ValueError: if `k` or `generator_loss` is none of these, if one optimizer is to serve both networks, or if
                updates are to be simultaneous but k is not 1.
        """
        if not (isinstance(k, int) and k >= 1):
            raise ValueError(f"k must be an integer of at least 1, not {k!r}")
        if generator_loss not in objective.GENERATOR_LOSSES:
            accepted = " or ".join(map(repr, objective.GENERATOR_LOSSES))
            raise ValueError(f"generator_loss must be {accepted}, not {generator_loss!r}")
        if d_optimizer is g_optimizer:
            raise ValueError("d_optimizer and g_optimizer must be two objects: each keeps its own network's state")
        if simultaneous and k != 1:
            raise ValueError(f"simultaneous updates are one of each network: k must be 1, not {k}")
        super().compile(optimizer=None, jit_compile=jit_compile)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.k, self.generator_loss, self.simultaneous = k, generator_loss, simultaneous
        self.noises = k if simultaneous else k + 1
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.combined.trainable_variables)

    def train_step(self, minibatches: tuple[Any, Any]) -> dict[str, Any]:
        """Run the iterations whose minibatches these are; stop early at losses or biases that are no longer finite.

        Returns:
            The means over the iterations run: `d_loss` (-V), `g_loss`, `d_real` = D(x) and `d_fake` = D(G(z)).
        """
        x, z = minibatches
        if x.shape[1] != self.k or z.shape[1] != self.noises:
            raise ValueError(
                f"with k = {self.k}, an iteration needs {self.k} minibatches of examples and {self.noises} of noise, "
                f"not {x.shape[1]} and {z.shape[1]}"
            )

        def body(t: Any, finite: Any, totals: list[Any]) -> tuple[Any, Any, list[Any]]:
            metrics = self.iteration(x[t], z[t])
            # A D that breaks takes G with it in the same iteration, and a G that breaks, its biases. So these and the
            # losses say as much as all the weights would, and to watch them costs nothing.
            biases = [tf.reduce_sum(w) for w in self.generator.trainable_weights if w.shape.rank == 1]
            finite = tf.math.is_finite(tf.add_n([*metrics[:2], *biases]))
            return t + 1, finite, [total + metric for total, metric in zip(totals, metrics, strict=True)]

        zero = tf.zeros((), keras.config.floatx())
        t, _, totals = tf.while_loop(
            lambda t, finite, _: (t < tf.shape(x)[0]) & finite,
            body,
            (0, True, [zero] * 4),
            parallel_iterations=1,
        )
        names = ("d_loss", "g_loss", "d_real", "d_fake")
        return {name: total / tf.cast(t, total.dtype) for name, total in zip(names, totals, strict=True)}

    def iteration(self, x: Any, z: Any) -> tuple[Any, Any, Any, Any]:
        """One iteration of Algorithm 1: k updates of D, each on its own minibatch, then one of G.

        Args:
            x: Examples, (k, m, ...).
            z: Noise, (k + 1, m, noise_size); the last minibatch is the generator's. If simultaneous, one serves both.

        Returns:
            The last D loss, the G loss, and the means of D(x) and D(G(z)) that the last D update saw.
        """
        if self.simultaneous:
            return self.simultaneous_step(x[0], z[0])
        for step in range(self.k):
            d_loss, d_real, d_fake = self.discriminator_step(x[step], z[step])
        g_loss = self.generator_step(z[self.k])
        return d_loss, g_loss, d_real, d_fake

    def discriminator_step(self, x: Any, z: Any) -> tuple[Any, Any, Any]:
        """Update D by ascending the gradient of V, jointly on examples x and on samples G(z)."""
        samples = self.generator(z, training=True)
        with tf.GradientTape() as tape:
            real = self.logits(x, training=True)
            fake = self.logits(samples, training=True)
            loss = objective.discriminator_loss(real, fake)
        variables = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, tf.reduce_mean(tf.sigmoid(real)), tf.reduce_mean(tf.sigmoid(fake))

    def generator_step(self, z: Any) -> Any:
        """Update G by descending the gradient of its objective through D, which stays as it is."""
        with tf.GradientTape() as tape:
            fake = self.logits(self.generator(z, training=True), training=True)
            loss = objective.GENERATOR_LOSSES[self.generator_loss](fake)
        variables = self.combined.trainable_variables
        self.g_optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def simultaneous_step(self, x: Any, z: Any) -> tuple[Any, Any, Any, Any]:
        """Not Algorithm 1, but what the authors released: update D and G together, from the same samples G(z)."""
        with tf.GradientTape(persistent=True) as tape:
            real = self.logits(x, training=True)
            fake = self.logits(self.generator(z, training=True), training=True)
            d_loss = objective.discriminator_loss(real, fake)
            g_loss = objective.GENERATOR_LOSSES[self.generator_loss](fake)
        d_variables, g_variables = self.discriminator.trainable_variables, self.combined.trainable_variables
        d_gradients, g_gradients = tape.gradient(d_loss, d_variables), tape.gradient(g_loss, g_variables)
        self.d_optimizer.apply(d_gradients, d_variables)
        self.g_optimizer.apply(g_gradients, g_variables)
        return d_loss, g_loss, tf.reduce_mean(tf.sigmoid(real)), tf.reduce_mean(tf.sigmoid(fake))

    def averaged(self) -> "GAN":
        """A copy, not compiled, whose networks have the averages of their iterates, where an optimizer keeps them."""
        copies = []
        for network, optimizer in ((self.generator, self.g_optimizer), (self.discriminator, self.d_optimizer)):
            copy = keras.models.clone_model(network)
            copy.set_weights(network.get_weights())
            optimizer.finalize_variable_values(copy.trainable_variables)
            copies.append(copy)
        return GAN(*copies)

    def get_config(self) -> dict[str, Any]:
        """The two networks, so that Keras can save and load the whole model."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {**super().get_config(), **keras.saving.serialize_keras_object(networks)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "GAN":
        """The inverse of `get_config`."""
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile`."""
        return keras.saving.serialize_keras_object(
            {
                "d_optimizer": self.d_optimizer,
                "g_optimizer": self.g_optimizer,
                "k": self.k,
                "generator_loss": self.generator_loss,
                "simultaneous": self.simultaneous,
                "jit_compile": self.jit_compile,
            }
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))


class Frozen(keras.layers.Layer):
    """Calls a model without owning it: a layer with no weights to train, to count or to save.

    The usual recipe sets `D.trainable = False` before it builds DG. That flag is D's own: in Keras 3 it also stops
    D's updates, silently. Here D is left as it is.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"frozen_{model.name}")
        # Keras tracks a layer's attributes; what a function closes over, it does not.
        self._call_model = lambda x, training: model(x, training=training)

    def call(self, x: Any, training: bool = False) -> Any:
        """The model's answer to x."""
        return self._call_model(x, training)


def without_sigmoid(discriminator: keras.Model) -> Callable[..., Any]:
    """D's logits as a function of x, from the same weights: sigmoid(logits(x)) = D(x).

    Raises:
        ValueError: if D's last layer is not `Dense(1, activation="sigmoid")`.
    """
    last = discriminator.layers[-1]
    if not (isinstance(last, keras.layers.Dense) and last.units == 1 and last.activation is keras.activations.sigmoid):
        raise ValueError(f'the discriminator must end in Dense(1, activation="sigmoid"), not in {last}')
    features = keras.Model(discriminator.inputs[0], last.input)

    def logits(x: Any, training: bool = False) -> Any:
        a = features(x, training=training) @ last.kernel
        return a if last.bias is None else a + last.bias

    return logits
