"""The minibatches of Algorithm 1: each is a pure function of seed and iteration, however calls and epochs are cut."""

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gan_paper.distributions import CONDITIONS, NOISE
from gan_paper.examples import BATCHED, array, check_draw, drawn_as, integer, source
from gan_paper.interrupts import not_swallowed

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_BLOCK = 2**15  # random numbers that are drawn at once
_AHEAD = 2  # compiled calls that are drawn ahead of training
_CALL = 64 << 20  # bytes of one call's minibatches; those of three calls are in memory at once


class Minibatches:
    """The minibatches of all iterations of a compiled GAN's training. `GAN.minibatches` makes them.

    Attributes:
        steps: Iterations in one pass through the examples; None if these have no known end.
        seen: Examples that were checked: a whole array, or some of another source.
    """

    def __init__(self, gan: Any, x: Any, c: Any, batch_size: int | None, seed: int) -> None:
        self._seed, self._k, self._p_z = integer("seed", seed, 0), gan.k, gan.p_z
        z, *parts = gan.parts
        check_draw(self._p_z, z)
        self._source = source(x, c, batch_size, parts)
        k, m, length, self.seen = gan.k, self._source.m, self._source.batches, self._source.seen
        noises = k if gan.simultaneous else k + 1
        self._shapes = [((k, m, *parts[0].shape), parts[0].dtype), ((noises, m, *z.shape), z.dtype)]
        numbers = sum(math.prod(shape) for shape, _ in self._shapes)
        for of_c in parts[1:]:
            self._shapes += [((k, m, *of_c.shape), of_c.dtype), ((m, *of_c.shape), of_c.dtype)]
        self._conditions = None if c is None else array(c, parts[1])
        self._bytes = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in self._shapes)
        self.steps = None if length is None else length // k
        if self.steps == 0:
            raise ValueError(f"x has {length} full minibatches of {m}; an iteration takes k = {k}")
        # To make a random generator takes longer than to draw a small minibatch. So a block of iterations shares one
        # generator; if minibatches are large, a block is one iteration. A dataset is not read ahead of its use.
        self._block = 1 if isinstance(x, BATCHED) else max(1, _BLOCK // numbers)
        # The last block and its first iteration. A call may end within a block; the next call continues with it.
        self._drawn: tuple[int, list[NDArray]] = (-1, [])

    def _block_from(self, first: int) -> list[NDArray]:
        """The block of iterations that begins with this one."""
        if self._drawn[0] == first:
            return self._drawn[1]
        x, *c = self._source.draw(first, self._block, self._k, self._seed)
        _, z_shape, *c_shapes = [(self._block, *shape) for shape, _ in self._shapes]
        z = self._p_z.sample(z_shape, (self._seed, first, NOISE), drawn_as(self._shapes[1][1]))
        if c:  # G's update has a c of its own
            among = c[0].reshape(-1, *c_shapes[1][2:]) if self._conditions is None else self._conditions
            rng = np.random.default_rng((self._seed, first, CONDITIONS))
            c.append(among[rng.integers(len(among), size=c_shapes[1][:2])])
        self._drawn = first, [x, z, *c]
        return self._drawn[1]

    def draw(
        self, first: int, count: int, room: int | None = None, ended: threading.Event | None = None
    ) -> list[NDArray]:
        """Draw the minibatches of `count` iterations.

        Args:
            first: The first iteration, counted from 0.
            count: Iterations.
            room: Iterations that the arrays have room for [default: count]; values beyond `count` are undefined.
            ended: Once it is set, nothing more is drawn.

        Returns:
            Examples (room, k, m, ...), and noise (room, k + 1, m, ...), or (room, k, m, ...) if updates are
            simultaneous. For a conditional GAN also c of the examples (room, k, m, ...), and c of G's update
            (room, m, ...), drawn from the data's c.
        """
        last = first + count
        wholes = [np.empty((room or count, *shape), dtype) for shape, dtype in self._shapes]
        for begin in range(first - first % self._block, last, self._block):
            if ended and ended.is_set():
                break
            here = slice(max(begin, first), min(begin + self._block, last))
            for whole, part in zip(wholes, self._block_from(begin), strict=True):
                whole[here.start - first : here.stop - first] = part[here.start - begin : here.stop - begin]
        return wholes

    def per_call(self, steps: int, most: int | None = None) -> int:
        """The number of iterations in one compiled call.

        Args:
            steps: Iterations in an epoch.
            most: The upper limit [default: 1,000, or as many as have 64 MB of minibatches].
        """
        most = most or max(1, min(1000, _CALL // self._bytes))
        return math.ceil(steps / math.ceil(steps / most))

    @contextlib.contextmanager
    def ahead(
        self, start: Callable[[], int], steps: int, epochs: int, per_call: int
    ) -> Iterator[Iterator[tuple[Any, ...]]]:
        """Draw the arguments of `GAN.train_step`, two calls ahead, in a thread that ends with the block.

        Args:
            start: Returns the first iteration. It is called when training begins: by then Keras's `BackupAndRestore`
                has set the iteration.
            steps: Iterations in an epoch. An epoch's last call may be shorter.
            epochs: Epochs.
            per_call: Iterations in a call.

        Yields:
            An iterator of (x, z, count), or (x, z, c, c of G's update, count): the arrays of `draw`, with room for
            `per_call` iterations, and how many of these are drawn.
        """
        ended = threading.Event()

        def draw(begin: int, count: int) -> tuple[Any, ...]:
            minibatches = self.draw(begin, count, per_call, ended)
            return *map(tf.convert_to_tensor, minibatches), tf.constant(count, tf.int32)

        waiting: deque[Future] = deque()

        def oldest() -> tuple[Any, ...]:
            check()
            return waiting.popleft().result()

        def drawn() -> Generator[tuple[Any, ...]]:
            first = start()
            for epoch in range(first, first + epochs * steps, steps):
                for begin in range(epoch, epoch + steps, per_call):
                    waiting.append(executor.submit(draw, begin, min(per_call, epoch + steps - begin)))
                    if len(waiting) > _AHEAD:
                        yield oldest()
            while waiting:
                yield oldest()

        with not_swallowed() as check, ThreadPoolExecutor(1, "minibatches") as executor:
            minibatches = drawn()
            try:
                yield minibatches
            finally:
                ended.set()
                executor.shutdown(cancel_futures=True)
                minibatches.close()  # so that it holds x no longer
