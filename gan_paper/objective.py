"""The paper's formulas: the value function, the losses of Algorithm 1, Proposition 1 and Theorem 1.

The losses take D's *logits* a, where D = sigmoid(a). Written with log(1 - D) they would be
infinite in float32 from a = 17 on, where D rounds to 1. Written with log sigmoid they and their gradients are right.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import jensenshannon

LOG_4 = float(np.log(4.0))
"""-LOG_4 is V at the equilibrium (Theorem 1)."""


def value(real_logits: Any, fake_logits: Any) -> Any:
    """V(D, G) of equation 1 on a minibatch: mean log D(x) + mean log(1 - D(G(z))).

    Args:
        real_logits: D's logits on examples x, any shape.
        fake_logits: D's logits on samples G(z), any shape.

    Returns:
        A scalar of at most 0; -log 4 if D is 1/2 everywhere.
    """
    return ops.mean(ops.log_sigmoid(real_logits)) + ops.mean(ops.log_sigmoid(-fake_logits))


def seen(real_logits: Any, fake_logits: Any) -> tuple[Any, Any, Any]:
    """The means of D(x) and of D(G(z)), and V, from D's logits on examples x and on samples G(z)."""
    return ops.mean(ops.sigmoid(real_logits)), ops.mean(ops.sigmoid(fake_logits)), value(real_logits, fake_logits)


def discriminator_loss(real_logits: Any, fake_logits: Any) -> Any:
    """D's loss: -V, on examples and samples in one update (Algorithm 1, the inner loop)."""
    return -value(real_logits, fake_logits)


def saturating_generator_loss(fake_logits: Any) -> Any:
    """G's loss in Algorithm 1 as printed: mean log(1 - D(G(z)))."""
    return ops.mean(ops.log_sigmoid(-fake_logits))


def non_saturating_generator_loss(fake_logits: Any) -> Any:
    """G's loss in section 3 of the paper, which has strong gradients early on: -mean log D(G(z))."""
    return -ops.mean(ops.log_sigmoid(fake_logits))


def least_squares_discriminator_loss(real_logits: Any, fake_logits: Any) -> Any:
    """((a(x) - 1)^2 + a(G(z))^2) / 2: equation 2 of Mao et al. (2017), https://arxiv.org/abs/1611.04076."""
    return (ops.mean((real_logits - 1) ** 2) + ops.mean(fake_logits**2)) / 2


def least_squares_generator_loss(fake_logits: Any) -> Any:
    """(a(G(z)) - 1)^2 / 2: equation 2 of Mao et al. (2017)."""
    return ops.mean((fake_logits - 1) ** 2) / 2


def hinge_discriminator_loss(real_logits: Any, fake_logits: Any) -> Any:
    """max(0, 1 - a(x)) + max(0, 1 + a(G(z))): equation 4 of Lim and Ye (2017), https://arxiv.org/abs/1705.02894."""
    return ops.mean(ops.relu(1 - real_logits)) + ops.mean(ops.relu(1 + fake_logits))


def hinge_generator_loss(fake_logits: Any) -> Any:
    """-a(G(z)): the loss of G that belongs to D's hinge loss (Lim and Ye, 2017)."""
    return -ops.mean(fake_logits)


Loss = Callable[..., Any]
GeneratorLoss = Literal["saturating", "non_saturating", "least_squares", "hinge"] | Loss
DiscriminatorLoss = Literal["minimax", "least_squares", "hinge"] | Loss
GENERATOR_LOSSES: dict[str, Loss] = {
    "saturating": saturating_generator_loss,
    "non_saturating": non_saturating_generator_loss,
    "least_squares": least_squares_generator_loss,
    "hinge": hinge_generator_loss,
}
DISCRIMINATOR_LOSSES: dict[str, Loss] = {
    "minimax": discriminator_loss,
    "least_squares": least_squares_discriminator_loss,
    "hinge": hinge_discriminator_loss,
}


def get(loss: str | Loss, argument: str, losses: dict[str, Loss]) -> Loss:
    """Return the loss of this name, or the mean of a function; a ValueError for anything else names the argument."""
    if not callable(loss) and loss not in losses:
        raise ValueError(f"{argument} must be {', '.join(map(repr, losses))} or a function of logits, not {loss!r}")
    return (lambda *logits: ops.mean(loss(*logits))) if callable(loss) else losses[loss]


def optimal_discriminator(p_data: ArrayLike, p_g: ArrayLike) -> NDArray[np.float64]:
    """D* = p_data / (p_data + p_g), the best D against a fixed G (Proposition 1).

    Args:
        p_data: Densities of the data, any shape.
        p_g: Densities of the generator at the same points.

    Returns:
        Probabilities in [0, 1]; NaN where both densities are 0, since D* is defined on their supports only.
    """
    p_data, p_g = np.broadcast_arrays(np.asarray(p_data, float), np.asarray(p_g, float))
    total = p_data + p_g
    return np.divide(p_data, total, out=np.full(total.shape, np.nan), where=total > 0)


def jensen_shannon_divergence(p_data: ArrayLike, p_g: ArrayLike) -> float:
    """JSD(p_data || p_g) in nats, in [0, log 2], of two histograms over the same bins (normalised here)."""
    return float(jensenshannon(p_data, p_g) ** 2)


def criterion(p_data: ArrayLike, p_g: ArrayLike) -> float:
    """C(G) = max_D V(D, G) = -log 4 + 2 JSD(p_data || p_g), of histograms over the same bins (Theorem 1)."""
    return -LOG_4 + 2 * jensen_shannon_divergence(p_data, p_g)
