"""What a GAN makes of two Keras networks: D's logits, DG, and a network whose state is frozen for a while."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

_MOVING = (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Permute, keras.layers.Cropping2D)
_SIGMOIDS = (keras.activations.sigmoid, ops.sigmoid, tf.nn.sigmoid)


def check_pair(generator: Any, discriminator: Any) -> None:
    """Refuse, by name, what is no network of known inputs, and two that share a weight or do not fit together."""
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
    made, taken = generator.output_shape[1:], discriminator.inputs[0].shape[1:]
    if made != taken:
        raise ValueError(f"generator makes samples of shape {made}, but discriminator takes {taken}")
    c_g, c_d = (
        [c.shape[1:] for c in network.inputs[1:]] or ["no second input"] for network in (generator, discriminator)
    )
    if c_g != c_d:
        raise ValueError(f"generator and discriminator must take the same c, not {c_g[0]} and {c_d[0]}")


def check_classes(c: Any, *networks: keras.Model) -> None:
    """Refuse class numbers that an Embedding has no row for: compiled by XLA, it would take another row."""
    if c is None or np.asarray(c).dtype.kind not in "iu" or not np.size(c):
        return
    layers = [layer for network in networks for layer in network._flatten_layers()]
    classes = min((layer.input_dim for layer in layers if isinstance(layer, keras.layers.Embedding)), default=None)
    if classes is not None and not 0 <= np.min(c) <= np.max(c) < classes:
        raise ValueError(f"c must be class numbers from 0 to {classes - 1}, not {np.min(c)} to {np.max(c)}")


def logits_of(discriminator: keras.Model, from_logits: bool) -> Callable[..., Any]:
    """D's logits as a function of D's input: sigmoid(logits(x)) = D(x). Their dtype is Keras's `floatx`.

    They are exact where D ends in a sigmoid that can be left out. Where it ends in something else between 0 and 1, they
    are those of the probability, clipped to [1e-7, 1 - 1e-7]: right, but with no gradient beyond. A warning says so.

    Raises:
        ValueError: if D has another output than one number, or ends in something else than `from_logits` says.
    """
    if discriminator.output_shape != (None, 1):
        raise ValueError(f"discriminator must answer with shape (m, 1), not {discriminator.output_shape}")
    found = _before_sigmoid(discriminator)
    if from_logits:
        if found or _is_probability(discriminator):
            raise ValueError(
                "from_logits is True, but the discriminator's answers lie between 0 and 1, as probabilities do; "
                "leave from_logits out"
            )
        found = discriminator
    if not found:
        last = discriminator.outputs[0]._keras_history.operation.name
        if not _is_probability(discriminator):
            raise ValueError(
                f"discriminator must answer with probabilities; its last layer, {last}, gives values outside [0, 1]. "
                "For logits, pass from_logits=True"
            )
        warnings.warn(
            f"discriminator ends in {last}, where no sigmoid was found to leave out: its probabilities are clipped to "
            "[1e-7, 1 - 1e-7], so D trains less exactly near 0 and 1",
            stacklevel=4,
        )

        def found(x: Any, training: bool = False) -> Any:
            p = ops.clip(_floatx(discriminator(x, training=training)), 1e-7, 1 - 1e-7)
            return ops.log(p) - ops.log1p(-p)

    return lambda x, training=False: _floatx(found(x, training=training))


def one_or_all(inputs: list[Any]) -> Any:
    """A network's inputs as it takes them: a list of one is that one."""
    return inputs if len(inputs) > 1 else inputs[0]


def _floatx(values: Any) -> Any:
    return ops.cast(values, keras.config.floatx())


