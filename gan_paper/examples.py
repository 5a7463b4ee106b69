"""What `GAN.fit` takes examples from, checked: an array, a distribution, a `tf.data.Dataset` or a `PyDataset`."""

import itertools
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from gan_paper.distributions import EXAMPLES, Distribution, Points

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_TYPICAL, _LOOKED_AT = 10, 100  # batches of one length that make it the typical one; batches that are looked at
_MISSES = 1000  # batches of another length, one after another, that end training; a pass without any counts as 100
DATASETS = (tf.data.Dataset, keras.utils.PyDataset)
"""Those that have their own batches."""
_KINDS = "an array of numbers, a distribution with a method `sample`, a tf.data.Dataset or a keras.utils.PyDataset"


class Part(NamedTuple):
    """What an input of the discriminator takes of a minibatch."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Source(Protocol):
    """Where minibatches come from.

    Attributes:
        m: Examples in a minibatch.
        batches: Full minibatches in a pass; None without a known end.
        bounds: The least and the greatest number seen, in examples that were looked at.
    """

    m: int
    batches: int | None
    bounds: tuple[float, float]

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """Those of `count` iterations from `first` on: for each part an array (count, k, m, ...)."""


def source(x: Any, c: Any, batch_size: int | None, parts: Sequence[Part]) -> Source:
    """What `x` is, as a source of minibatches; `c` comes with it, where there are two parts.

    Raises:
        ValueError: naming the argument, if one is none, or does not fit.
    """
    if c is not None and len(parts) == 1:
        raise ValueError("c must be left out: the discriminator takes examples alone")
    if isinstance(x, DATASETS):
        if c is not None:
            raise ValueError("c must be left out where x is a data set of batches: they are pairs (x, c)")
        if batch_size is not None:
            raise ValueError("batch_size must be left out where x is a data set of batches: they are the minibatches")
        return _Dataset(x, parts) if isinstance(x, tf.data.Dataset) else _PyDataset(x, parts)
    if isinstance(x, Points):
        x = x.points
    if hasattr(x, "sample") and not hasattr(x, "__array__"):  # pandas' objects have both
        if len(parts) == 2:
            raise ValueError("x must be an array or a data set of pairs (x, c), since the discriminator takes both")
        return _Draws(x, batch_size or 32, parts)
    if isinstance(x, Iterator):
        raise ValueError(
            f"x must be {_KINDS}, not a {type(x).__name__}, which can be read only once: "
            "tf.data.Dataset.from_generator(function, output_signature=...) calls its function for every pass"
        )
    if c is None and len(parts) == 2:
        raise ValueError("c must be given: the discriminator takes it with the examples")
    return _Rows([x, c][: len(parts)], batch_size or 32, parts)


class _Rows:
    """An array, gone through in shuffled passes."""

    def __init__(self, columns: Sequence[Any], m: int, parts: Sequence[Part]) -> None:
        arrays = _alike([array(column, part) for column, part in zip(columns, parts, strict=True)])
        self._columns = [Points(column) for column in arrays]
        self.m, self.bounds = m, _bounds(arrays[0])
        self.batches: int | None = len(arrays[0]) // m

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        shapes = [(count, k, self.m, *column.points.shape[1:]) for column in self._columns]
        position = first * k * self.m
        return [c.epochs(s, position, seed, c.points.dtype) for c, s in zip(self._columns, shapes, strict=True)]


class _Draws:
    """A distribution, which gives fresh draws."""

    def __init__(self, p: Distribution, m: int, parts: Sequence[Part]) -> None:
        self._p, self._part = p, parts[0]
        self.m, self.bounds = m, _bounds(check_draw(p, self._part))
        self.batches: int | None = None

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        shape = (count, k, self.m, *self._part.shape)
        return [self._p.sample(shape, (seed, first, EXAMPLES), drawn_as(self._part.dtype))]


class _Dataset:
    """A `tf.data.Dataset`: its own batches, pass after pass, as they come; those of another length are left out."""

    def __init__(self, dataset: tf.data.Dataset, parts: Sequence[Part]) -> None:
        if len(parts) == 1 and not isinstance(dataset.element_spec, tf.TensorSpec):
            raise ValueError("x must be a tf.data.Dataset of examples alone, such as dataset.map(lambda x, y: x)")
        self._dataset, self._parts = dataset, parts
        self.m, self.bounds = _typical(self._pass())
        cardinality = int(dataset.cardinality())
        self.batches = None if cardinality < 0 else cardinality
        self._endless = self._passes()

    def _pass(self) -> Iterator[list[NDArray]]:
        return (_columns(batch, self._parts) for batch in self._dataset.as_numpy_iterator())

    def _passes(self) -> Iterator[list[NDArray]]:
        missed = 0
        while missed < _MISSES:
            lengths: Counter[bool] = Counter()
            for columns in self._pass():
                fits = len(columns[0]) == self.m
                lengths[fits] += 1
                missed = 0 if fits else missed + 1
                if fits:
                    yield columns
                elif lengths[False] == 2:
                    _warn_of_lengths(self.m)
                elif missed >= _MISSES:
                    break
            if not lengths[True]:
                warnings.warn(f"a pass through x gave no batch of m = {self.m} examples", stacklevel=2)
                missed += _MISSES // 10
        raise ValueError(_no_batch(self.m))

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        return _stacked(list(itertools.islice(self._endless, count * k)), count, k)


class _PyDataset:
    """A `PyDataset`: its own batches, each pass in an order of its own, as Keras takes them.

    In place of a batch of another length comes the one of the next pass: so a pass has as many as the data set, and a
    minibatch is a pure function of the seed and the iteration, as far as the data set's own items are.
    """

    def __init__(self, dataset: keras.utils.PyDataset, parts: Sequence[Part]) -> None:
        self._dataset, self._parts = dataset, parts
        self.batches = dataset.num_batches
        self._others: set[int] = set()  # batches of another length
        indices = itertools.count() if self.batches is None else range(self.batches)
        self.m, self.bounds = _typical(_columns(dataset[i], parts) for i in indices)
        self._order = None if self.batches is None else Points(np.arange(self.batches))

    def _batch(self, number: int, seed: int) -> list[NDArray]:
        size = self.batches or 1
        for other in range(number, number + _MISSES * size, size):
            index = other if self._order is None else int(self._order.epochs((1,), other, seed, np.int64)[0])
            columns = _columns(self._dataset[index], self._parts)
            if len(columns[0]) == self.m:
                return columns
            if index not in self._others:
                self._others.add(index)
                if len(self._others) == 2:
                    _warn_of_lengths(self.m)
        raise ValueError(_no_batch(self.m))

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        batches = []
        for number in range(first * k, (first + count) * k):
            if self.batches and number % self.batches == 0:
                self._dataset.on_epoch_begin()
            batches.append(self._batch(number, seed))
            if self.batches and (number + 1) % self.batches == 0:
                self._dataset.on_epoch_end()
        return _stacked(batches, count, k)


def check_draw(p: Any, part: Part) -> NDArray:
    """A distribution's draw of ten, tried, so that one that cannot be trained on is refused by name.

    Raises:
        ValueError: naming the part, if `sample` fails, or gives another shape or what is not finite.
    """
    shape = (2, 1, 5, *part.shape)
    try:
        values = np.asarray(p.sample(shape, (0, 0, EXAMPLES), drawn_as(part.dtype)))
    except Exception as error:  # whatever somebody's own code raises
        raise ValueError(f"{part.name}.sample(shape, seed, dtype) fails for shape {shape}: {error!r}") from error
    if values.shape != shape or not _is_number(values):
        raise ValueError(
            f"{part.name}.sample must answer with an array of numbers of the shape that it is asked for, "
            f"{shape}, not {values.shape} of {values.dtype}"
        )
    if not np.isfinite(values.astype(np.float64)).all():
        raise ValueError(f"{part.name}.sample gives values that are not finite")
    return values


def array(values: Any, part: Part, count: str = "N") -> NDArray:
    """Somebody's examples (N, ...), checked; (N,) does for (N, 1).

    Raises:
        ValueError: naming the part, if they are no finite numbers of its shape and dtype.
    """
    name = part.name
    try:
        numbers = np.asarray(values)
    except (TypeError, ValueError):  # rows of different lengths, say
        numbers = np.asarray(None)
    if not _is_number(numbers):
        of = f" of {numbers.dtype}" if hasattr(values, "__array__") else ""
        kinds = _KINDS if name == "x" else "an array of numbers"
        raise ValueError(f"{name} must be {kinds}, not {type(values).__name__}{of}")
    if np.ma.is_masked(values):
        raise ValueError(f"{name} is an array with masked values: {name}.filled(value) gives them one")
    if numbers.ndim == 1 and part.shape == (1,) and (count == "N" or name == "c"):
        numbers = numbers[:, None]
    if numbers.shape[1:] != part.shape or numbers.ndim == 0:
        taken = ", ".join(map(str, (count, *part.shape)))
        hint = "; dataset.batch(m) makes batches" if numbers.shape == part.shape else ""
        raise ValueError(f"{name} must be of shape ({taken}), as the discriminator takes it, not {numbers.shape}{hint}")
    low, high = _bounds(numbers)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name} holds values that are not finite")
    dtype, whole = tf.as_dtype(part.dtype), numbers.dtype.kind in "iub"
    if (
        low < float(dtype.min)
        or high > float(dtype.max)
        or not (dtype.is_floating or whole or np.equal(numbers % 1, 0).all())
    ):
        raise ValueError(f"{name} holds values from {low:.3g} to {high:.3g}, which {part.dtype} cannot hold")
    return numbers


def drawn_as(dtype: str) -> type[np.floating]:
    """What NumPy draws numbers in that are then cast to `dtype`: it has no draws of 16 bits."""
    return np.float64 if dtype == "float64" else np.float32


def _columns(batch: Any, parts: Sequence[Part]) -> list[NDArray]:
    """The arrays of a data set's batch that are used: of (x, y), a PyDataset's labels are not."""
    values = batch if isinstance(batch, tuple | list) else (batch,)
    if len(values) < len(parts):
        raise ValueError("x must give batches (x, c), since the discriminator takes both")
    return _alike([array(value, part, "m") for value, part in zip(values, parts, strict=False)])


def _alike(columns: list[NDArray]) -> list[NDArray]:
    rows = [len(column) for column in columns]
    if len(set(rows)) > 1:
        raise ValueError(f"c must have as many rows as x, {rows[0]}, not {rows[1]}")
    return columns


def _typical(batches: Iterable[list[NDArray]]) -> tuple[int, tuple[float, float]]:
    """The most common length of the first batches, and their bounds."""
    lengths: Counter[int] = Counter()
    bounds = []
    for examples, *_ in itertools.islice(batches, _LOOKED_AT):
        if len(examples):
            bounds.append(_bounds(examples))
            lengths[len(examples)] += 1
            if lengths[len(examples)] == _TYPICAL:
                break
    if not lengths:
        raise ValueError("x gives no batch with an example")
    lows, highs = zip(*bounds, strict=True)
    return max(lengths, key=lambda m: (lengths[m], m)), (min(lows), max(highs))


def _stacked(batches: Sequence[list[NDArray]], count: int, k: int) -> list[NDArray]:
    parts = (np.stack(part) for part in zip(*batches, strict=True))
    return [part.reshape(count, k, *part.shape[1:]) for part in parts]


def _bounds(numbers: NDArray) -> tuple[float, float]:
    with np.errstate(invalid="ignore"):  # NaN in bfloat16
        return (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)


def _is_number(values: NDArray) -> bool:
    """Whether an array's dtype is one of real numbers; bfloat16, which is not NumPy's, is."""
    return np.can_cast(values.dtype, np.float64, "same_kind")


def _warn_of_lengths(m: int) -> None:
    warnings.warn(f"more than one batch of a pass through x is left out: {_no_batch(m)}", stacklevel=2)


def _no_batch(m: int) -> str:
    return f"x must give batches of m = {m} examples, as most of its first are; dataset.unbatch().batch(m) makes them"
