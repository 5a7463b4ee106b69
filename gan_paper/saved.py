"""Loading a saved network from a file that nobody vouches for: as data, of which nothing is executed."""

import collections
import io
import json
import math
import re
import reprlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import keras
import numpy as np
from keras.initializers import GlorotUniform, RandomUniform, Zeros
from keras.layers import Dense, InputLayer, LeakyReLU, ReLU, Rescaling
from numpy.typing import NDArray

from gan_paper.networks import Dropout, Maxout, elu


def load(path: Path) -> keras.Sequential:
    """The network that a run left in a `.keras` file, `generator.keras` or `discriminator.keras`.

    The file may be anybody's. It is read as data: nothing in it is executed, looked up by its name or extracted, and
    Keras's own loading has no part in it. What is made are the layers of `networks`, with arguments that
    were checked, and their weights. The memory taken is in proportion to the file's length.

    Args:
        path: The file, of 256 MiB at most.

    Returns:
        The network, not compiled, with the saved one's outputs to the last bit.

    Raises:
        ValueError: if there is no such file or it holds anything else, in one line that begins with `path`.
    """
    try:
        members = _members(path)
        saved = _make(_json(members["config.json"]), [_SEQUENTIAL])
        weights = _weights(saved.layers, members["model.weights.h5"])
        network = keras.Sequential(saved.layers, saved.trainable, saved.name)
        for layer, arrays in zip(saved.layers, weights, strict=True):
            layer.set_weights(arrays)
    except Exception as error:  # what zipfile, json, h5py and Keras raise on nonsense has no end
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be loaded as a network of this project: {reason}") from None
    return network


_LARGEST_FILE = 2**28
_LARGEST_CONFIG = 2**16
_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


def _members(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise ValueError("there is no such file")
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise ValueError(f"it is {size} bytes long, and at most {_LARGEST_FILE} are read")
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        names = [member.filename for member in archive.infolist()]
        if sorted(names) != sorted(_MEMBERS):
            raise ValueError(f"it holds {reprlib.repr(names)}, not {', '.join(_MEMBERS)}, once each")
        for member in archive.infolist():
            # Keras compresses nothing, so no member is longer than the file.
            if member.compress_type != zipfile.ZIP_STORED or max(member.file_size, member.compress_size) > size:
                raise ValueError(f"its {member.filename} is compressed or claims to be longer than the file")
        return {name: archive.read(name) for name in names}  # to the end, where zipfile checks the CRC


def _json(text: bytes) -> Any:
    if len(text) > _LARGEST_CONFIG:
        raise ValueError(f"its config.json is {len(text)} bytes long, and at most {_LARGEST_CONFIG} are read")
    return json.loads(text)


class _Saved(NamedTuple):
    # A network whose layers have no weights yet.
    layers: list[keras.layers.Layer]
    name: str
    trainable: bool
    dtype: str
    build_input_shape: tuple[None, int]


class _Kind(NamedTuple):
    # What a file may describe: its module, class name and registered name, what makes one, and that one's arguments,
    # each with a function that checks what was saved and turns it into the argument.
    saved_as: tuple[str, str, str | None]
    make: Callable[..., Any]
    arguments: Mapping[str, Callable[[Any], Any]]


def _make(saved: Any, kinds: list[_Kind]) -> Any:
    """What `saved` describes, if it is of one of these kinds: nothing else is ever called.

    What Keras writes beside the three names and the arguments (how it was built, compiled and shared) is not needed.
    """
    if not isinstance(saved, dict) or not isinstance(saved.get("config"), dict):
        raise ValueError(f"{reprlib.repr(saved)} describes no object")
    saved_as = tuple(saved.get(key) for key in ("module", "class_name", "registered_name"))
    for kind in kinds:
        if kind.saved_as == saved_as:
            break
    else:
        raise ValueError(f"{reprlib.repr(saved_as)} is not accepted here")
    arguments = {}
    for key, value in saved["config"].items():
        if key not in kind.arguments:
            raise ValueError(f"{kind.saved_as[1]} has no {reprlib.repr(key)}")
        try:
            arguments[key] = kind.arguments[key](value)
        except ValueError as error:
            raise ValueError(f"{kind.saved_as[1]}.{key}: {error}") from None
    return kind.make(**arguments)


def _one_of(*accepted: Any) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not any(type(value) is type(x) and value == x for x in accepted):
            raise ValueError(f"{reprlib.repr(value)} is not one of {', '.join(map(repr, accepted))}")
        return value

    return check


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"{reprlib.repr(value)} is not a whole number from {least} to {most}")
        return value

    return check


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{reprlib.repr(value)} is not a finite number")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[a-zA-Z0-9_]{1,100}", value):
        raise ValueError(f"{reprlib.repr(value)} is not a name")
    return value


def _shape(value: Any) -> tuple[None, int]:
    if not isinstance(value, list) or len(value) != 2 or value[0] is not None:
        raise ValueError(f"{reprlib.repr(value)} is not [null, n]")
    return None, _size(value[1])


def _dtype(value: Any) -> str:
    return _make(value, [_POLICY]) if isinstance(value, dict) else _float(value)


def _activation(value: Any) -> Callable[[Any], Any]:
    return _ACTIVATIONS[_one_of(*_ACTIVATIONS)(value)]


def _initializer(value: Any) -> keras.Initializer:
    return _make(value, _INITIALIZERS)


def _layers(value: Any) -> list[keras.layers.Layer]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{reprlib.repr(value)} is not a list of layers")
    return [_make(value[0], [_INPUT]), *(_make(layer, _LAYERS) for layer in value[1:])]


