"""Algorithm 1 in JAX: one `jit` of a `lax.scan` over many iterations, with a donated state and optax's optimizers.

`jax.random` draws in the compiled function, in the scan's body or for a whole chunk before the scan. Its generator is
the default one; `rbg` is no faster on the CPU.
"""

import os
from typing import Any

import jax
import numpy as np
import optax
from jax import numpy as jnp
from numpy.typing import NDArray

from contenders.cases import PIECES, Case, Layer, Source, finite
from contenders.contender import Arrays, Trainer
from gan_paper.distributions import Gaussian, Uniform

IN_SCAN, BEFORE_SCAN = "draws in the scan", "draws before the scan"

ACTIVATIONS: dict[str, Any] = {
    "linear": lambda a: a,
    "elu": jax.nn.elu,
    "relu": jax.nn.relu,
    "leaky_relu": lambda a: jax.nn.leaky_relu(a, 0.1),
    "sigmoid": jax.nn.sigmoid,
    "maxout": lambda a: a.reshape(len(a), PIECES, -1).max(1),
}


class Scan(Trainer):
    """The state is G's and D's parameters and those of their rules; an iteration draws examples, noise and masks."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Draw the random numbers in the scan, or before it."""
        return IN_SCAN, BEFORE_SCAN

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.case, self.chunk = case, case.chunk
        pairs = [(jnp.array(w), jnp.array(b)) for w, b in zip(initial[::2], initial[1::2], strict=True)]
        G, D = pairs[: len(case.generator)], pairs[len(case.generator) :]
        self.d_rule, self.g_rule = rule(case, case.rule.d_rate, case.k), rule(case, case.rule.g_rate, 1)
        self.state = G, D, self.g_rule.init(G), self.d_rule.init(D)
        self.key, self.data = jax.random.key(0), data(case.p_data)

        def draws_in_scan(state: Any, key: Any, data: Any) -> tuple[Any, Any]:
            return jax.lax.scan(
                lambda state, key: self.iteration(state, self.draw(key, data)),
                state,
                jax.random.split(key, case.chunk),
            )

        def draws_before_scan(state: Any, key: Any, data: Any) -> tuple[Any, Any]:
            draws = jax.vmap(lambda key: self.draw(key, data))(jax.random.split(key, case.chunk))
            return jax.lax.scan(self.iteration, state, draws)

        self.many = jax.jit(draws_in_scan if variant == IN_SCAN else draws_before_scan, donate_argnums=0)

    def draw(self, key: Any, data: Any) -> tuple[Any, Any, Any]:
        """Draw an iteration's examples, noise and masks: D sees k double minibatches, and G's minibatch."""
        case = self.case
        of_x, of_z, of_masks = jax.random.split(key, 3)
        x, z = draw(case.p_data, of_x, case.x_shape, data), draw(case.p_z, of_z, case.z_shape, None)
        rows = [2 * case.m] * case.k + [case.m]
        masks = [
            [
                jax.random.bernoulli(jax.random.fold_in(key, i), 1 - layer.dropout, (m, layer.inputs))
                if layer.dropout
                else None
                for i, layer in enumerate(case.discriminator)
            ]
            for m, key in zip(rows, jax.random.split(of_masks, len(rows)), strict=True)
        ]
        return x, z, masks

    def iteration(self, state: Any, draws: Any) -> tuple[Any, Any]:
        """Update D k times and G once; return the new state and the two objectives."""
        G, D, g_state, d_state = state
        x, z, masks = draws
        case = self.case

        def d_loss(D: Any, both: Any, masks: Any) -> Any:
            real, fake = jnp.split(forward(case.discriminator, D, both, masks), 2)
            return jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean()

        def g_loss(G: Any, z: Any, masks: Any) -> Any:
            return jax.nn.softplus(-forward(case.discriminator, D, forward(case.generator, G, z), masks)).mean()

        for step in range(case.k):
            both = jnp.concatenate([x[step], forward(case.generator, G, z[step])])
            of_d, gradients = jax.value_and_grad(d_loss)(D, both, masks[step])
            updates, d_state = self.d_rule.update(gradients, d_state, D)
            D = optax.apply_updates(D, updates)
        of_g, gradients = jax.value_and_grad(g_loss)(G, z[-1], masks[-1])
        updates, g_state = self.g_rule.update(gradients, g_state, G)
        return (optax.apply_updates(G, updates), D, g_state, d_state), jnp.stack([of_d, of_g])

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches, without dropout."""
        none: Any = [[None] * len(self.case.discriminator)] * (self.case.k + 1)
        self.state, objectives = jax.jit(
            lambda state, x, z: jax.lax.scan(lambda state, xz: self.iteration(state, (*xz, none)), state, (x, z))
        )(self.state, x, z)
        return np.asarray(objectives)

    def weights(self) -> Arrays:
        """Copy the weights."""
        return [np.asarray(w) for network in self.state[:2] for w in jax.tree.leaves(network)]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations // self.chunk):
            self.key, key = jax.random.split(self.key)
            self.state, objectives = self.many(self.state, key, self.data)
        objectives.block_until_ready()


class ScanOnOneThread(Scan):
    """The same on one thread, where small networks are faster."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        os.environ["NPROC"] = "1"  # read by XLA when JAX's first operation begins
        super().__init__(case, initial, variant)


def forward(layers: tuple[Layer, ...], parameters: Any, x: Any, masks: Any = None) -> Any:
    """Apply the network; what a mask does not keep becomes 0."""
    for i, (layer, (kernel, bias)) in enumerate(zip(layers, parameters, strict=True)):
        if masks is not None and masks[i] is not None:
            x = jnp.where(masks[i], x / (1 - layer.dropout), 0)
        x = ACTIVATIONS[layer.activation](x @ kernel + bias)
    return x


def rule(case: Case, rate: float, updates: int) -> optax.GradientTransformation:
    """Make the optimizer; its schedule counts iterations, each of which makes so many updates."""
    how = case.rule
    schedule: Any = (lambda t: rate / (1 + how.decay * t / updates)) if how.decay else rate
    if how.kind == "adam":
        return optax.adam(schedule, how.momentum, 0.999, how.epsilon)
    return optax.sgd(schedule, how.momentum or None)


def data(source: Source) -> Any:
    """Put a finite data set on the device."""
    return None if isinstance(source, Gaussian | Uniform) else jnp.asarray(finite(source)[0])


def draw(source: Source, key: Any, shape: tuple[int, ...], data: Any) -> Any:
    """Draw an array of a shape."""
    if isinstance(source, Gaussian):
        return source.mean + source.std * jax.random.normal(key, shape)
    if isinstance(source, Uniform):
        return jax.random.uniform(key, shape, minval=source.low, maxval=source.high)
    return data[jax.random.randint(key, shape[:-1], 0, len(data))] * finite(source)[1]
