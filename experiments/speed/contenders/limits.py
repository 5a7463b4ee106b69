"""What no implementation can do without: the matrix products of an iteration, and its random numbers, each alone."""

import math
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contenders.cases import Case, Layer, numpy_sampler
from contenders.contender import Arrays, Contender

Factors = tuple[tuple[int, int], tuple[int, int]]

XLA, NUMPY = "in an XLA loop", "in NumPy"
BY_ITERATION, BY_CHUNK, BY_SOURCE = "by the iteration", "by the chunk", "by the iteration, from our sources"


def factors(case: Case) -> list[Factors]:
    """List the shapes of every product of one iteration of Algorithm 1.

    A layer's product, m x inputs by inputs x outputs, runs forwards. Backwards, one product gives the gradient of its
    weights, and one that of its inputs, where it is needed. D sees examples and samples as one minibatch.
    """

    def forwards(layers: tuple[Layer, ...], m: int) -> list[Factors]:
        return [((m, layer.inputs), (layer.inputs, layer.columns)) for layer in layers]

    def of_weights(layers: tuple[Layer, ...], m: int) -> list[Factors]:
        return [((layer.inputs, m), (m, layer.columns)) for layer in layers]

    def of_inputs(layers: tuple[Layer, ...], m: int) -> list[Factors]:
        return [((m, layer.columns), (layer.columns, layer.inputs)) for layer in layers]

    G, D, m = case.generator, case.discriminator, case.m
    d_step = forwards(G, m) + forwards(D, 2 * m) + of_weights(D, 2 * m) + of_inputs(D[1:], 2 * m)
    g_step = forwards(G, m) + forwards(D, m) + of_inputs(D, m) + of_weights(G, m) + of_inputs(G[1:], m)
    return case.k * d_step + g_step


class Products(Contender):
    """The matrix products of an iteration, and nothing else."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Multiply in an XLA loop, or in NumPy."""
        return XLA, NUMPY

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        rng = np.random.default_rng(0)
        pairs = [tuple(rng.standard_normal(shape, np.float32) for shape in pair) for pair in factors(case)]
        self.loop = _xla_loop(pairs, case.one_thread) if variant == XLA else _numpy_loop(pairs)

    def run(self, iterations: int) -> None:
        """Multiply."""
        self.loop(iterations)


def _numpy_loop(pairs: list[tuple[NDArray, ...]]) -> Any:
    results = [np.empty((len(a), b.shape[1]), np.float32) for a, b in pairs]

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            for (a, b), result in zip(pairs, results, strict=True):
                np.matmul(a, b, out=result)

    return loop


def _xla_loop(pairs: list[tuple[NDArray, ...]], one_thread: bool) -> Any:
    import tensorflow as tf

    from gan_paper.runs import training

    if one_thread:
        training.one_thread()
    tensors = [tuple(map(tf.constant, pair)) for pair in pairs]

    @tf.function(jit_compile=True)
    def compiled(iterations: Any, tensors: Any) -> Any:
        def body(t: Any, total: Any) -> tuple[Any, Any]:
            # XLA would make a product of constant factors once, and an unused one never. So the smaller factor changes,
            # and an entry is added up.
            scale = 1 + tf.cast(t, tf.float32) * 1e-9
            for a, b in tensors:
                product = (a * scale) @ b if a.shape.num_elements() < b.shape.num_elements() else a @ (b * scale)
                total += product[-1, -1]
            return t + 1, total

        return tf.while_loop(lambda t, _: t < iterations, body, (0, tf.zeros(())))[1]

    def loop(iterations: int) -> None:
        compiled(tf.constant(iterations), tensors).numpy()

    return loop


class Draws(Contender):
    """The random numbers of an iteration by the fastest generator: examples, noise, and 32 bits an entry of a mask."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Draw an iteration or a chunk at once by NumPy, or by our distributions, where wide Gaussians are faster."""
        return BY_ITERATION, BY_CHUNK, BY_SOURCE

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        rng, seeds = np.random.Generator(np.random.SFC64(0)), count()
        self.chunk = case.chunk if variant == BY_CHUNK else 1
        self.rng, self.x_shape, self.z_shape = rng, (self.chunk, *case.x_shape), (self.chunk, *case.z_shape)
        if variant == BY_SOURCE:
            self.draw_x: Any = lambda shape: case.p_data.sample(shape, next(seeds))
            self.draw_z: Any = lambda shape: case.p_z.sample(shape, next(seeds))
        else:
            self.draw_x, self.draw_z = numpy_sampler(case.p_data, rng), numpy_sampler(case.p_z, rng)
        masked = sum(layer.inputs for layer in case.discriminator if layer.dropout)
        self.words = math.ceil(self.chunk * masked * case.m * (2 * case.k + 1) / 2)  # of 64 bits

    def run(self, iterations: int) -> None:
        """Draw."""
        for _ in range(iterations // self.chunk):
            self.draw_x(self.x_shape)
            self.draw_z(self.z_shape)
            if self.words:
                self.rng.bit_generator.random_raw(self.words)
