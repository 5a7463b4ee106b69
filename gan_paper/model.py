"""A GAN as a Keras model, without its training: networks, prior, `compile`, samples, `evaluate`, EMA, saving."""

import warnings
from collections.abc import Callable
from typing import Any, Literal, Self

from gan_paper import objective
from gan_paper.distributions import (
    FRESH_EXAMPLES,
    FRESH_NOISE,
    Distribution,
    Gaussian,
    GaussianMixture,
    Uniform,
    Unsaved,
)
from gan_paper.examples import Part, array, fresh, integer, is_distribution
from gan_paper.networks import check_pair, classes, combine, has_convolution, in_batches, logits_of
from gan_paper.optimizers import Both, keeps_ema, of_network

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

if keras.backend.backend() != "tensorflow":
    raise ImportError("gan_paper trains by TensorFlow: set KERAS_BACKEND=tensorflow before Keras is imported")
for _distribution in (Gaussian, Uniform, GaussianMixture, Unsaved):
    keras.saving.register_keras_serializable("gan_paper")(_distribution)


class AdversarialModel(keras.Model):
    """Two networks and a prior, without their training. `algorithm1.GAN` documents the arguments."""

    combined: keras.Model
    logits: Callable[..., Any]
    iterations: keras.Variable
    parts: list[Part]
    _evaluated: Self | None

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        p_z: Distribution | None = None,
        from_logits: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_pair(generator, discriminator)
        if p_z is not None and not hasattr(p_z, "sample"):
            raise ValueError(f"p_z must be a distribution with a method `sample`, not {p_z!r}")
        self.generator, self.discriminator, self.from_logits = generator, discriminator, from_logits
        self.p_z = Gaussian() if p_z is None else p_z
        networks = generator, discriminator
        # If these were set as ordinary attributes, Keras would add them to the model's networks and weights.
        self.__dict__.update(
            combined=combine(generator, discriminator),
            logits=logits_of(discriminator, from_logits),
            iterations=keras.Variable(0, dtype="int64", trainable=False, name="iterations"),
            parts=[
                Part("p_z", tuple(generator.inputs[0].shape[1:]), keras.config.floatx()),
                Part("x", tuple(discriminator.inputs[0].shape[1:]), keras.config.floatx()),
                *(Part("c", tuple(c.shape[1:]), c.dtype, classes(*networks)) for c in discriminator.inputs[1:]),
            ],
            _evaluated=None,
        )
        self._calls: Any = None  # the minibatches of compiled calls, while `fit` runs
        self.built = True  # as both networks are; Keras saves only the weights of built models

    def call(self, z: Any, training: bool = False) -> Any:
        """Samples G(z) for noise z of shape (m, ...), or G([z, c])."""
        return self.generator(z, training=training)

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str = "adam",
        g_optimizer: keras.optimizers.Optimizer | str = "adam",
        k: int = 1,
        generator_loss: objective.GeneratorLoss = "non_saturating",
        discriminator_loss: objective.DiscriminatorLoss = "minimax",
        simultaneous: bool = False,
        steps_per_execution: int | None = None,
        run_eagerly: bool = False,
        jit_compile: bool | Literal["auto"] = "auto",
    ) -> None:
        """Configure the training.

        Args:
            d_optimizer: Applies D's gradients, k times an iteration.
            g_optimizer: Applies G's gradients, once an iteration. With `use_ema=True` an optimizer also keeps an
                EMA of its network's weights, which `sample`, `evaluate` and `averaged` use. A learning-rate schedule
                belongs to one optimizer; a callback that sets the learning rate sets both. In float16 an optimizer is
                wrapped in a `LossScaleOptimizer`, as by Keras's own `compile`.
            k: Updates of D in an iteration, at least 1.
            generator_loss: G's loss: its name in `objective.GENERATOR_LOSSES`, or a function of D's logits (m, 1) on
                samples, whose mean is taken. "saturating" is Algorithm 1 as printed, "non_saturating" is section 3.
            discriminator_loss: D's loss: its name in `objective.DISCRIMINATOR_LOSSES`, or a function of D's logits
                (m, 1) on examples and on samples, whose mean is taken. "minimax" is the paper's.
            simultaneous: Update both networks together, from the same samples, as the authors' released code does. By
                default the updates alternate, as in Algorithm 1.
            steps_per_execution: Iterations in one compiled call [default: enough to make its overhead small].
            run_eagerly: Whether to run Python line by line, to debug.
            jit_compile: Whether XLA compiles the loop. "auto" compiles it unless a network has a convolution and there
                is no GPU: XLA's convolutions are slow in a loop on a CPU.

        Raises:
            ValueError: if an argument does not fit; the message names it.
        """
        if tf.distribute.has_strategy():
            raise ValueError("a GAN trains on one device: compile it outside any tf.distribute strategy")
        k = integer("k", k)
        if simultaneous and k != 1:
            raise ValueError(f"simultaneous updates are one of each network: k must be 1, not {k}")
        if steps_per_execution is not None:
            integer("steps_per_execution", steps_per_execution)
        self._d_loss = objective.get(discriminator_loss, "discriminator_loss", objective.DISCRIMINATOR_LOSSES)
        self._g_loss = objective.get(generator_loss, "generator_loss", objective.GENERATOR_LOSSES)
        d_optimizer = of_network(d_optimizer, "d", self.discriminator)
        g_optimizer = of_network(g_optimizer, "g", self.generator)
        if d_optimizer is g_optimizer:
            raise ValueError("d_optimizer and g_optimizer must be two objects: each keeps its own network's state")
        self._compiled_for = self._to_train()
        for name, variables in self._compiled_for.items():
            if not variables:
                warnings.warn(
                    f"{name} has no trainable variables, so it stays as it is and the other network alone is trained; "
                    f"where that is not meant, set trainable = True on its layers before compile",
                    stacklevel=2,
                )
        self._arguments: dict[str, Any] = {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        if jit_compile == "auto":
            jit_compile = not has_convolution(self.generator, self.discriminator) or bool(
                tf.config.list_physical_devices("GPU")
            )
        super().compile(optimizer=None, run_eagerly=run_eagerly, jit_compile=jit_compile)
        self.d_optimizer, self.g_optimizer, self.k, self.simultaneous = d_optimizer, g_optimizer, k, simultaneous
        self.generator_loss, self.discriminator_loss = generator_loss, discriminator_loss
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.combined.trainable_variables)
        self.optimizer = Both(d_optimizer, g_optimizer)
        self.train_function: Any = None

    def _to_train(self) -> dict[str, list[int]]:
        return {
            name: [id(v) for v in getattr(self, name).trainable_variables] for name in ("discriminator", "generator")
        }

    def averaged(self, into: Self | None = None) -> Self:
        """Return an uncompiled copy whose networks have the EMA of their weights, where an optimizer keeps one.

        Args:
            into: An earlier copy to update [default: a new one].

        Raises:
            ValueError: if this model was not compiled.
        """
        self._assert_compile_called("averaged")
        if into is None:
            generator, discriminator = map(keras.models.clone_model, (self.generator, self.discriminator))
            into = type(self)(
                generator=generator, discriminator=discriminator, p_z=self.p_z, from_logits=self.from_logits
            )
        for name, optimizer in (("generator", self.g_optimizer), ("discriminator", self.d_optimizer)):
            copies = {}
            for variable, weight in zip(getattr(into, name).weights, getattr(self, name).weights, strict=True):
                variable.assign(weight)
                copies[id(weight)] = variable
            if optimizer.iterations > 0:  # before the first update, Keras's EMA is 0
                # Those of `compile`: layers may have been frozen or unfrozen since.
                optimizer.finalize_variable_values([copies[of] for of in self._compiled_for[name]])
        return into

    def sample(self, count: int, seed: int = 0, *, c: Any = None) -> NDArray[np.floating]:
        """Draw samples (count, ...) from noise that training never uses.

        If `g_optimizer` has `use_ema=True`, G has the EMA of its weights here.

        Args:
            count: How many, at least 1.
            seed: Seed of the noise.
            c: For a conditional GAN, c of each sample, (count, ...), or one c for all samples.

        Raises:
            ValueError: if an argument does not fit; the message names it.
        """
        conditions = self._conditions(c, integer("count", count))
        z = fresh(self.p_z, count, self.parts[0], seed, FRESH_NOISE)
        return in_batches(self._to_evaluate().generator, [z, *conditions], self.generator)

    def evaluate(
        self, x: Any, c: Any = None, *, count: int | None = None, seed: int = 0, verbose: Any = 0
    ) -> dict[str, float]:
        """Compute V(D, G), mean D(x) and mean D(G(z)) on held-out examples and as many samples, drawn by `sample`.

        Where an optimizer keeps an EMA of its network's weights, that network has the EMA here.

        Args:
            x: An array (N, ...), or a distribution.
            c: For a conditional GAN, c of the examples and of the samples, (N, ...).
            count: How many examples to draw, if x is a distribution.
            seed: Seed of the draws.
            verbose: Accepted as by `keras.Model.evaluate`; nothing is shown.

        Returns:
            `value` in nats, `d_real` and `d_fake`.

        Raises:
            ValueError: if an argument does not fit; the message names it.
        """
        self._assert_compile_called("evaluate")
        if is_distribution(x):
            x = fresh(x, integer("count", count), self.parts[1], seed, FRESH_EXAMPLES)
        x, conditions = self._held_out("x of evaluate", x, c)
        samples = self.sample(len(x), seed, c=c)
        logits = self._to_evaluate().logits
        real, fake = (in_batches(logits, [values, *conditions], self.discriminator) for values in (x, samples))
        return dict(zip(("d_real", "d_fake", "value"), map(float, objective.seen(real, fake)), strict=True))

    test_on_batch = evaluate

    def _held_out(self, name: str, x: Any = None, c: Any = None, *others: Any) -> tuple[NDArray, list[NDArray]]:
        """Held-out examples and a list of their c, checked; `name` is that of x in errors."""
        if others:
            raise ValueError(f"{name} must be x or, for a conditional GAN, (x, c)")
        x = array(x, self.parts[1]._replace(name=name))
        return x, self._conditions(c, len(x))

    def _to_evaluate(self) -> Self:
        """This model or, where an optimizer keeps the EMA of its network's weights, a copy that has it."""
        if not (self.compiled and (keeps_ema(self.d_optimizer) or keeps_ema(self.g_optimizer))):
            return self
        self.__dict__["_evaluated"] = evaluated = self.averaged(self._evaluated)
        return evaluated

    def _conditions(self, c: Any, count: int) -> list[NDArray]:
        """A list of one array, c of `count` samples; an empty list if the GAN is not conditional."""
        if (c is None) != (len(self.parts) == 2):
            raise ValueError("c must be given to a conditional GAN, whose networks have two inputs, and to no other")
        if c is None:
            return []
        c = np.broadcast_to(c, (count, *np.shape(c))) if np.shape(c) == self.parts[2].shape else c
        rows = array(c, self.parts[2])
        if len(rows) != count:
            raise ValueError(f"c must have a row for each of {count} samples, or be one for all, not {len(rows)}")
        return [rows]

    def get_config(self) -> dict[str, Any]:
        """The networks and the prior, so that Keras can save and load the whole model."""
        arguments = {name: getattr(self, name) for name in ("generator", "discriminator", "p_z", "from_logits")}
        if not (hasattr(self.p_z, "get_config") and hasattr(self.p_z, "from_config")):
            warnings.warn(
                f"p_z, {self.p_z!r}, is not saved: it has no get_config and from_config. "
                "Set p_z of the loaded GAN before it samples or trains",
                stacklevel=2,
            )
            arguments["p_z"] = Unsaved(repr(self.p_z))
        return {**super().get_config(), **keras.saving.serialize_keras_object(arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The inverse of `get_config`."""
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`."""
        if not self.compiled:
            return None
        names = "d_optimizer", "g_optimizer", "k", "generator_loss", "discriminator_loss", "simultaneous", "run_eagerly"
        return keras.saving.serialize_keras_object({name: getattr(self, name) for name in names} | self._arguments)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def save_own_variables(self, store: Any) -> None:
        """Save the number of iterations; Keras saves the networks' variables."""
        store["iterations"] = np.asarray(self.iterations)

    def load_own_variables(self, store: Any) -> None:
        """The inverse of `save_own_variables`."""
        self.iterations.assign(store["iterations"])

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Save the whole model in a `.keras` file, as `keras.Model.save` does; a ValueError for any other suffix."""
        if not str(filepath).endswith(".keras"):
            raise ValueError(f"filepath must end in .keras, not {filepath}; export writes a SavedModel")
        super().save(filepath, *args, **kwargs)

    def export(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Export the generator, as `keras.Model.export` does."""
        self._to_evaluate().generator.export(filepath, *args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """The generator's `predict`, with its current weights: in a callback this model's own would skip batches."""
        return self.generator.predict(*args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> None:
        """Raise NotImplementedError: an iteration needs k minibatches of x, and noise."""
        raise NotImplementedError("a GAN has no train_on_batch; gan.fit(x, steps_per_epoch=1) makes one iteration")
