"""What Keras needs of a GAN: its networks, D's logits and DG, its prior, `compile`, sampling, averaging, saving."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Self

from gan_paper import distributions, objective
from gan_paper.distributions import FRESH_NOISE

import keras
import numpy as np
from numpy.typing import NDArray

for _distribution in (distributions.Gaussian, distributions.Uniform, distributions.GaussianMixture):
    keras.saving.register_keras_serializable("gan_paper")(_distribution)

_CHUNK = 10_000  # samples that are drawn at once


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
    """Two networks and a prior, without the training; see `algorithm1.GAN` for the arguments."""

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
        if p_z is not None and not hasattr(p_z, "sample"):
            raise ValueError(f"p_z must be a distribution with a method `sample`, not {p_z!r}")
        self.generator, self.discriminator, self.from_logits = generator, discriminator, from_logits
        self.p_z = distributions.Gaussian() if p_z is None else p_z
        # Neither is a third network to Keras, which tracks a model's attributes: these are not tracked.
        self._untracked = SimpleNamespace(
            combined=combine(generator, discriminator), logits=logits_of(discriminator, from_logits)
        )
        self._means = Means(("d_loss", "g_loss", "d_real", "d_fake", "value"))
        self.built = True  # both networks are, and Keras saves the weights of built models only

    @property
    def combined(self) -> keras.Sequential:
        """DG: noise to D(G(z)), with G's weights alone."""
        return self._untracked.combined

    @property
    def logits(self) -> Any:
        """D's logits: a function of examples (m, ...) and of `training`."""
        return self._untracked.logits

    def call(self, z: Any, training: bool = False) -> Any:
        """Samples G(z) for noise z of shape (m, ...)."""
        return self.generator(z, training=training)

    def sample(self, count: int, seed: int = 0) -> NDArray:
        """Draw samples, by noise that training never draws.

        They are those of G or, where `g_optimizer` has `use_ema=True`, of the average of G's iterates.

        Args:
            count: How many, at least 1.
            seed: Another one gives other samples.

        Returns:
            (count, ...).
        """
        averaging = self.compiled and self.g_optimizer.use_ema
        generator, size = self.averaged().generator if averaging else self.generator, self.generator.input_shape[1:]
        chunks = enumerate(min(_CHUNK, count - begin) for begin in range(0, count, _CHUNK))
        noise = (self.p_z.sample((n, *size), (seed, i, FRESH_NOISE), keras.config.floatx()) for i, n in chunks)
        return np.concatenate([generator(z) for z in noise])

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str = "adam",
        g_optimizer: keras.optimizers.Optimizer | str = "adam",
        k: int = 1,
        generator_loss: str = "non_saturating",
        simultaneous: bool = False,
        steps_per_execution: int | None = None,
        run_eagerly: bool = False,
        jit_compile: bool = True,
    ) -> None:
        """Choose how to train.

        Args:
            d_optimizer: Applies D's gradients, k times an iteration.
            g_optimizer: Applies G's gradients, once an iteration. With `use_ema=True` an optimizer also keeps an
                average of its network's iterates: `sample` and `averaged` use it. A schedule of rates is given to its
                optimizer; callbacks that set a rate set both.
            k: Discriminator updates an iteration, at least 1.
            generator_loss: "saturating" (Algorithm 1 as printed) or "non_saturating" (section 3).
            simultaneous: Update both networks together, from the same samples, as the authors' released code does; the
                default is to alternate, as Algorithm 1 is printed.
            steps_per_execution: Iterations in one compiled call [default: as many as make its cost small].
            run_eagerly: Whether to run Python line by line, to debug.
            jit_compile: Whether XLA compiles the loop.

        Raises:
            ValueError: naming the argument, if it is none of these.
        """
        if not (isinstance(k, int) and k >= 1):
            raise ValueError(f"k must be an integer of at least 1, not {k!r}")
        if generator_loss not in objective.GENERATOR_LOSSES:
            accepted = " or ".join(map(repr, objective.GENERATOR_LOSSES))
            raise ValueError(f"generator_loss must be {accepted}, not {generator_loss!r}")
        if simultaneous and k != 1:
            raise ValueError(f"simultaneous updates are one of each network: k must be 1, not {k}")
        d_optimizer, g_optimizer = (keras.optimizers.get(optimizer) for optimizer in (d_optimizer, g_optimizer))
        if d_optimizer is g_optimizer:
            raise ValueError("d_optimizer and g_optimizer must be two objects: each keeps its own network's state")
        super().compile(optimizer=None, run_eagerly=run_eagerly, jit_compile=jit_compile)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.k, self.generator_loss, self.simultaneous = k, generator_loss, simultaneous
        self._most_per_call = steps_per_execution
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.combined.trainable_variables)
        # Where Keras's callbacks look for the rates that they show or set.
        self.optimizer = SimpleNamespace(
            optimizers=[d_optimizer, g_optimizer],
            variables=[*d_optimizer.variables, *g_optimizer.variables],
            iterations=g_optimizer.iterations,
            built=True,
        )
        self.train_function: Any = None

    def averaged(self, into: Self | None = None) -> Self:
        """A copy, not compiled, whose networks have the averages of their iterates, where an optimizer keeps them.

        Args:
            into: An earlier copy to bring up to date [default: a new one].
        """
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
        return {**super().get_config(), **keras.saving.serialize_keras_object(arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The inverse of `get_config`."""
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`."""
        if not self.compiled:
            return None
        names = ("d_optimizer", "g_optimizer", "k", "generator_loss", "simultaneous", "run_eagerly", "jit_compile")
        arguments = {name: getattr(self, name) for name in names}
        return keras.saving.serialize_keras_object({**arguments, "steps_per_execution": self._most_per_call})

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def check_network(network: Any, name: str) -> None:
    """Refuse what was passed as a network and is none, or one whose one input is not known.

    Raises:
        ValueError: naming the argument, with what to do.
    """
    if not isinstance(network, keras.Model):
        raise ValueError(f"{name} must be a keras.Model, not {type(network).__name__}")
    inputs = getattr(network, "inputs", None)
    if not inputs:
        raise ValueError(
            f"{name} has no known input shape. Begin a Sequential with keras.Input(shape); "
            f"put a subclassed model into one: keras.Sequential([keras.Input(shape), model])"
        )
    if len(inputs) != 1:
        raise ValueError(f"{name} must have one input, not {len(inputs)}")
    if None in inputs[0].shape[1:]:
        raise ValueError(f"{name} must have an input of known shape, not {inputs[0].shape[1:]}")


def logits_of(discriminator: keras.Model, from_logits: bool) -> Callable[..., Any]:
    """D's logits as a function of x, from the same weights: sigmoid(logits(x)) = D(x), if D's output is none itself.

    Raises:
        ValueError: if D has another output than one number, or ends in another layer than `from_logits` says.
    """
    if discriminator.output_shape != (None, 1):
        raise ValueError(f"discriminator must answer with shape (m, 1), not {discriminator.output_shape}")
    history = discriminator.outputs[0]._keras_history
    last = history.operation
    is_sigmoid = getattr(last, "activation", None) is keras.activations.sigmoid
    if from_logits:
        if is_sigmoid:
            raise ValueError(f"from_logits is True, but the discriminator ends in a sigmoid, {last.name}")
        return discriminator
    if not (is_sigmoid and type(last) in (keras.layers.Dense, keras.layers.Activation)):
        raise ValueError(
            'discriminator must end in a sigmoid, Dense(1, activation="sigmoid") or Activation("sigmoid"), or give '
            f"logits and be passed with from_logits=True; it ends in {last.name}"
        )
    if last.activity_regularizer is not None:
        raise ValueError(f"discriminator's last layer, {last.name}, may not have an activity_regularizer")
    before = last._inbound_nodes[history.node_index].input_tensors[0]  # a layer may serve in another model, too
    below = keras.Model(discriminator.inputs[0], before)
    if type(last) is keras.layers.Activation:
        return below

    def logits(x: Any, training: bool = False) -> Any:
        a = below(x, training=training) @ last.kernel
        return a if last.bias is None else a + last.bias

    return logits


@contextlib.contextmanager
def frozen_state(network: keras.Model) -> Iterator[None]:
    """Within the block the network may be called as in training; its weights and statistics stay as they are.

    In every such call a BatchNormalization layer changes its statistics, and a SpectralNormalization layer its kernel:
    Keras's scope keeps such changes to itself. The states of random generators, which are whole numbers, do change.
    """
    with keras.StatelessScope() as scope:
        yield
    for variable in network.variables:
        changed = scope.get_current_value(variable)
        if changed is not None and not keras.backend.is_float_dtype(variable.dtype):
            variable.assign(changed)


class Frozen(keras.layers.Layer):
    """Calls a model without owning it: a layer with no weights to train, to count or to save.

    The usual recipe sets `D.trainable = False` before it builds DG. That flag is D's own: in Keras 3 it also stops
    D's updates, silently. Here D is left as it is.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"frozen_{model.name}")
        # Keras tracks a layer's attributes. It does not track what a function closes over.
        self._call_model = lambda x, training: model(x, training=training)

    def call(self, x: Any, training: bool = False) -> Any:
        """The model's answer to x."""
        return self._call_model(x, training)


def combine(generator: keras.Model, discriminator: keras.Model) -> keras.Sequential:
    """DG: noise to D(G(z)). Its trainable variables are exactly G's; building it changes nothing about D.

    Raises:
        ValueError: if G's samples are not of the shape that D takes.
    """
    made, taken = generator.output_shape[1:], discriminator.input_shape[1:]
    if made != taken:
        raise ValueError(f"generator makes samples of shape {made}, but discriminator takes {taken}")
    layers = [keras.Input(generator.input_shape[1:]), generator, Frozen(discriminator)]
    return keras.Sequential(layers, name="combined")
