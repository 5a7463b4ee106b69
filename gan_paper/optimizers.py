"""Optimizers fitted to the length of a run, and the two of a GAN."""

from typing import Any

import keras
from keras.optimizers.schedules import CosineDecay


def for_run(
    optimizer: type[keras.optimizers.Optimizer],
    learning_rate: Any,
    iterations: int,
    updates: int = 1,
    cosine: bool = False,
    ema: float = 0.0,
    **arguments: Any,
) -> keras.optimizers.Optimizer:
    """An optimizer whose learning rate, and whose EMA of the weights, are fitted to the length of a run.

    Args:
        optimizer: Its class.
        learning_rate: The first learning rate, or a schedule.
        iterations: Of the run.
        updates: Of this optimizer, an iteration: k for D's.
        cosine: Whether the learning rate falls to 0 along a cosine over the run.
        ema: The share of the run that the EMA spans, in [0, 1]: 0.1 leaves e^-10 of the initial weights at its end; 0
            keeps none.
        **arguments: Of the class.

    Raises:
        ValueError: if `ema` is not in [0, 1].
    """
    if not 0 <= ema <= 1:
        raise ValueError(f"ema must be a share of the run, from 0 to 1, not {ema}")
    if cosine:
        learning_rate = CosineDecay(learning_rate, iterations * updates)
    decay = max(0.0, 1 - 1 / (ema * iterations)) ** (1 / updates) if ema else 0.0
    return optimizer(learning_rate, use_ema=ema > 0, ema_momentum=decay, **arguments)


class Both:
    """Both optimizers, where Keras's callbacks and others' look for the one that a model has."""

    def __init__(self, *optimizers: keras.optimizers.Optimizer) -> None:
        self.optimizers, self.built, self.iterations = optimizers, True, optimizers[1].iterations
        self.variables = [variable for optimizer in optimizers for variable in optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """G's; setting it sets both."""
        return self.optimizers[1].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        for optimizer in self.optimizers:
            optimizer.learning_rate = learning_rate


def keeps_ema(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer, or the one that it wraps, keeps the EMA of the weights."""
    return getattr(optimizer, "inner_optimizer", optimizer).use_ema


def of_network(optimizer: Any, name: str, network: keras.Model) -> keras.optimizers.Optimizer:
    """The optimizer of the network that is called "d" or "g", by its name or itself; in float16, with loss scaling."""
    found = keras.optimizers.get(optimizer)
    if not isinstance(found, keras.optimizers.Optimizer):
        raise ValueError(f"{name}_optimizer must be a keras.optimizers.Optimizer or its name, not {optimizer!r}")
    is_half = any(layer.compute_dtype == "float16" for layer in network._flatten_layers())
    if is_half and not isinstance(found, keras.optimizers.LossScaleOptimizer):
        found = keras.optimizers.LossScaleOptimizer(found)
    found.name = name  # Keras's callbacks log learning_rate_NAME
    return found