_size = _whole(1, 2**24)
_flag = _one_of(True, False)
_none = _one_of(None)
_float = _one_of("float32", "float64")

_ACTIVATIONS = {
    "linear": keras.activations.linear,
    "relu": keras.activations.relu,
    "elu": elu,
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
}
_POLICY = _Kind(("keras", "DTypePolicy", None), lambda name: name, {"name": _float})
_INITIALIZERS = [
    _Kind(("keras.initializers", "Zeros", None), Zeros, {}),
    _Kind(
        ("keras.initializers", "GlorotUniform", None),
        GlorotUniform,
        {"seed": _none, "input_axes": _none, "output_axes": _none},
    ),
    _Kind(
        ("keras.initializers", "RandomUniform", None),
        RandomUniform,
        {"seed": _none, "minval": _number, "maxval": _number},
    ),
]
_INPUT = _Kind(
    ("keras.layers", "InputLayer", None),
    InputLayer,
    {
        "name": _name,
        "batch_shape": _shape,
        "dtype": _float,
        "sparse": _one_of(False),
        "ragged": _one_of(False),
        "optional": _one_of(False),
    },
)
_OF_A_LAYER = {"name": _name, "trainable": _flag, "dtype": _dtype}
_LAYERS = [
    _Kind(
        ("keras.layers", "Dense", None),
        Dense,
        {
            **_OF_A_LAYER,
            "units": _size,
            "activation": _activation,
            "use_bias": _one_of(True),
            "kernel_initializer": _initializer,
            "bias_initializer": _initializer,
            "kernel_regularizer": _none,
            "bias_regularizer": _none,
            "kernel_constraint": _none,
            "bias_constraint": _none,
            "quantization_config": _none,
        },
    ),
    _Kind(
        ("keras.layers", "ReLU", None),
        ReLU,
        {
            **_OF_A_LAYER,
            "max_value": _none,
            "negative_slope": _number,
            "threshold": _number,
        },
    ),
    _Kind(("keras.layers", "LeakyReLU", None), LeakyReLU, {**_OF_A_LAYER, "negative_slope": _number}),
    _Kind(("keras.layers", "Rescaling", None), Rescaling, {**_OF_A_LAYER, "scale": _number, "offset": _number}),
    _Kind(
        ("gan_paper.networks", "Maxout", "gan_paper>Maxout"),
        Maxout,
        # Each piece is an operation of its own.
        {**_OF_A_LAYER, "units": _size, "pieces": _whole(1, 100), "kernel_initializer": _initializer},
    ),
    _Kind(
        ("gan_paper.networks", "Dropout", "gan_paper>Dropout"),
        Dropout,
        {**_OF_A_LAYER, "rate": _number, "seed": _whole(0, 2**32 - 1)},
    ),
]
_SEQUENTIAL = _Kind(
    ("keras", "Sequential", None),
    _Saved,
    {**_OF_A_LAYER, "layers": _layers, "build_input_shape": _shape},
)


def _weights(layers: list[keras.layers.Layer], saved: bytes) -> list[list[NDArray]]:
    """The weights of each layer. None has any yet: those that it will make are of these sizes, so they fit as well."""
    weights: list[list[NDArray]] = []
    inputs = layers[0].batch_shape[-1]
    seen: collections.Counter[str] = collections.Counter()
    left = len(saved)
    with h5py.File(io.BytesIO(saved), "r") as file:
        for layer in layers:
            shapes: list[tuple[int, ...]] = []
            dtype = "uint32" if isinstance(layer, Dropout) else layer.variable_dtype
            if isinstance(layer, Dropout):
                shapes = [()]
            elif isinstance(layer, Dense | Maxout):
                outputs = layer.units * getattr(layer, "pieces", 1)
                shapes = [(inputs, outputs), (outputs,)]
                inputs = layer.units
            # Two datasets may be the same bytes of the file.
            left -= sum(map(math.prod, shapes)) * np.dtype(dtype).itemsize
            if left < 0:
                raise ValueError(f"its layers have more weights than its {len(saved)} bytes of model.weights.h5")
            # As Keras names them: dense, dense_1, dense_2, ...
            kind = type(layer).__name__.lower()
            group = f"layers/{kind}_{seen[kind]}" if seen[kind] else f"layers/{kind}"
            seen[kind] += 1
            weights.append([_array(file, f"{group}/vars/{i}", shape, dtype) for i, shape in enumerate(shapes)])
    return weights


def _array(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str) -> NDArray:
    found = file
    for part in name.split("/"):
        links = found.id.links if isinstance(found, h5py.Group) else None
        # A link of another kind may lead out of the file.
        if links is None or not links.exists(part.encode()) or links.get_info(part.encode()).type != h5py.h5l.TYPE_HARD:
            raise ValueError(f"its model.weights.h5 holds no {name}")
        found = found[part]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"its model.weights.h5 holds no array {name}")
    # Only an array that the file holds in one piece has an offset: none in chunks, in other files or never written.
    # Looked at before the shape, for which HDF5 may open the files that a virtual array comes from.
    if not found.id.get_offset():
        raise ValueError(f"its {name} is not stored as one piece of model.weights.h5")
    if found.shape != shape or found.id.get_type() != h5py.h5t.py_create(np.dtype(dtype)):
        raise ValueError(f"its {name}, of shape {found.shape}, is not {dtype} of shape {shape}")
    return np.asarray(found[()])
