"""Optimizers that fit the length of a run, and the two optimizers of a GAN as one object."""

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
    """Make an optimizer whose learning rate and EMA of the weights fit the length of a run.

    Args:
        optimizer: The optimizer's class.
        learning_rate: The initial learning rate, or a schedule.
        iterations: Iterations in the run.
        updates: Updates by this optimizer in an iteration: k for D's.
        cosine: Whether the learning rate falls to 0 along a cosine over the run.
        ema: The share of the run that the EMA averages over, in [0, 1]. At the end, 0.1 leaves the initial weights a
            share of e^-10. 0 keeps no EMA.
        **arguments: Further arguments of the class.

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
    """Both optimizers as one object, for callbacks that expect a model to have one optimizer."""

    def __init__(self, *optimizers: keras.optimizers.Optimizer) -> None:
        self.optimizers, self.built, self.iterations = optimizers, True, optimizers[1].iterations
        self.variables = [variable for optimizer in optimizers for variable in optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """G's learning rate; setting it sets both."""
        return self.optimizers[1].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        for optimizer in self.optimizers:
            optimizer.learning_rate = learning_rate


def keeps_ema(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer, or the one that it wraps, keeps an EMA of the weights."""
    return getattr(optimizer, "inner_optimizer", optimizer).use_ema


def check_callbacks(callbacks: Any, *optimizers: keras.optimizers.Optimizer) -> None:
    """Raise a ValueError if a callback would restore weights, but not the EMA of them that an optimizer keeps."""
    if any(map(keeps_ema, optimizers)) and any(
        getattr(callback, "restore_best_weights", False) for callback in keras.tree.flatten(callbacks)
    ):
        raise ValueError(
            "callbacks must not have restore_best_weights=True where an optimizer keeps an EMA of the weights, which "
            "is not restored: load what ModelCheckpoint(PATH, monitor=..., mode=..., save_best_only=True) has saved"
        )


def of_network(optimizer: Any, name: str, network: keras.Model) -> keras.optimizers.Optimizer:
    """The optimizer, given itself or its Keras name, renamed to `name`; with loss scaling if the network is float16.

    Raises:
        ValueError: if it is no optimizer, or has been used for other weights.
    """
    found = keras.optimizers.get(optimizer)
    if not isinstance(found, keras.optimizers.Optimizer):
        raise ValueError(f"{name}_optimizer must be a keras.optimizers.Optimizer or its name, not {optimizer!r}")
    built_for = getattr(getattr(found, "inner_optimizer", found), "_trainable_variables", None)
    known, wanted = {id(v) for v in built_for or ()}, {id(v) for v in network.trainable_variables}
    if found.built and (known != wanted if keeps_ema(found) else not wanted <= known):
        raise ValueError(f"{name}_optimizer was used to train other weights: give compile a new one")
    is_half = any(layer.compute_dtype == "float16" for layer in network._flatten_layers())
    if is_half and not isinstance(found, keras.optimizers.LossScaleOptimizer):
        found = keras.optimizers.LossScaleOptimizer(found)
    found.name = name  # Keras's callbacks log learning_rate_NAME
    return found
