"""What `GAN.fit` takes examples from, checked: an array, a distribution, a `tf.data.Dataset` or a `PyDataset`."""

import itertools
import operator
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gan_paper.distributions import EXAMPLES, Distribution, Points

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_TYPICAL, _LOOKED_AT = 10, 100  # batches of one length that make it the typical one; batches that are looked at
_MISSES = 1000  # batches of another length, one after another, that end training
DATASETS = (tf.data.Dataset, keras.utils.PyDataset)
"""Those that have their own batches."""
_KINDS = "an array of numbers, a distribution with a method `sample`, a tf.data.Dataset or a keras.utils.PyDataset"


class Part(NamedTuple):
    """What an input of a network takes of a minibatch: its name in errors, its shape without m, its dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Rows:
    """An array, and what comes with each of its rows, gone through in shuffled passes.

    Attributes, of each source: `m`; `batches`, how many full minibatches a pass has, None without a known end; and
    `seen`, examples that were looked at.
    """

    def __init__(self, columns: Sequence[Any], m: int, parts: Sequence[Part]) -> None:
        arrays = _together(columns, parts)
        self._columns = [Points(column) for column in arrays]
        self.m, self.batches, self.seen = m, len(arrays[0]) // m, arrays[0]

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """Those of `count` iterations from `first` on: for each part an array (count, k, m, ...)."""
        shapes = [(count, k, self.m, *column.points.shape[1:]) for column in self._columns]
        position = first * k * self.m
        return [column.epochs(shape, position, seed) for column, shape in zip(self._columns, shapes, strict=True)]


class Draws:
    """A distribution, which gives fresh draws."""

    def __init__(self, p: Distribution, m: int, part: Part) -> None:
        self._p, self._part = p, part
        self.m, self.batches, self.seen = m, None, check_draw(p, part)

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """As of `Rows`."""
        shape = (count, k, self.m, *self._part.shape)
        return [self._p.sample(shape, (seed, first, EXAMPLES), drawn_as(self._part.dtype))]


class Batches:
    """A data set's own batches: those of a `tf.data.Dataset` pass after pass as they come.

    A `PyDataset` is read by index, each pass in an order of its own. In place of a batch of another length comes the
    one of the next pass: so a minibatch is a pure function of the seed and the iteration, if its items are.
    """

    def __init__(self, dataset: Any, parts: Sequence[Part]) -> None:
        self._dataset, self._parts = dataset, parts
        self._left_out: set[int] = set()  # where batches of another length stand in a pass
        self._stream = self._passes() if isinstance(dataset, tf.data.Dataset) else None
        if self._stream:
            if len(parts) == 1 and not isinstance(dataset.element_spec, tf.TensorSpec):
                raise ValueError("x must be a tf.data.Dataset of examples alone, such as dataset.map(lambda x, y: x)")
            cardinality = int(dataset.cardinality())
            self.batches = None if cardinality < 0 else cardinality
            first = dataset.as_numpy_iterator()
        else:
            self.batches = dataset.num_batches
            first = map(dataset.__getitem__, itertools.count() if self.batches is None else range(self.batches))
            self._order = Points(np.arange(self.batches or 1))
        lengths: Counter[int] = Counter()
        for examples, *_ in map(self._columns, itertools.islice(first, _LOOKED_AT)):
            if len(examples):
                self.seen = examples
                lengths[len(examples)] += 1
            if lengths[len(examples)] == _TYPICAL:
                break
        if not lengths.total():
            raise ValueError("x gives no batch with an example")
        self.m = max(lengths, key=lambda m: (lengths[m], m))  # the most common length

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """As of `Rows`."""
        batches, size = [], None if self._stream else self.batches
        for number in range(first * k, (first + count) * k):
            if size and number % size == 0:
                self._dataset.on_epoch_begin()
            batches.append(self._next(self._stream or self._items(number, seed)))
            if size and (number + 1) % size == 0:
                self._dataset.on_epoch_end()
        parts = (np.stack(part) for part in zip(*batches, strict=True))
        return [part.reshape(count, k, *part.shape[1:]) for part in parts]

    def _next(self, batches: Iterator[tuple[int, list[NDArray]]]) -> list[NDArray]:
        """The next of m examples."""
        told = (
            f"x must give batches of m = {self.m} examples, as most of its first are; "
            "dataset.unbatch().batch(m) makes them"
        )
        for index, columns in itertools.islice(batches, _MISSES):
            if len(columns[0]) == self.m:
                return columns
            self._left_out.add(index)
            if len(self._left_out) > 1:
                warnings.warn(f"more than one batch of a pass through x is left out: {told}", stacklevel=2)
        raise ValueError(told)

    def _passes(self) -> Iterator[tuple[int, list[NDArray]]]:
        """The stream's batches, each with where it stands in its pass; it ends with a pass that has none."""
        count = 1
        while count:
            count = 0
            self._left_out.clear()
            for batch in self._dataset.as_numpy_iterator():
                yield count, self._columns(batch)
                count += 1
            if len(self._left_out) == count:
                warnings.warn(f"a pass through x gave no batch of m = {self.m} examples", stacklevel=2)

    def _items(self, number: int, seed: int) -> Iterator[tuple[int, list[NDArray]]]:
        """The item that stands there in its pass, and those that do in the next ones, each with its index."""
        for other in itertools.count(number, self.batches or 1):
            index = other if self.batches is None else int(self._order.epochs((1,), other, seed)[0])
            yield index, self._columns(self._dataset[index])

    def _columns(self, batch: Any) -> list[NDArray]:
        """The arrays of a batch that are used: of (x, y), a PyDataset's labels are not."""
        values = batch if isinstance(batch, tuple | list) else (batch,)
        if len(values) < len(self._parts):
            raise ValueError("x must give batches (x, c), since the discriminator takes both")
        return _together(values, self._parts, "m")


