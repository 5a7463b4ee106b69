"""The two networks of a GAN: checks, D's logits, the combined model DG, and a scope that freezes a network's state."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

_REARRANGING = (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Permute, keras.layers.Cropping2D)


def check_pair(generator: Any, discriminator: Any) -> None:
    """Raise a ValueError if a network has no known input shape, or the two share a weight or do not fit together."""
    for name, network in {"generator": generator, "discriminator": discriminator}.items():
        if not isinstance(network, keras.Model):
            raise ValueError(f"{name} must be a keras.Model, not {type(network).__name__}")
        inputs = getattr(network, "inputs", None)
        if not inputs or any(None in tensor.shape[1:] for tensor in inputs):
            raise ValueError(
                f"{name} has no known input shape. Begin a Sequential with keras.Input(shape); "
                f"put a subclassed model into one: keras.Sequential([keras.Input(shape), model])"
            )
        if len(inputs) > 2:
            raise ValueError(f"{name} must have one input or, to be conditional, two, not {len(inputs)}")
    if {id(w) for w in generator.weights} & {id(w) for w in discriminator.weights}:
        raise ValueError("generator and discriminator must not share a layer: each is trained against the other")
    made = [generator.output_shape[1:], *(c.shape[1:] for c in generator.inputs[1:])]
    taken = [tensor.shape[1:] for tensor in discriminator.inputs]
    if made != taken:
        raise ValueError(f"generator's samples, and c, have shapes {made}, but discriminator takes {taken}")


def classes(*networks: keras.Model) -> int | None:
    """How many classes an Embedding of c has; None if there is none. Under XLA an Embedding checks no index itself.

    If no Embedding takes c as it is, its columns may have numbers of classes of their own: the greatest is returned.
    """
    direct: list[int] = []
    others: list[int] = []
    for network in networks:
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.Embedding):
                is_direct = any(t is network.inputs[-1] for node in layer._inbound_nodes for t in node.input_tensors)
                (direct if is_direct else others).append(layer.input_dim)
    return min(direct) if direct else max(others, default=None)


def logits_of(discriminator: keras.Model, from_logits: bool) -> Callable[..., Any]:
    """Return D's logits (m, 1), in Keras's `floatx`, as a function of D's input: sigmoid(logits(x)) = D(x).

    They are exact if D ends in Keras's sigmoid. If it ends in another function with values in [0, 1], they are those of
    the probability, clipped to [1e-7, 1 - 1e-7]. These have no gradient beyond the bounds; a warning says so.

    Raises:
        ValueError: if D's output is not (m, 1), or `from_logits` does not fit it.
    """
    if discriminator.output_shape != (None, 1):
        raise ValueError(f"discriminator must answer with shape (m, 1), not {discriminator.output_shape}")

    def logits(x: Any, training: bool = False) -> Any:
        answers = discriminator(x, training=training)
        if from_logits:
            return _floatx(answers)
        if hasattr(answers, "_keras_logits"):  # where Keras's sigmoid keeps its input
            return _floatx(answers._keras_logits)
        p = ops.clip(_floatx(answers), 1e-7, 1 - 1e-7)
        return ops.log(p) - ops.log1p(-p)

    rng, inputs = np.random.default_rng(0), discriminator.inputs
    x, *c = (np.zeros((100, *tensor.shape[1:]), tensor.dtype) for tensor in inputs)
    answers = discriminator(one_or_all([x + rng.normal(0, 100, x.shape), *c]))
    has_sigmoid = hasattr(answers, "_keras_logits")
    is_probability = has_sigmoid or (np.min(answers) >= 0 and np.max(answers) <= 1)
    if from_logits and is_probability and np.any(answers):  # zeros are logits of a last layer that begins with zeros
        raise ValueError("from_logits must be left out: the discriminator's answers lie in [0, 1], as probabilities do")
    if not (from_logits or is_probability):
        raise ValueError("discriminator must answer with probabilities, in [0, 1]; for logits, pass from_logits=True")
    if not (from_logits or has_sigmoid):
        warnings.warn(
            "discriminator does not end in Keras's sigmoid: its probabilities are clipped to [1e-7, 1 - 1e-7], so it "
            "trains less exactly near 0 and 1",
            stacklevel=4,
        )
    return logits


def one_or_all(inputs: list[Any]) -> Any:
    """The inputs as a Keras model takes them: one without the list."""
    return inputs if len(inputs) > 1 else inputs[0]


def _floatx(values: Any) -> Any:
    return ops.cast(values, keras.config.floatx())


def has_convolution(*networks: keras.Model) -> bool:
    """Whether the networks, or models in them, have a layer that is a Keras convolution or a subclass of one."""
    layers = (layer for network in networks for layer in network._flatten_layers(include_self=False))
    return any("Conv" in base.__name__ for layer in layers for base in type(layer).__mro__)


def in_batches(function: Callable[..., Any], inputs: Sequence[NDArray], network: keras.Model) -> NDArray:
    """A function's outputs, in batches whose activations in a network fit into memory."""
    outputs = keras.tree.flatten([layer.output for layer in network.layers])
    is_small = not has_convolution(network) and all(len(tensor.shape) <= 2 for tensor in outputs)
    size = 25_000 if is_small else 500
    batches = ([values[i : i + size] for values in inputs] for i in range(0, len(inputs[0]), size))
    return np.concatenate([function(one_or_all(batch)) for batch in batches])


