"""Algorithm 1 in JAX: one `jit` of a `lax.scan` over many iterations, with a donated state and optax's optimizers."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar

from gan_paper.layers import Dropout, Maxout

import jax
import keras
import numpy as np
import optax
import presets
from jax import numpy as jnp
from jax import random
from jax.flatten_util import ravel_pytree
from jax.nn import softplus
from keras.layers import Dense, LeakyReLU, ReLU, Rescaling
from numpy.typing import NDArray
from presets import Baseline, Preset, Trained


class Scan(Baseline):
    """The state holds the weights of G and D, and the states of their optimizers."""

    VARIANTS: ClassVar[tuple[str, ...]] = "draws in the scan", "draws before the scan"
    pack: ClassVar[Any] = staticmethod(lambda network: (network, lambda weights: weights))
    """Returns the form in which a network's weights are trained, and the function that gives the weights back."""

    def __init__(self, preset: Preset, variant: str) -> None:
        super().__init__(preset, variant)
        networks = jax.tree.map(jnp.array, presets.networks(preset.gan)[:2])
        (G, self.of_G), (D, self.of_D) = map(self.pack, networks)
        self.d_learner = Learner(preset.gan.d_optimizer, preset.iterations * preset.gan.k)
        self.g_learner = Learner(preset.gan.g_optimizer, preset.iterations)
        self.state = G, D, self.g_learner.init(G), self.d_learner.init(D)
        self.key, self.rows = random.key(0), jnp.array(presets.rows(preset.p_data))
        self.many = jax.jit(self.scan, donate_argnums=0)

    def run(self, iterations: int) -> None:
        """Train on random minibatches."""
        for _ in range(iterations // self.chunk):
            self.key, key = random.split(self.key)
            self.state = self.many(self.state, key, self.rows)
        jax.block_until_ready(self.state)

    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Train on given minibatches."""
        keys = random.split(self.key, (len(x), self.gan.k + 1))
        state, losses = jax.jit(lambda *inputs: jax.lax.scan(self.iteration, *inputs))(self.state, (x, z, keys))
        G, D, (_, g_ema, _), (_, d_ema, _) = state
        packed = (self.of_G, G), (self.of_D, D), (self.of_G, g_ema), (self.of_D, d_ema)
        return losses, [list(map(np.array, of(weights))) for of, weights in packed if weights is not None]

    def scan(self, state: Any, key: Any, rows: Any) -> Any:
        """Make one chunk of iterations."""
        keys = random.split(key, self.chunk)
        if self.variant == self.VARIANTS[0]:
            return jax.lax.scan(lambda state, key: self.iteration(state, self.draw(key, rows)), state, keys)[0]
        return jax.lax.scan(self.iteration, state, jax.vmap(lambda key: self.draw(key, rows))(keys))[0]

    def draw(self, key: Any, rows: Any) -> tuple[Any, Any, Any]:
        """Draw an iteration's examples and noise, and a key for each pass through D with dropout."""

        def draw(source: tuple[Any, tuple[int, ...]], key: Any) -> Any:
            normal, uniform, integers = (partial(of, key) for of in (random.normal, random.uniform, random.randint))
            return presets.drawn(*source, normal, uniform, lambda shape: rows[integers(shape, 0, len(rows))])

        *keys, of_dropout = random.split(key, 3)
        x, z = map(draw, self.sources, keys)
        return x, z, random.split(of_dropout, self.gan.k + 1)

    def iteration(self, state: Any, inputs: Any) -> tuple[Any, Any]:
        """Update D k times and G once; return the new state and the two losses."""
        G, D, g_state, d_state = state
        x, z, keys = inputs
        together, generator = self.gan.simultaneous, self.gan.generator

        def logits(D: Any, x: Any, key: Any) -> Any:
            return forward(self.gan.discriminator, self.of_D(D), x, key, logits=True)

        def d_loss(D: Any, x: Any, samples: Any, key: Any) -> Any:
            if together:  # two passes: G's loss has the same pass of the samples, and XLA computes it once
                real, fake = logits(D, x, keys[1]), logits(D, samples, key)
            else:
                real, fake = jnp.split(logits(D, jnp.concatenate([x, samples]), key), 2)
            return softplus(-real).mean() + softplus(fake).mean()

        def g_loss(G: Any, D: Any, z: Any, key: Any) -> Any:
            return softplus(-logits(D, forward(generator, self.of_G(G), z), key)).mean()

        for step in range(self.gan.k):
            before, samples = D, forward(generator, self.of_G(G), z[step])
            of_d, gradients = jax.value_and_grad(d_loss)(D, x[step], samples, keys[step])
            D, d_state = self.d_learner.update(gradients, d_state, D)
        seen, key = (before, keys[0]) if together else (D, keys[-1])
        of_g, gradients = jax.value_and_grad(g_loss)(G, seen, z[-1], key)
        G, g_state = self.g_learner.update(gradients, g_state, G)
        return (G, D, g_state, d_state), jnp.stack([of_d, of_g])


class Flat(Scan):
    """The form for experts on a CPU: each network's weights are one array, and a thread of the host draws ahead."""

    VARIANTS = ("",)
    pack = staticmethod(ravel_pytree)

    def run(self, iterations: int) -> None:
        """Train on minibatches that are drawn as ours are."""
        with ThreadPoolExecutor(1) as host:
            for drawn in host.map(lambda i: self.preset.draw(i, self.chunk), range(0, iterations, self.chunk)):
                self.key, key = random.split(self.key)
                self.state = self.many(self.state, key, drawn)
        jax.block_until_ready(self.state)

    def scan(self, state: Any, key: Any, drawn: Any) -> Any:
        """Make one chunk of iterations on given minibatches."""
        keys = random.split(key, (self.chunk, self.gan.k + 1))
        return jax.lax.scan(self.iteration, state, (*drawn, keys))[0]


class Learner:
    """The same optimizer as Keras's. Its state: that of optax, the EMA of the weights if kept, and the update count."""

    def __init__(self, like: keras.optimizers.Optimizer, updates: int) -> None:
        self.ema = like.ema_momentum if like.use_ema else None
        rates, momenta = map(jnp.array, presets.schedule(like, updates))  # after their end JAX reads the last
        if isinstance(like, keras.optimizers.Adam):
            self.optimizer: Any = optax.adam(lambda t: rates[t], like.beta_1, like.beta_2, like.epsilon)
        elif like.momentum:
            self.optimizer = optax.inject_hyperparams(optax.sgd)(lambda t: rates[t], lambda t: momenta[t])
        else:
            self.optimizer = optax.sgd(lambda t: rates[t])

    def init(self, network: Any) -> Any:
        """Make the state."""
        return self.optimizer.init(network), None if self.ema is None else jax.tree.map(jnp.copy, network), 0

    def update(self, gradients: Any, state: Any, network: Any) -> tuple[Any, Any]:
        """Make one update; return the network and the state."""
        inner, ema, t = state
        updates, inner = self.optimizer.update(gradients, inner, network)
        network = optax.apply_updates(network, updates)
        if self.ema is not None:  # initialised with the weights after the first update
            ema = optax.incremental_update(network, ema, jnp.where(t == 0, 1, 1 - self.ema))
        return network, (inner, ema, t + 1)


def forward(network: keras.Model, weights: Any, x: Any, key: Any = None, logits: bool = False) -> Any:
    """Apply a network with these weights, where `logits` without its last activation; the key is for dropout."""
    arrays = iter(weights)
    for i, layer in enumerate(network.layers):
        if isinstance(layer, Dense):
            x = x @ next(arrays) + next(arrays)
        match layer:
            case Maxout():  # a Dense, too
                x = x.reshape(len(x), layer.pieces, -1).max(1)
            case Dense():
                linear = layer.activation.__name__ == "linear" or (logits and layer is network.layers[-1])
                x = x if linear else getattr(jax.nn, layer.activation.__name__)(x)
            case ReLU():
                x = jax.nn.relu(x)
            case LeakyReLU():
                x = jax.nn.leaky_relu(x, layer.negative_slope)
            case Rescaling():
                x = x * layer.scale + layer.offset
            case Dropout():
                keep = random.bernoulli(random.fold_in(key, i), 1 - layer.rate, x.shape)
                x = jnp.where(keep, x / (1 - layer.rate), 0)
            case _:
                raise ValueError(f"JAX's baseline does not have the layer {layer!r}")
    return x
