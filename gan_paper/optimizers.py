"""The authors' learning rule for MNIST, as a Keras optimizer."""

from typing import Any

import keras
from keras import ops


def average_decay(share: float, iterations: int, updates: int = 1) -> float:
    """The `ema_momentum` of an optimizer whose average of the iterates is to fit the length of a run.

    Args:
        share: Of the run, that the average reaches back, about: 0.1 leaves e^-10 of the initial weights at its end.
        iterations: Of the run.
        updates: Of the optimizer, an iteration.

    Returns:
        The decay an update, in [0, 1); 0 leaves the last iterate alone.
    """
    return max(0.0, 1 - 1 / (share * iterations)) ** (1 / updates) if share else 0.0


@keras.saving.register_keras_serializable("gan_paper")
class RisingMomentum(keras.optimizers.SGD):
    """SGD with momentum that rises linearly, an epoch at a time (the authors' released settings).

    Keras's own SGD takes a schedule for its rate, but only a number for its momentum.

    Args:
        learning_rate: The rate, or its schedule.
        momentum: The momentum of the first epoch, in (0, 1].
        final: The momentum from epoch `saturate` on.
        saturate: The epoch, counted from 1, in which the momentum has risen to `final`; at least 2.
        updates_per_epoch: Updates in an epoch.
        **kwargs: As for `keras.optimizers.SGD`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: float = 0.5,
        final: float = 0.7,
        saturate: int = 250,
        updates_per_epoch: int = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, momentum, **kwargs)
        self.final, self.saturate, self.updates_per_epoch = final, saturate, updates_per_epoch

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move the velocity, and the variable by it."""
        rise = ops.minimum(self.iterations // self.updates_per_epoch, self.saturate - 1) / (self.saturate - 1)
        momentum = ops.cast(self.momentum + (self.final - self.momentum) * rise, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        step = ops.cast(learning_rate, variable.dtype) * ops.cast(gradient, variable.dtype)
        self.assign(velocity, momentum * velocity - step)
        self.assign_add(variable, velocity)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"final": self.final, "saturate": self.saturate, "updates_per_epoch": self.updates_per_epoch}
        return {**super().get_config(), **own}
