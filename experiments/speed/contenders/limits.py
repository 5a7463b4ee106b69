"""What no implementation can do without: the matrix products of an iteration, and its random numbers, each alone."""

import math
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from contenders.cases import Case, Dense, Dropout, dense, numpy_sampler
from contenders.contender import Arrays, Contender, seconds_per_iteration

import numpy as np
from numpy.typing import NDArray

Factors = tuple[tuple[int, int], tuple[int, int]]

BY_ITERATION, BY_CHUNK, BY_SOURCE = "by the iteration", "by the chunk", "by the iteration, from our sources"
SQUARE = 2048  # rows of the large product that shows the machine's peak


def factors(case: Case) -> list[Factors]:
    """List the shapes of every product of one iteration.

    A layer's product, m x inputs by inputs x units, runs forwards. Backwards, one product gives the gradient of its
    weights, and one that of its inputs, where it is needed. D sees examples and samples as one minibatch. G stands
    still until its own update, so all its minibatches of an iteration go forwards together. A logit is one number:
    where updates are simultaneous, the gradients that come back from both objectives are multiples of each other, row
    by row, and D's layers need only one of them. A product over a single number is left out: it is a multiplication an
    entry, which a compiler makes while it makes the activation.
    """

    def forwards(layers: list[Dense], m: int) -> list[Factors]:
        return [((m, layer.inputs), (layer.inputs, layer.units)) for layer in layers]

    def of_weights(layers: list[Dense], m: int) -> list[Factors]:
        return [((layer.inputs, m), (m, layer.units)) for layer in layers]

    def of_inputs(layers: list[Dense], m: int) -> list[Factors]:
        return [((m, layer.units), (layer.units, layer.inputs)) for layer in layers]

    G, D, m = dense(case.generator), dense(case.discriminator), case.m
    d_step = forwards(D, 2 * m) + of_weights(D, 2 * m) + of_inputs(D[1:], 2 * m)
    through_d = of_inputs(D[:1], m) if case.simultaneous else forwards(D, m) + of_inputs(D, m)
    g_step = through_d + of_weights(G, m) + of_inputs(G[1:], m)
    products = forwards(G, case.z_shape[0] * m) + case.k * d_step + g_step
    return [(left, right) for left, right in products if right[0] > 1]


class Products(Contender):
    """The matrix products of an iteration, and nothing else: each in an XLA loop or in NumPy, whichever is faster."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.factors = factors(case)
        makers: tuple[Callable[..., Callable[[int], None]], ...] = partial(_xla_loop, case.one_thread), _numpy_loop
        square = (SQUARE, SQUARE), (SQUARE, SQUARE)
        seconds: dict[Factors, list[float]] = {}
        for shapes in {*self.factors, square}:
            loops = [make(_pairs([shapes])) for make in makers]
            seconds[shapes] = [min(seconds_per_iteration(loop, 1, 0.02) for _ in range(3)) for loop in loops]
        self.peak = 2 * SQUARE**3 / min(seconds[square])
        of_makers = [[s for s in self.factors if seconds[s].index(min(seconds[s])) == i] for i in range(len(makers))]
        self.loops = [make(_pairs(mine)) for make, mine in zip(makers, of_makers, strict=True) if mine]

    def run(self, iterations: int) -> None:
        """Multiply."""
        for loop in self.loops:
            loop(iterations)

    def facts(self) -> dict[str, float]:
        """Return the operations of an iteration, and the most a second, in one large product by the same means."""
        return {"operations": sum(2 * m * n * units for (m, n), (_, units) in self.factors), "peak": self.peak}


def _pairs(shapes: list[Factors]) -> list[tuple[NDArray, ...]]:
    rng = np.random.default_rng(0)
    return [tuple(rng.standard_normal(shape, np.float32) for shape in pair) for pair in shapes]


def _numpy_loop(pairs: list[tuple[NDArray, ...]]) -> Callable[[int], None]:
    triples = [(a, b, np.empty((len(a), b.shape[1]), np.float32)) for a, b in pairs]

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            for a, b, result in triples:
                np.matmul(a, b, out=result)

    return loop


def _xla_loop(one_thread: bool, pairs: list[tuple[NDArray, ...]]) -> Callable[[int], None]:
    from gan_paper.runs import training

    import tensorflow as tf

    if one_thread:
        training.one_thread()
    tensors = [tuple(map(tf.constant, pair)) for pair in pairs]

    @tf.function(jit_compile=True, autograph=False)
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
        entries = sum(layer.entries for layer in case.discriminator if isinstance(layer, Dropout))
        self.words = math.ceil(self.chunk * entries * sum(case.masked) / 2)  # of 64 bits

    def run(self, iterations: int) -> None:
        """Draw."""
        for _ in range(iterations // self.chunk):
            self.draw_x(self.x_shape)
            self.draw_z(self.z_shape)
            if self.words:
                self.rng.bit_generator.random_raw(self.words)