def source(x: Any, c: Any, batch_size: int | None, parts: Sequence[Part]) -> Rows | Draws | Batches:
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
        return Batches(x, parts)
    m = 32 if batch_size is None else integer("batch_size", batch_size)
    if isinstance(x, Points):
        x = x.points
    if is_distribution(x):
        if len(parts) == 2:
            raise ValueError("x must be an array or a data set of pairs (x, c), since the discriminator takes both")
        return Draws(x, m, parts[0])
    if isinstance(x, Iterator):
        raise ValueError(
            f"x must be {_KINDS}, not a {type(x).__name__}, which can be read only once: "
            "tf.data.Dataset.from_generator(function, output_signature=...) calls its function for every pass"
        )
    if c is None and len(parts) == 2:
        raise ValueError("c must be given: the discriminator takes it with the examples")
    return Rows([x, c][: len(parts)], m, parts)


def is_distribution(x: Any) -> bool:
    """Whether it draws examples; a pandas object, which has a `sample` too, is an array."""
    return hasattr(x, "sample") and not hasattr(x, "__array__")


def integer(name: str, value: Any, least: int = 1) -> int:
    """An argument that is a whole number, NumPy's too, of at least `least`; a ValueError names any other."""
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
    return number


def check_draw(p: Any, part: Part) -> NDArray:
    """A distribution's draw of ten, tried, so that a ValueError names one that cannot be trained on."""
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
    return array(values, Part(f"{part.name}.sample", shape[1:], part.dtype))


def array(values: Any, part: Part, count: str = "N") -> NDArray:
    """Somebody's finite numbers (N, ...), checked: a ValueError names those that do not fit. (N,) does for (N, 1)."""
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
    with np.errstate(invalid="ignore"):  # NaN in bfloat16
        low, high = float(numbers.min(initial=0)), float(numbers.max(initial=0))
    if not np.isfinite(high - low):
        raise ValueError(f"{name} holds values that are not finite")
    dtype = tf.as_dtype(part.dtype)
    is_whole = dtype.is_floating or numbers.dtype.kind in "iub" or np.equal(numbers % 1, 0).all()
    if not (float(dtype.min) <= low and high <= float(dtype.max) and is_whole):
        raise ValueError(f"{name} holds values from {low:.3g} to {high:.3g}, which {part.dtype} cannot hold")
    return numbers


def drawn_as(dtype: str) -> type[np.floating]:
    """What NumPy draws numbers in that are then cast to `dtype`: it has no draws of 16 bits."""
    return np.float64 if dtype == "float64" else np.float32


def _together(values: Sequence[Any], parts: Sequence[Part], count: str = "N") -> list[NDArray]:
    """Arrays that have as many rows each, one for each part."""
    columns = [array(value, part, count) for value, part in zip(values, parts, strict=False)]
    rows = [len(column) for column in columns]
    if len(set(rows)) > 1:
        raise ValueError(f"c must have as many rows as x, {rows[0]}, not {rows[1]}")
    return columns


def _is_number(values: NDArray) -> bool:
    """Whether an array's dtype is one of real numbers; bfloat16, which is not NumPy's, is."""
    return np.can_cast(values.dtype, np.float64, "same_kind")
