"""The default run of `gaussian.py` as a JAX user writes it; prints the Wasserstein-1 distance, in deviations."""

import sys
from typing import Any

import jax
import numpy as np
import optax
from jax import numpy as jnp
from scipy.stats import norm, wasserstein_distance

ITERATIONS, M, K, NOISE = 8_000, 128, 4, 30
DECAY = 1 - 1 / (0.1 * ITERATIONS)


def network(key: Any, inputs: int, scale: float) -> list[tuple[Any, Any]]:
    """Two hidden layers of 50 ELU units and a linear output; `scale` is of the first layer's initial weights."""
    layers = []
    for of_layer, i, o, s in zip(jax.random.split(key, 3), (inputs, 50, 50), (50, 50, 1), (scale, 1, 1), strict=True):
        of_w, of_b = jax.random.split(of_layer)
        limit = s * i**-0.5
        w = jax.random.uniform(of_w, (i, o), minval=-limit, maxval=limit)
        layers.append((w, jax.random.uniform(of_b, (o,), minval=-limit, maxval=limit)))
    return layers


def apply(net: Any, x: Any) -> Any:
    """The network's output."""
    for w, b in net[:-1]:
        x = jax.nn.elu(x @ w + b)
    return x @ net[-1][0] + net[-1][1]


def learning(rate: float, updates: int) -> Any:
    """Adam whose rate falls along a cosine, for `updates` an iteration."""
    return optax.adam(optax.cosine_decay_schedule(rate, ITERATIONS * updates), 0.5, 0.999, 1e-7)


def noise(key: Any, count: int) -> Any:
    """Draws of p_z."""
    return jax.random.uniform(key, (count, NOISE), minval=-1, maxval=1)


d_rule, g_rule = learning(3e-3, K), learning(4e-4, 1)


def d_loss(D: Any, x: Any, samples: Any) -> Any:
    """D's objective."""
    return jax.nn.softplus(-apply(D, x)).mean() + jax.nn.softplus(apply(D, samples)).mean()


def g_loss(G: Any, D: Any, z: Any) -> Any:
    """G's objective, non-saturating."""
    return jax.nn.softplus(-apply(D, apply(G, z))).mean()


def iteration(state: Any, key: Any) -> tuple[Any, None]:
    """K updates of D and one of G; the averages of both follow."""
    G, D, g_state, d_state, g_average, d_average = state
    of_g, *of_d = jax.random.split(key, K + 1)
    for key in of_d:
        of_x, of_z = jax.random.split(key)
        x = 4 + 1.25 * jax.random.normal(of_x, (M, 1))
        updates, d_state = d_rule.update(jax.grad(d_loss)(D, x, apply(G, noise(of_z, M))), d_state)
        D = optax.apply_updates(D, updates)
        d_average = optax.incremental_update(D, d_average, 1 - DECAY ** (1 / K))
    updates, g_state = g_rule.update(jax.grad(g_loss)(G, D, noise(of_g, M)), g_state)
    G = optax.apply_updates(G, updates)
    g_average = optax.incremental_update(G, g_average, 1 - DECAY)
    return (G, D, g_state, d_state, g_average, d_average), None


for_g, for_d, training, drawing = jax.random.split(jax.random.key(int(sys.argv[1])), 4)
G, D = network(for_g, NOISE, 2), network(for_d, 1, 3)
state = G, D, g_rule.init(G), d_rule.init(D), G, D
state, _ = jax.jit(lambda state, keys: jax.lax.scan(iteration, state, keys))(
    state, jax.random.split(training, ITERATIONS)
)
drawn = np.asarray(jnp.ravel(apply(state[4], noise(drawing, 1_000_000))))
exact = norm(4, 1.25).ppf((np.arange(drawn.size) + 0.5) / drawn.size)
print(f"match wasserstein  {wasserstein_distance(drawn, exact) / 1.25:.4g}")
