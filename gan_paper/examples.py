"""The sources of examples of `GAN.fit`, and their checks: array, distribution, `tf.data.Dataset`, `PyDataset`."""

import functools
import itertools
import numbers
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from gan_paper.distributions import EXAMPLES, Distribution

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

BATCHED = (tf.data.Dataset, keras.utils.PyDataset)
"""Sources that have batches of their own."""
_CHUNK = 10_000  # draws with one seed


class Part(NamedTuple):
    """An input of a network: its name in errors, its shape without m, its dtype, and the classes that c may have."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    classes: int | None = None


class Rows:
    """An array x, and c if the GAN is conditional, read in shuffled passes.

    Attributes of every source: `m`; `batches`, the full minibatches in a pass, None without a known end; and `seen`,
    examples that were checked.
    """

    def __init__(self, columns: Sequence[Any], m: int, parts: Sequence[Part]) -> None:
        self._columns = _together(columns, parts)
        self.seen = self._columns[0]
        self.m, self.batches = m, len(self.seen) // m

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """Draw the examples of `count` iterations from `first` on: for each part an array (count, k, m, ...)."""
        order = _shuffled(len(self.seen), first * k * self.m, count * k * self.m, seed)
        return [column[order].reshape(count, k, self.m, *column.shape[1:]) for column in self._columns]


class Draws:
    """A distribution, which gives fresh draws."""

    def __init__(self, p: Distribution, m: int, part: Part) -> None:
        self._p, self._part = p, part
        self.m, self.batches, self.seen = m, None, check_draw(p, part)

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """As `Rows.draw`."""
        shape = (count, k, self.m, *self._part.shape)
        return [self._p.sample(shape, (seed, first, EXAMPLES), drawn_as(self._part.dtype))]


class Batches:
    """The batches of a dataset.

    A `tf.data.Dataset` is read in its own order, pass after pass, and cut into batches of m examples; the remainder
    of a pass is left out. A `PyDataset` is read by index, in another order each pass: if its items are pure
    functions of the index, a minibatch is one of seed and iteration. In place of an item that has not m examples comes
    the one at the same position of the next pass. m is the length of the longer of the first two batches. The labels
    of (x, y) are ignored.
    """

    def __init__(self, dataset: Any, parts: Sequence[Part]) -> None:
        self._dataset, self._parts = dataset, parts
        self._stream: Any = None
        if isinstance(dataset, tf.data.Dataset):
            cardinality = int(dataset.cardinality())
            self.batches = None if cardinality < 0 else cardinality
            first = dataset.as_numpy_iterator()
        else:
            self.batches = dataset.num_batches
            if self.batches is None:
                raise ValueError("x must be a PyDataset with an end: its num_batches is None")
            first = map(dataset.__getitem__, range(self.batches))
        self.seen = max((self._columns(batch)[0] for batch in itertools.islice(first, 2)), key=len, default=np.empty(0))
        self.m = len(self.seen)
        if not self.m:
            raise ValueError("x gives no batch with an example")
        if isinstance(dataset, tf.data.Dataset):
            used = dataset.map(lambda *batch: batch[: len(parts)])  # labels may have other lengths, or none
            self._stream = used.rebatch(self.m, drop_remainder=True).repeat().as_numpy_iterator()

    def draw(self, first: int, count: int, k: int, seed: int) -> list[NDArray]:
        """As `Rows.draw`."""
        order = range(first * k, (first + count) * k)
        batches = [self._next() if self._stream else self._item(number, seed) for number in order]
        return [np.stack(part).reshape(count, k, *part[0].shape) for part in zip(*batches, strict=True)]

    def _next(self) -> list[NDArray]:
        batch = next(self._stream, None)
        if batch is None:  # TensorFlow ends a repeated dataset at a pass without any batch
            raise ValueError(f"a pass through x gave no batch of m = {self.m} examples")
        return self._columns(batch)

    def _item(self, number: int, seed: int) -> list[NDArray]:
        """The item at position `number` of all passes; if it does not have m examples, the one a pass later."""
        size = self._dataset.num_batches
        if number % size == 0:
            self._dataset.on_epoch_begin()
        for other in itertools.count(number, size):
            index = int(_shuffled(size, other, 1, seed)[0])
            columns = self._columns(self._dataset[index])
            if len(columns[0]) == self.m:
                break
            if index < size - 1:  # the last item of a sequence is often shorter
                warnings.warn(f"item {index} of x is left out: it has not m = {self.m} examples", stacklevel=2)
        if (number + 1) % size == 0:
            self._dataset.on_epoch_end()
        return columns

    def _columns(self, batch: Any) -> list[NDArray]:
        """The arrays of a batch that the networks take."""
        values = batch if isinstance(batch, tuple | list) else (batch,)
        if len(values) < len(self._parts):
            raise ValueError("x must give batches (x, c), since the discriminator takes both")
        return _together(values, self._parts)


def source(x: Any, c: Any, batch_size: int | None, parts: Sequence[Part]) -> Rows | Draws | Batches:
    """The source of minibatches from `x`, with `c` if there are two parts.

    Raises:
        ValueError: if an argument does not fit; the message names it.
    """
    if is_distribution(x) and len(parts) == 2:
        raise ValueError("x must be an array or a data set of pairs (x, c), since the discriminator takes both")
    if (c is None) == (len(parts) == 2 and not isinstance(x, BATCHED)):
        raise ValueError(
            "c must be given with an array x to a conditional GAN, whose networks have two inputs, and to no other; "
            "a data set gives batches (x, c)"
        )
    if isinstance(x, BATCHED):
        if batch_size is not None:
            raise ValueError("batch_size must be left out where x is a data set of batches: they are the minibatches")
        return Batches(x, parts)
    m = 32 if batch_size is None else integer("batch_size", batch_size)
    return Draws(x, m, parts[0]) if is_distribution(x) else Rows([x, c], m, parts)


def is_distribution(x: Any) -> bool:
    """Whether x is a distribution. A pandas object has a method `sample`, too, but is an array."""
    return hasattr(x, "sample") and not hasattr(x, "__array__")


def integer(name: str, value: Any, least: int = 1) -> int:
    """Return an argument that is an integer, of Python or NumPy, of at least `least`; a ValueError names any other."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
    return int(value)


