"""Algorithm 1 in JAX: one `jit` of a `lax.scan` over many iterations, with a donated state and optax's optimizers.

`jax.random` draws in the compiled function, in the scan's body or for a whole chunk before the scan. Its generator is
the default one; `rbg` is no faster on the CPU.
"""

import os
from typing import Any

from contenders.cases import Activation, Case, Dense, Dropout, Layers, Rescaling, Rule, Source, affine, finite
from contenders.contender import Arrays, Trainer
from gan_paper.distributions import Gaussian, Uniform

import jax
import numpy as np
import optax
from jax import numpy as jnp
from numpy.typing import NDArray

IN_SCAN, BEFORE_SCAN = "draws in the scan", "draws before the scan"

ACTIVATIONS: dict[str, Any] = {
    "elu": lambda a, _: jax.nn.elu(a),
    "relu": lambda a, _: jax.nn.relu(a),
    "leaky_relu": jax.nn.leaky_relu,
    "sigmoid": lambda a, _: jax.nn.sigmoid(a),
    "tanh": lambda a, _: jnp.tanh(a),
    "maxout": lambda a, pieces: a.reshape(len(a), pieces, -1).max(1),
}


class Scan(Trainer):
    """The state is G's and D's parameters and those of their rules; an iteration draws examples, noise and masks."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Draw the random numbers in the scan, or before it."""
        return IN_SCAN, BEFORE_SCAN

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.case, self.chunk = case, case.chunk
        G, D, *_ = (jax.tree.map(jnp.array, list(zip(w[::2], w[1::2], strict=True))) for w in case.split(initial))
        self.d_rule, self.g_rule = Learner(case.d_rule), Learner(case.g_rule)
        self.state = G, D, self.g_rule.init(G), self.d_rule.init(D)
        self.key, self.data = jax.random.key(0), data(case.p_data)

        def draws_in_scan(state: Any, key: Any, data: Any) -> tuple[Any, Any]:
            keys = jax.random.split(key, case.chunk)
            return jax.lax.scan(lambda state, key: self.iteration(state, self.draw(key, data)), state, keys)

        def draws_before_scan(state: Any, key: Any, data: Any) -> tuple[Any, Any]:
            draws = jax.vmap(lambda key: self.draw(key, data))(jax.random.split(key, case.chunk))
            return jax.lax.scan(self.iteration, state, draws)

        self.many = jax.jit(draws_in_scan if variant == IN_SCAN else draws_before_scan, donate_argnums=0)

    def draw(self, key: Any, data: Any) -> tuple[Any, Any, Any]:
        """Draw an iteration's examples, noise and masks: D sees k double minibatches, and G's minibatch."""
        case = self.case
        of_x, of_z, of_masks = jax.random.split(key, 3)
        x, z = draw(case.p_data, of_x, case.x_shape, data), draw(case.p_z, of_z, case.z_shape, None)
        dropped = [layer for layer in case.discriminator if isinstance(layer, Dropout)]
        masks = [
            [
                jax.random.bernoulli(jax.random.fold_in(key, i), 1 - layer.rate, (rows, layer.entries))
                for i, layer in enumerate(dropped)
            ]
            for rows, key in zip(case.masked, jax.random.split(of_masks, len(case.masked)), strict=True)
        ]
        return x, z, masks

    def iteration(self, state: Any, draws: Any) -> tuple[Any, Any]:
        """Update D k times and G once; return the new state and the two objectives."""
        G, D, g_state, d_state = state
        x, z, masks = draws
        case = self.case
        generator, discriminator = case.generator, case.discriminator

        def d_loss(D: Any, x: Any, samples: Any, masks: Any) -> Any:
            # With two passes XLA finds that G's objective takes the same one of the samples, where it does.
            passes = [x, samples] if case.simultaneous else [jnp.concatenate([x, samples])]
            of_passes = [[mask[i * case.m :][: len(part)] for mask in masks] for i, part in enumerate(passes)]
            logits = [forward(discriminator, D, *pair) for pair in zip(passes, of_passes, strict=True)]
            real, fake = jnp.split(jnp.concatenate(logits), 2)
            return jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean()

        def g_loss(G: Any, D: Any, z: Any, masks: Any) -> Any:
            return jax.nn.softplus(-forward(discriminator, D, forward(generator, G, z), masks)).mean()

        for step in range(case.k):
            before, samples = D, forward(generator, G, z[step])
            of_d, gradients = jax.value_and_grad(d_loss)(D, x[step], samples, masks[step])
            D, d_state = self.d_rule.update(gradients, d_state, D)
        seen, of_samples = before if case.simultaneous else D, [mask[-case.m :] for mask in masks[-1]]
        of_g, gradients = jax.value_and_grad(g_loss)(G, seen, z[-1], of_samples)
        G, g_state = self.g_rule.update(gradients, g_state, G)
        return (G, D, g_state, d_state), jnp.stack([of_d, of_g])

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches, without dropout."""
        none: Any = [[] for _ in self.case.masked]
        self.state, objectives = jax.jit(
            lambda state, x, z: jax.lax.scan(lambda state, xz: self.iteration(state, (*xz, none)), state, (x, z))
        )(self.state, x, z)
        return np.asarray(objectives)

    def weights(self) -> Arrays:
        """Copy the weights and the averages."""
        G, D, (_, of_g, _), (_, of_d, _) = self.state
        return [np.asarray(w) for w in jax.tree.leaves((G, D, of_g, of_d))]

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


class Learner:
    """A rule in optax; its state holds optax's, the average of the iterates if one is kept, and the updates made."""

    def __init__(self, rule: Rule) -> None:
        self.average = rule.average
        adam = optax.scale_by_adam(rule.momentum.first, rule.beta_2, rule.epsilon)
        parts = [adam] if rule.kind == "adam" else []
        parts.append(optax.scale_by_schedule(lambda t: -rule.rate(t, jnp)))
        if rule.kind == "sgd" and rule.momentum.first:  # after the rate: the velocity keeps the rate of its time
            trace = optax.inject_hyperparams(optax.trace)
            parts.append(trace(decay=lambda t: jnp.asarray(rule.momentum(t, jnp), jnp.float32)))
        self.rule = optax.chain(*parts)

    def init(self, network: Any) -> Any:
        """Make the state."""
        average = None if self.average is None else jax.tree.map(jnp.copy, network)
        return self.rule.init(network), average, 0

    def update(self, gradients: Any, state: Any, network: Any) -> tuple[Any, Any]:
        """Make one update; return the network and the state."""
        state, average, t = state
        updates, state = self.rule.update(gradients, state, network)
        network = optax.apply_updates(network, updates)
        if self.average is not None:  # it begins as the first iterate
            average = optax.incremental_update(network, average, jnp.where(t == 0, 1, 1 - self.average))
        return network, (state, average, t + 1)


def forward(layers: Layers, weights: Any, x: Any, masks: Any = ()) -> Any:
    """Apply the network; what a mask does not keep becomes 0."""
    pairs, keep = iter(weights), iter(masks)
    for layer in layers:
        match layer:
            case Dense():
                kernel, bias = next(pairs)
                x = x @ kernel + bias
            case Dropout():
                x = jnp.where(next(keep), x / (1 - layer.rate), 0)
            case Rescaling():
                x = x * layer.factor + layer.offset
            case Activation():
                x = ACTIVATIONS[layer.kind](x, layer.number)
    return x


def data(source: Source) -> Any:
    """Put a finite data set on the device."""
    return None if isinstance(source, Gaussian | Uniform) else jnp.asarray(finite(source)[0])


def draw(source: Source, key: Any, shape: tuple[int, ...], data: Any) -> Any:
    """Draw an array of a shape."""
    if isinstance(source, Gaussian | Uniform):
        draw = jax.random.normal if isinstance(source, Gaussian) else jax.random.uniform
        factor, offset = affine(source)
        return draw(key, shape) * factor + offset
    _, scale, low = finite(source)
    return data[jax.random.randint(key, shape[:-1], 0, len(data))] * scale + low