def total(values: Sequence[Any]) -> Any:
    """The sum of scalars of any dtype, 0 if there are none."""
    return sum(_floatx(value) for value in values)


def diverged(gan: Any, minibatches: Sequence[Any], losses: Any) -> FloatingPointError:
    """The error that ends a training: it names the minibatches, weights or loss that are no longer finite."""
    x, z, *_, count = minibatches
    for name, values in {"x": x, "p_z": z}.items():
        if not np.isfinite(values[:count]).all():
            return FloatingPointError(f"training stopped: {name} gives values that are not finite")
    # In this order, since values that are not finite spread from D to G, and from the weights to the losses.
    found = {
        "discriminator's weights are": gan.discriminator.get_weights(),
        "generator's weights are": gan.generator.get_weights(),
        "discriminator's loss is": losses[:1],
        "generator's loss is": losses[1:2],
    }
    broken = next(name for name, values in found.items() if not all(np.isfinite(value).all() for value in values))
    return FloatingPointError(f"training diverged at iteration {int(gan.iterations)}: the {broken} no longer finite")


@contextlib.contextmanager
def frozen_state(network: keras.Model) -> Iterator[None]:
    """Keep a network's weights and statistics unchanged while the block calls it as in training.

    Such a call changes the statistics of a BatchNormalization layer, and the kernel of a SpectralNormalization layer.
    Keras's scope discards these changes. The states of random generators, which are integers, do change.
    """
    with keras.StatelessScope() as scope:
        yield
    for variable in network.variables:
        changed = scope.get_current_value(variable)
        if changed is not None and not keras.backend.is_float_dtype(variable.dtype):
            variable.assign(changed)


class Frozen(keras.layers.Layer):
    """A layer that calls a model without owning it, so the layer has no weights to train, to count or to save.

    The usual recipe sets `D.trainable = False` before it builds DG. In Keras 3 that flag also stops D's own updates,
    without a message. Here D stays as it is.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"frozen_{model.name}")
        # Keras tracks a layer's attributes, but not the variables of a closure.
        self._call_model = lambda x, training: model(x, training=training)

    def call(self, x: Any, training: bool = False) -> Any:
        """The model's output for x."""
        return self._call_model(x, training)


def combine(generator: keras.Model, discriminator: keras.Model) -> keras.Model:
    """Build DG, which maps z, or [z, c], to D(G(z)). Its trainable variables are exactly G's; D stays as it is."""
    inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in generator.inputs]
    samples = generator(one_or_all(inputs))
    return keras.Model(one_or_all(inputs), Frozen(discriminator)(one_or_all([samples, *inputs[1:]])), name="combined")


def warn_out_of_reach(x: NDArray, generator: keras.Model) -> None:
    """Warn if x has values that a generator's last activation cannot reach, such as 0 to 255 for a tanh."""
    last = generator
    while isinstance(last, keras.Model):
        last = next((layer for layer in reversed(last.layers) if not isinstance(layer, _REARRANGING)), None)
    activation = getattr(last, "activation", None)
    if activation is None:
        return
    try:
        reached = np.asarray(activation(np.linspace(-1e30, 1e30, 2001, dtype=np.float32)[None]))
    except Exception:  # a function of one's own that takes this layer's shape only
        return
    low, high = float(np.nanmin(reached)), float(np.nanmax(reached))
    least, most = float(x.min()), float(x.max())
    if max(low - least, most - high) > 0.1 * (most - least):
        name = getattr(activation, "__name__", activation)
        warnings.warn(
            f"x has values from {least:.4g} to {most:.4g}; the generator's last activation, {name}, "
            f"gives {low:.4g} to {high:.4g}: scale x, or choose another",
            stacklevel=2,
        )
