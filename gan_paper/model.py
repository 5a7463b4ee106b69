"""What Keras needs of a GAN: its networks and prior, `compile`, the EMA of the weights, saving."""

import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Literal, Self

from gan_paper import distributions, objective
from gan_paper.examples import Part
from gan_paper.minibatches import integer
from gan_paper.networks import check_network, check_pair, combine, has_convolution, logits_of
from gan_paper.optimizers import Both

import keras
import numpy as np
import tensorflow as tf

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"gan_paper trains by TensorFlow, and Keras's backend is {keras.backend.backend()}: "
        "set KERAS_BACKEND=tensorflow before Keras is imported"
    )
for _name in ("Gaussian", "Uniform", "GaussianMixture", "Unsaved"):
    keras.saving.register_keras_serializable("gan_paper")(getattr(distributions, _name))


class Means(keras.metrics.Metric):
    """Means over an epoch's iterations, by name. As one metric each they would take milliseconds of every epoch."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(name="means")
        self.names = names
        self.totals = self.add_variable((len(names),), "zeros", name="totals")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, totals: Any, iterations: Any) -> None:
        """Add the totals of so many iterations."""
        self.totals.assign_add(totals)
        self.count.assign_add(keras.ops.cast(iterations, self.count.dtype))

    def result(self) -> dict[str, Any]:
        """The means so far."""
        return dict(zip(self.names, keras.ops.unstack(self.totals / self.count), strict=True))


class AdversarialModel(keras.Model):
    """Two networks and a prior, compiled and saved; see `algorithm1.GAN` for the arguments."""

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        p_z: distributions.Distribution | None = None,
        from_logits: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_network(generator, "generator")
        check_network(discriminator, "discriminator")
        check_pair(generator, discriminator)
        if p_z is not None and not hasattr(p_z, "sample"):
            raise ValueError(f"p_z must be a distribution with a method `sample`, not {p_z!r}")
        self.generator, self.discriminator, self.from_logits = generator, discriminator, from_logits
        self.p_z = distributions.Gaussian() if p_z is None else p_z
        # Neither is a third network to Keras, which tracks a model's attributes: these are not tracked. Nor is the
        # number of iterations a weight, but it is saved with the weights.
        self._untracked = SimpleNamespace(
            combined=combine(generator, discriminator),
            logits=logits_of(discriminator, from_logits),
            iterations=keras.Variable(0, dtype="int64", trainable=False, name="iterations"),
            evaluated=None,
            calls=None,
        )
        self._means = Means(("d_loss", "g_loss", "d_real", "d_fake", "value"))
        self.built = True  # both networks are, and Keras saves the weights of built models only

    @property
    def combined(self) -> keras.Model:
        """DG: noise to D(G(z)), with G's weights alone."""
        return self._untracked.combined

    @property
    def logits(self) -> Any:
        """D's logits: a function of examples (m, ...), or of [x, c], and of `training`."""
        return self._untracked.logits

    @property
    def iterations(self) -> keras.Variable:
        """How many iterations this model has been trained for, whatever it was compiled with."""
        return self._untracked.iterations

    @property
    def condition(self) -> Part | None:
        """The second input of both networks, c, where the model is p(x | c) (section 6 of the paper)."""
        return next((Part("c", tuple(c.shape[1:]), c.dtype) for c in self.discriminator.inputs[1:]), None)

    def call(self, z: Any, training: bool = False) -> Any:
        """Samples G(z) for noise z of shape (m, ...), or G([z, c])."""
        return self.generator(z, training=training)

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str = "adam",
        g_optimizer: keras.optimizers.Optimizer | str = "adam",
        k: int = 1,
        generator_loss: Literal["non_saturating", "saturating", "least_squares", "hinge"] | objective.Loss = (
            "non_saturating"
        ),
        discriminator_loss: Literal["minimax", "least_squares", "hinge"] | objective.Loss = "minimax",
        simultaneous: bool = False,
        steps_per_execution: int | None = None,
        run_eagerly: bool = False,
        jit_compile: bool | Literal["auto"] = "auto",
    ) -> None:
        """Choose how to train.

        Args:
            d_optimizer: Applies D's gradients, k times an iteration.
            g_optimizer: Applies G's gradients, once an iteration. With `use_ema=True` an optimizer also keeps an
                EMA of its network's weights: `sample`, `evaluate` and `averaged` use it. A schedule of learning rates
                is given to its optimizer; callbacks that set a learning rate set both. In float16 an optimizer is
                wrapped in a `LossScaleOptimizer`, as by Keras's own `compile`.
            k: Discriminator updates an iteration, at least 1.
            generator_loss: What G descends, by its name in `objective.GENERATOR_LOSSES`, or a function of D's logits
                on samples (m, 1). "saturating" is Algorithm 1 as printed, "non_saturating" section 3.
            discriminator_loss: What D descends, by its name in `objective.DISCRIMINATOR_LOSSES`, or a function of D's
                logits on examples and on samples. "minimax" is the paper's.
            simultaneous: Update both networks together, from the same samples, as the authors' released code does; the
                default is to alternate, as Algorithm 1 is printed.
            steps_per_execution: Iterations in one compiled call [default: as many as make its cost small].
            run_eagerly: Whether to run Python line by line, to debug.
            jit_compile: Whether XLA compiles the loop. "auto": unless a network has a convolution and there is no GPU,
                since XLA's convolutions are slow in a loop on a CPU.

        Raises:
            ValueError: naming the argument, if it is none of these.
        """
        if tf.distribute.has_strategy():
            raise ValueError("a GAN trains on one device: compile it outside any tf.distribute strategy")
        integer("k", k)
        if steps_per_execution is not None:
            integer("steps_per_execution", steps_per_execution)
        d_loss = objective.get(discriminator_loss, "discriminator_loss", objective.DISCRIMINATOR_LOSSES)
        g_loss = objective.get(generator_loss, "generator_loss", objective.GENERATOR_LOSSES)
        if simultaneous and k != 1:
            raise ValueError(f"simultaneous updates are one of each network: k must be 1, not {k}")
        d_optimizer = _optimizer(d_optimizer, "d", self.discriminator)
        g_optimizer = _optimizer(g_optimizer, "g", self.generator)
        if d_optimizer is g_optimizer:
            raise ValueError("d_optimizer and g_optimizer must be two objects: each keeps its own network's state")
        networks = {"discriminator": self.discriminator, "generator": self.generator}
        for name, network in networks.items():
            if not network.trainable_variables:
                warnings.warn(
                    f"{name} has no trainable variables, so it stays as it is and the other network alone is trained; "
                    f"where that is not meant, set trainable = True on its layers before compile",
                    stacklevel=2,
                )
        uses_xla = jit_compile
        if jit_compile == "auto":
            convolves = has_convolution(self.generator) or has_convolution(self.discriminator)
            uses_xla = not convolves or bool(tf.config.list_physical_devices("GPU"))
        super().compile(optimizer=None, run_eagerly=run_eagerly, jit_compile=uses_xla)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.k, self.simultaneous = int(k), simultaneous
        self.generator_loss, self.discriminator_loss = generator_loss, discriminator_loss
        self._untracked.arguments = {
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self._untracked.losses = d_loss, g_loss
        self._untracked.trained = {
            name: (network, [id(v) for v in network.trainable_variables]) for name, network in networks.items()
        }
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.combined.trainable_variables)
        self.optimizer = Both(d_optimizer, g_optimizer)
        self.train_function: Any = None

    def _check_trainable(self) -> None:
        for name, (network, seen) in self._untracked.trained.items():
            if seen != [id(v) for v in network.trainable_variables]:
                raise ValueError(f"{name}'s layers were frozen or unfrozen since compile: compile again, then fit")

    def averaged(self, into: Self | None = None) -> Self:
        """A copy, not compiled, whose networks have the EMA of their weights, where an optimizer keeps it.

        Args:
            into: An earlier copy to bring up to date [default: a new one].

        Raises:
            ValueError: if this model was not compiled.
        """
        self._assert_compile_called("averaged")
        if into is None:
            generator, discriminator = map(keras.models.clone_model, (self.generator, self.discriminator))
            into = type(self)(generator, discriminator, self.p_z, self.from_logits)
        pairs = (
            (self.generator, into.generator, self.g_optimizer),
            (self.discriminator, into.discriminator, self.d_optimizer),
        )
        for network, copy, optimizer in pairs:
            copy.set_weights(network.get_weights())
            if optimizer.iterations > 0:  # before its first update, Keras's average is 0
                optimizer.finalize_variable_values(copy.trainable_variables)
        return into

    def get_config(self) -> dict[str, Any]:
        """The networks and the prior, so that Keras can save and load the whole model."""
        arguments = {name: getattr(self, name) for name in ("generator", "discriminator", "p_z", "from_logits")}
        if not (hasattr(self.p_z, "get_config") and hasattr(self.p_z, "from_config")):
            warnings.warn(
                f"p_z, {self.p_z!r}, is not saved: it has no get_config and from_config. "
                "Set p_z of the loaded GAN before it samples or trains",
                stacklevel=2,
            )
            arguments["p_z"] = distributions.Unsaved(repr(self.p_z))
        return {**super().get_config(), **keras.saving.serialize_keras_object(arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The inverse of `get_config`."""
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`."""
        if not self.compiled:
            return None
        names = ("d_optimizer", "g_optimizer", "k", "generator_loss", "discriminator_loss", "simultaneous")
        arguments = {name: getattr(self, name) for name in (*names, "run_eagerly")}
        return keras.saving.serialize_keras_object({**arguments, **self._untracked.arguments})

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def save_own_variables(self, store: Any) -> None:
        """For Keras, which saves the networks' variables: the number of iterations."""
        store["iterations"] = np.asarray(self.iterations)

    def load_own_variables(self, store: Any) -> None:
        """The inverse of `save_own_variables`."""
        self.iterations.assign(store["iterations"])

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Save the whole model, as `keras.Model.save` does.

        Raises:
            ValueError: if the file is not a `.keras` file: an HDF5 file cannot hold two networks and a prior.
        """
        if not str(filepath).endswith(".keras"):
            raise ValueError(f"filepath must end in .keras, not {filepath}; export writes a SavedModel")
        super().save(filepath, *args, **kwargs)

    def export(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Export the generator, as `keras.Model.export` does: what this model computes when it is called."""
        self.generator.export(filepath, *args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: an iteration takes k minibatches of x, and noise.

        Raises:
            NotImplementedError: always, with what to do.
        """
        raise NotImplementedError("a GAN has no train_on_batch; gan.fit(x, steps_per_epoch=1) makes one iteration")


def keeps_ema(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer, or the one that it wraps, keeps the EMA of the weights."""
    return getattr(optimizer, "inner_optimizer", optimizer).use_ema


def _optimizer(optimizer: Any, name: str, network: keras.Model) -> keras.optimizers.Optimizer:
    found = keras.optimizers.get(optimizer)
    if not isinstance(found, keras.optimizers.Optimizer):
        raise ValueError(f"{name}_optimizer must be a keras.optimizers.Optimizer or its name, not {optimizer!r}")
    is_half = any(layer.compute_dtype == "float16" for layer in network._flatten_layers())
    if is_half and not isinstance(found, keras.optimizers.LossScaleOptimizer):
        found = keras.optimizers.LossScaleOptimizer(found)
    found.name = name  # Keras's callbacks log learning_rate_NAME
    return found