def check_draw(p: Any, part: Part) -> NDArray:
    """Draw ten examples from a distribution; a ValueError names one that cannot be trained on."""
    shape = (2, 1, 5, *part.shape)
    try:
        values = np.asarray(p.sample(shape, (0, 0, EXAMPLES), drawn_as(part.dtype)))
    except Exception as error:  # whatever somebody's own code raises
        raise ValueError(f"{part.name}.sample(shape, seed, dtype) fails for shape {shape}: {error!r}") from error
    if values.shape != shape:
        raise ValueError(f"{part.name}.sample was asked for an array of shape {shape}, and gives one of {values.shape}")
    return array(values, Part(f"{part.name}.sample", shape[1:], part.dtype))


def fresh(p: Distribution, count: int, part: Part, seed: int, purpose: int) -> NDArray:
    """Draw (count, ...), each chunk of 10,000 with a seed of its own."""
    seed, sizes = integer("seed", seed, 0), [min(_CHUNK, count - begin) for begin in range(0, count, _CHUNK)]
    draws = (((size, *part.shape), (seed, index, purpose)) for index, size in enumerate(sizes))
    return np.concatenate([p.sample(*draw, drawn_as(part.dtype)) for draw in draws])


def array(values: Any, part: Part) -> NDArray:
    """Return the user's numbers as an array (N, ...); a ValueError names those that do not fit. (N,) becomes (N, 1)."""
    found, dtype = np.asarray(values), tf.as_dtype(part.dtype)
    if not np.can_cast(found.dtype, np.float64, "same_kind"):  # bfloat16's `kind` is not that of a float
        kinds = "an array of numbers, a distribution with a method `sample`, a tf.data.Dataset or a PyDataset"
        raise ValueError(
            f"{part.name} must be {kinds if part.name == 'x' else 'an array of numbers'}, "
            f"not {type(values).__name__} of {found.dtype}"
        )
    if np.ma.is_masked(values):
        raise ValueError(f"{part.name} is an array with masked values: {part.name}.filled(value) gives them one")
    if found.ndim == 1 and part.shape == (1,):
        found = found[:, None]
    if found.ndim == 0 or found.shape[1:] != part.shape:
        taken = ", ".join(map(str, ("N", *part.shape)))
        raise ValueError(f"{part.name} must be of shape ({taken}), as the discriminator takes it, not {found.shape}")
    with np.errstate(invalid="ignore"):  # NaN in bfloat16
        low, high = float(found.min(initial=0)), float(found.max(initial=0))
    least, most = (0, part.classes - 1) if part.classes else (float(dtype.min), float(dtype.max))
    is_whole = dtype.is_floating or found.dtype.kind in "iub" or np.equal(found % 1, 0).all()
    if not (least <= low and high <= most and is_whole):
        raise ValueError(
            f"{part.name} must be finite numbers of {part.dtype} from {least:.3g} to {most:.3g}, "
            f"not from {low:.3g} to {high:.3g}"
        )
    return found


def drawn_as(dtype: str) -> type[np.floating]:
    """The dtype in which NumPy draws numbers that are then cast to `dtype`: it draws none of 16 bits."""
    return np.float64 if dtype == "float64" else np.float32


def _together(values: Sequence[Any], parts: Sequence[Part]) -> list[NDArray]:
    """One array for each part, all with the same number of rows."""
    columns = [array(value, part) for value, part in zip(values, parts, strict=False)]
    rows = [len(column) for column in columns]
    if len(set(rows)) > 1:
        raise ValueError(f"c must have as many rows as x, {rows[0]}, not {rows[1]}")
    return columns


def _shuffled(size: int, first: int, count: int, seed: int) -> NDArray[np.int64]:
    """Row numbers: items `first` to `first + count` of endless shuffled passes through `size` rows."""
    passes = range(first // size, (first + count - 1) // size + 1)
    order = [_permutation(size, seed, n)[max(0, first - n * size) : first + count - n * size] for n in passes]
    return np.concatenate(order)


@functools.lru_cache(maxsize=8)
def _permutation(size: int, seed: int, number: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, number)).permutation(size)