def _before_sigmoid(network: keras.Model) -> Callable[..., Any] | None:
    """The network without the sigmoid that it ends in, from the same weights; None if none is found."""
    history = network.outputs[0]._keras_history
    last = history.operation
    if not last._inbound_nodes:  # of a model that is its own input
        return None
    # A layer may serve in another model, too: what it was given in this one.
    before = last._inbound_nodes[history.node_index].input_tensors
    below = keras.Model(one_or_all(network.inputs), one_or_all(before))
    if isinstance(last, keras.Model):
        inner = _before_sigmoid(last)
        return inner and (lambda x, training=False: inner(below(x, training=training), training=training))
    is_sigmoid = type(last).__name__ == "Sigmoid" or getattr(last, "activation", None) in _SIGMOIDS
    if not is_sigmoid or getattr(last, "activity_regularizer", None) is not None:
        return None
    if type(last) is keras.layers.Dense:

        def dense(x: Any, training: bool = False) -> Any:
            a = below(x, training=training) @ ops.cast(last.kernel, last.compute_dtype)
            return a if last.bias is None else a + ops.cast(last.bias, last.compute_dtype)

        return dense
    return below if type(last) is keras.layers.Activation or type(last).__name__ == "Sigmoid" else None


def _is_probability(discriminator: keras.Model) -> bool:
    """Whether all answers to random inputs, small and large, lie in [0, 1]."""
    rng, answers = np.random.default_rng(0), []
    for scale in (1, 10, 100):
        x = [rng.normal(0, scale, (32, *t.shape[1:])) for t in discriminator.inputs[:1]]
        x += [np.zeros((32, *t.shape[1:]), t.dtype) for t in discriminator.inputs[1:]]
        answers.append(_floatx(discriminator(one_or_all(x))))
    return bool(np.min(answers) >= 0 and np.max(answers) <= 1)


def has_convolution(*networks: keras.Model) -> bool:
    """Whether a layer of the networks, or of a model in them, is one of Keras's convolutions, or a subclass of one."""
    layers = (layer for network in networks for layer in network._flatten_layers(include_self=False))
    return any("Conv" in base.__name__ for layer in layers for base in type(layer).__mro__)


def total(values: Sequence[Any]) -> Any:
    """The sum of scalars of any dtype, 0 if there are none."""
    return sum(_floatx(value) for value in values)


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


def combine(generator: keras.Model, discriminator: keras.Model) -> keras.Model:
    """DG: noise, and c where there is one, to D(G(z)). Its trainable variables are exactly G's; D stays as it is."""
    inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in generator.inputs]
    samples = generator(one_or_all(inputs))
    return keras.Model(one_or_all(inputs), Frozen(discriminator)(one_or_all([samples, *inputs[1:]])), name="combined")


def warn_out_of_reach(x: NDArray, generator: keras.Model) -> None:
    """Warn of examples that a generator's last activation cannot reach, such as bytes for a tanh."""
    last = generator
    while isinstance(last, keras.Model):
        last = next((layer for layer in reversed(last.layers) if not isinstance(layer, _MOVING)), None)
    activation = getattr(last, "activation", None)
    if activation is None:
        return
    reached = np.asarray(activation(np.linspace(-1e30, 1e30, 2001, dtype=np.float32)[None]))
    low, high = float(np.nanmin(reached)), float(np.nanmax(reached))
    least, most = float(x.min()), float(x.max())
    if max(low - least, most - high) > 0.1 * (most - least):
        name = getattr(activation, "__name__", activation)
        warnings.warn(
            f"x has values from {least:.4g} to {most:.4g}; the generator's last activation, {name}, "
            f"gives {low:.4g} to {high:.4g}: scale x, or choose another",
            stacklevel=2,
        )


def diverged(gan: Any, minibatches: Sequence[Any], logs: Mapping[str, Any]) -> FloatingPointError:
    """Why a training has to stop, in one line: what is no longer finite, of what `GAN.train_step` took and left."""
    x, z, *_, count = minibatches
    for name, values in {"x": x, "p_z": z}.items():
        if not np.isfinite(values[:count]).all():
            return FloatingPointError(f"training stopped: {name} gives values that are not finite")
    # In this order: a D that breaks takes G with it, and weights that break, the losses.
    found = {
        "discriminator's weights are": gan.discriminator.get_weights(),
        "generator's weights are": gan.generator.get_weights(),
        "discriminator's loss is": [logs["d_loss"]],
        "generator's loss is": [logs["g_loss"]],
    }
    broken = next(name for name, values in found.items() if not all(np.isfinite(value).all() for value in values))
    return FloatingPointError(f"training diverged at iteration {int(gan.iterations)}: the {broken} no longer finite")
