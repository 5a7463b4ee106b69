"""The default run of `gaussian.py` as a user of JAX writes it: `python gaussian_jax.py SEED`.

It prints the Wasserstein-1 distance of a million samples from the data, in standard deviations.
"""

import sys
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from jax.example_libraries.stax import Dense, Elu, serial
from jax.nn import softplus
from scipy.stats import norm, wasserstein_distance

ITERATIONS, M, K = 8_000, 128, 4
DECAY = 1 - 1 / (0.1 * ITERATIONS)  # the decay of the EMA of the weights in one iteration
noise = partial(jax.random.uniform, minval=-1, maxval=1)  # p_z


def network(inputs: int, scale: float) -> tuple[Any, Any]:
    """Return the functions that initialise and apply a network; `scale` multiplies its first layer's weights."""
    limits = scale * inputs**-0.5, 50**-0.5
    first, others = (partial(jax.random.uniform, minval=-limit, maxval=limit) for limit in limits)
    hidden = Dense(50, first, first), Elu, Dense(50, others, others), Elu
    return serial(*hidden, Dense(1, others, others))


def d_loss(D: Any, x: Any, samples: Any) -> Any:
    """Return D's loss."""
    return softplus(-d_apply(D, x)).mean() + softplus(d_apply(D, samples)).mean()


def g_loss(G: Any, D: Any, z: Any) -> Any:
    """Return G's loss, non-saturating."""
    return softplus(-d_apply(D, g_apply(G, z))).mean()


def adam(learning_rate: float, updates: int) -> Any:
    """Return Adam, for `updates` in each iteration, with a learning rate that falls along a cosine."""
    return optax.adam(optax.cosine_decay_schedule(learning_rate, ITERATIONS * updates), 0.5, 0.999, 1e-7)


(g_init, g_apply), (d_init, d_apply) = network(30, 2), network(1, 3)
d_adam, g_adam = adam(3e-3, K), adam(4e-4, 1)


def iteration(state: Any, key: Any) -> tuple[Any, None]:
    """Update D K times and G once, and the EMAs of their weights."""
    G, D, g_state, d_state, g_ema, d_ema = state
    of_g, *of_d = jax.random.split(key, K + 1)
    for of_x, of_z in map(jax.random.split, of_d):
        x = 4 + 1.25 * jax.random.normal(of_x, (M, 1))
        updates, d_state = d_adam.update(jax.grad(d_loss)(D, x, g_apply(G, noise(of_z, (M, 30)))), d_state)
        D = optax.apply_updates(D, updates)
        d_ema = optax.incremental_update(D, d_ema, 1 - DECAY ** (1 / K))
    updates, g_state = g_adam.update(jax.grad(g_loss)(G, D, noise(of_g, (M, 30))), g_state)
    G = optax.apply_updates(G, updates)
    return (G, D, g_state, d_state, optax.incremental_update(G, g_ema, 1 - DECAY), d_ema), None


of_g, of_d, training, drawing = jax.random.split(jax.random.key(int(sys.argv[1])), 4)
(_, G), (_, D) = g_init(of_g, (-1, 30)), d_init(of_d, (-1, 1))
state = G, D, g_adam.init(G), d_adam.init(D), G, D
(*_, ema, _), _ = jax.jit(partial(jax.lax.scan, iteration))(state, jax.random.split(training, ITERATIONS))
drawn = np.ravel(g_apply(ema, noise(drawing, (1_000_000, 30))))
exact = norm(4, 1.25).ppf((np.arange(drawn.size) + 0.5) / drawn.size)
print(f"wasserstein  {wasserstein_distance(drawn, exact) / 1.25:.4g}")
