"""The minibatches of Algorithm 1: a pure function of seed and iteration, whatever the calls and epochs they come in."""

import contextlib
import math
import operator
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import Any

from gan_paper.distributions import Distribution, Points

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

EXAMPLES, NOISE, FRESH_EXAMPLES, FRESH_NOISE, RECORDED_NOISE = range(5)
"""What a draw is for. With a seed and a number it makes a seed of its own, so no two purposes share a draw."""

_BLOCK = 2**15  # random numbers that are drawn at once
_AHEAD = 2  # calls
_CALL = 64 << 20  # bytes of the minibatches of one call: three calls are in memory at once
_ITERATION = 4 << 30  # bytes of the minibatches of one iteration, at most


class Minibatches:
    """The minibatches of every iteration.

    Args:
        x: Where examples come from, as `GAN.fit` takes it: an array, a distribution or a `tf.data.Dataset`.
        p_z: The prior of the noise.
        batch_size: m; None for a dataset, and 32 by default elsewhere.
        k: Minibatches of examples an iteration.
        noises: Minibatches of noise an iteration.
        example: The shape of an example.
        noise: The shape of a noise sample.
        seed: Seed of the draws.
        dtype: Of what is drawn.

    Attributes:
        steps: Iterations in an epoch: what the examples last for; None where they have no known end.

    Raises:
        ValueError: naming `x` or `batch_size`, if the examples do not fit or an iteration takes too much memory.
    """

    def __init__(
        self,
        x: Any,
        p_z: Distribution,
        *,
        batch_size: int | None,
        k: int,
        noises: int,
        example: Sequence[int],
        noise: Sequence[int],
        seed: int,
        dtype: Any,
    ) -> None:
        is_dataset = isinstance(x, tf.data.Dataset)
        if is_dataset and batch_size is not None:
            raise ValueError(
                "batch_size must be left out where x is a tf.data.Dataset: its batches are the minibatches"
            )
        m = _batch_length(x, example) if is_dataset else 32 if batch_size is None else batch_size
        if isinstance(m, bool) or not isinstance(m, int | np.integer) or m < 1:
            raise ValueError(f"batch_size must be an integer of at least 1, not {m!r}")
        self._x_shape, self._z_shape, self._dtype = (k, m, *example), (noises, m, *noise), dtype
        numbers = math.prod(self._x_shape) + math.prod(self._z_shape)
        self._bytes = numbers * np.dtype(dtype).itemsize
        if self._bytes > _ITERATION:
            raise ValueError(
                f"batch_size {m} with k = {k} makes minibatches of {self._bytes / 2**30:.1f} GB an iteration; "
                f"at most {_ITERATION >> 30} GB are accepted"
            )
        self._examples = _Batches(x, m) if is_dataset else x
        if isinstance(x, Points) or not (is_dataset or hasattr(x, "sample")):
            self._examples = Points(_array(getattr(x, "points", x), example))
        length = getattr(self._examples, "batches", None)
        if isinstance(self._examples, Points):
            length = len(self._examples.points) // m
        self.steps = None if length is None else length // k
        if self.steps == 0:
            raise ValueError(f"x has {length} full minibatches of {m}; an iteration takes k = {k}")
        self._p_z, self._seed = p_z, seed
        # To make a generator of random numbers costs more than to draw a small minibatch. So a block of iterations
        # shares one; where minibatches are large, it is one iteration. A dataset is not drawn ahead of its use.
        self._block = 1 if is_dataset else max(1, _BLOCK // numbers)
        # Where a call ends in the middle of a block, the next one goes on with it.
        self._drawn = lru_cache(maxsize=1)(self._draw)

    def _draw(self, first: int) -> tuple[NDArray, NDArray]:
        x_shape, z_shape = (self._block, *self._x_shape), (self._block, *self._z_shape)
        if isinstance(self._examples, Points):
            x = self._examples.epochs(x_shape, first * math.prod(self._x_shape[:2]), self._seed, self._dtype)
        else:
            x = self._examples.sample(x_shape, (self._seed, first, EXAMPLES), self._dtype)
        return x, self._p_z.sample(z_shape, (self._seed, first, NOISE), self._dtype)

    def draw(
        self, first: int, count: int, room: int | None = None, ended: threading.Event | None = None
    ) -> tuple[NDArray, NDArray]:
        """Those of the iterations from `first` on.

        Args:
            first: The first iteration, counted from 0.
            count: Iterations.
            room: For how many iterations the arrays have room [default: count]; what is not drawn is undefined.
            ended: Once it is set, nothing more is drawn.

        Returns:
            Examples (room, k, m, ...) and noise (room, noises, m, ...).
        """
        last = first + count
        x, z = (_aligned((room or count, *shape), self._dtype) for shape in (self._x_shape, self._z_shape))
        for begin in range(first - first % self._block, last, self._block):
            if ended and ended.is_set():
                break
            here = slice(max(begin, first), min(begin + self._block, last))
            for whole, part in zip((x, z), self._drawn(begin), strict=True):
                whole[here.start - first : here.stop - first] = part[here.start - begin : here.stop - begin]
        return x, z

    def per_call(self, steps: int, most: int | None = None) -> int:
        """How many of an epoch's iterations one compiled call makes.

        Args:
            steps: Iterations in an epoch.
            most: The most in a call [default: 1,000, or what 64 MB of minibatches hold].
        """
        most = most or max(1, min(1000, _CALL // self._bytes))
        return math.ceil(steps / math.ceil(steps / most))

    @contextlib.contextmanager
    def ahead(
        self, start: Callable[[], int], steps: int, epochs: int, per_call: int
    ) -> Iterator[Iterator[tuple[Any, Any, Any]]]:
        """What `GAN.train_step` takes, call after call, drawn two calls ahead in a thread that ends with the block.

        Args:
            start: Gives the first iteration, once a call is wanted: Keras's `BackupAndRestore` sets it at first.
            steps: Iterations in an epoch. An epoch's last call may be shorter.
            epochs: Epochs.
            per_call: Iterations in a call.

        Yields:
            An iterator of (x, z, count): arrays with room for `per_call` iterations, and how many they hold.
        """
        ended = threading.Event()

        def draw(begin: int, count: int) -> tuple[Any, Any, Any]:
            x, z = self.draw(begin, count, per_call, ended)
            return tf.convert_to_tensor(x), tf.convert_to_tensor(z), tf.constant(count, tf.int32)

        def calls() -> Iterator[Future]:
            first = start()
            for epoch in range(first, first + epochs * steps, steps):
                for begin in range(epoch, epoch + steps, per_call):
                    yield executor.submit(draw, begin, min(per_call, epoch + steps - begin))

        def drawn(futures: Iterator[Future]) -> Iterator[tuple[Any, Any, Any]]:
            waiting = deque(islice(futures, _AHEAD))
            while waiting:
                call = waiting.popleft()
                waiting.extend(islice(futures, 1))
                yield call.result()

        with ThreadPoolExecutor(1, "minibatches") as executor:
            try:
                yield drawn(calls())
            finally:
                ended.set()
                executor.shutdown(cancel_futures=True)


class _Batches:
    """A dataset's own batches, pass after pass; a shorter one, at a pass's end, is left out."""

    def __init__(self, dataset: tf.data.Dataset, m: int) -> None:
        cardinality = int(dataset.cardinality())
        self.batches = None if cardinality < 0 else cardinality
        self._endless = self._passes(dataset, m)

    @staticmethod
    def _passes(dataset: tf.data.Dataset, m: int) -> Iterator[NDArray]:
        while True:
            yield from (batch for batch in dataset.as_numpy_iterator() if len(batch) == m)

    def sample(self, shape: Sequence[int], seed: Any, dtype: Any) -> NDArray:
        """The next batches, whatever the seed, as an array of `shape`."""
        count = math.prod(shape[:2])
        return np.stack([next(self._endless) for _ in range(count)]).reshape(shape).astype(dtype)


def _batch_length(dataset: tf.data.Dataset, example: Sequence[int]) -> int:
    """How many examples a batch of the dataset holds."""
    spec = dataset.element_spec
    if not isinstance(spec, tf.TensorSpec):
        raise ValueError("x must be a tf.data.Dataset of examples alone, such as dataset.map(lambda x, y: x)")
    if not spec.shape.is_compatible_with((None, *example)):
        raise ValueError(
            f"x must be a tf.data.Dataset of batches (m, {_dims(example)}), as the discriminator takes them, "
            f"not of shape {tuple(spec.shape)}; dataset.batch(m) makes batches"
        )
    first = next(iter(dataset.take(1)), None)
    if first is None:
        raise ValueError("x is a tf.data.Dataset without a batch")
    if tuple(first.shape[1:]) != tuple(example):
        raise ValueError(
            f"x holds examples of shape {tuple(first.shape[1:])}; the discriminator takes {tuple(example)}"
        )
    return int(first.shape[0])


def _array(x: Any, example: Sequence[int]) -> NDArray:
    """Somebody's examples, checked."""
    try:
        array = np.asarray(x)
    except (TypeError, ValueError):  # rows of different lengths, say
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            "x must be an array of numbers, a distribution with a method `sample`, or a tf.data.Dataset, "
            f"not {type(x).__name__}" + (f" of {array.dtype}" if isinstance(x, np.ndarray) else "")
        )
    if array.shape[1:] != tuple(example) or array.ndim == 0:
        raise ValueError(
            f"x must be of shape (N, {_dims(example)}), as the discriminator takes its examples, not {array.shape}"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("x holds values that are not finite")
    return array


def whole(name: str, value: Any, least: int) -> int:
    """A whole number that somebody passed, NumPy's among them.

    Raises:
        ValueError: naming the argument, if it is none or below `least`.
    """
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
    return number


def _dims(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))


def _aligned(shape: Sequence[int], dtype: Any) -> NDArray:
    """An empty array that TensorFlow takes as it is: it copies those that do not begin at a multiple of 64 bytes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(dtype).reshape(shape)
