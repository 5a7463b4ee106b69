"""The end of a training that goes wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def check_finite(
    iteration: int, d_loss: float, g_loss: float, d_weights: Sequence[NDArray], g_weights: Sequence[NDArray]
) -> None:
    """Stop a training that has diverged.

    Raises:
        FloatingPointError: if any of these is not finite, in one line that names the iteration and the network.
    """
    # In this order: a D that breaks takes G with it, and weights that break, the losses.
    found = {
        "discriminator's weights are": all(np.isfinite(w).all() for w in d_weights),
        "generator's weights are": all(np.isfinite(w).all() for w in g_weights),
        "discriminator's loss is": np.isfinite(d_loss),
        "generator's loss is": np.isfinite(g_loss),
    }
    for broken, is_finite in found.items():
        if not is_finite:
            raise FloatingPointError(f"training diverged at iteration {iteration}: the {broken} no longer finite")
