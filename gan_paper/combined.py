"""What a GAN does with its two networks: it checks them, takes D's logits, holds one still, and puts D on top of G."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras


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
    last = discriminator.outputs[0]._keras_history.operation
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
    below = keras.Model(discriminator.inputs[0], last.input)
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
