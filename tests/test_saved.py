import contextlib
import copy
import io
import json
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.initializers import RandomUniform
from keras.layers import Dense, LeakyReLU, ReLU, Rescaling

from gan_paper import networks, saved
from gan_paper.networks import Dropout, Maxout

WATCHED = (
    "compile",
    "exec",
    "import",
    "marshal.loads",
    "open",
    "os.",
    "pickle.find_class",
    "shutil.",
    "socket.",
    "subprocess.",
)
allowed: set[str] | None = None
"""While a network is loaded: the only files that may be opened."""


def watch(event, arguments):
    if allowed is None or not event.startswith(WATCHED) or event in ("os.scandir", "os.listdir"):
        return
    if event != "open" or str(arguments[0]) not in allowed or arguments[1] not in ("r", "rb"):
        pytest.fail(f"loading a file caused {event} {arguments}")  # no Exception, so that nothing can swallow it


sys.addaudithook(watch)  # for good, as Python has it


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("loading a file executed code from it",))


@keras.saving.register_keras_serializable("tests")
class Trap(keras.layers.Layer):
    def __init__(self, *args, **kwargs):
        pytest.fail("loading a file made an object that only its config asked for")

    @classmethod
    def from_config(cls, config):
        return cls()


def load(path):
    """`saved.load`, while nothing may be executed and no other file opened."""
    global allowed
    allowed = {str(path)}
    try:
        return saved.load(path)
    finally:
        allowed = None


def network():
    """One layer of each kind."""
    return keras.Sequential(
        [
            keras.Input((3,)),
            Dense(4, activation=networks.elu, name="first"),
            LeakyReLU(0.1),
            Rescaling(2.0, 0.5),
            Maxout(5, 2, RandomUniform(-1, 1)),
            Dropout(0.5),
            networks.torch_dense(5, 4),
            ReLU(),
            networks.torch_dense(4, 1, "sigmoid"),
        ],
        name="discriminator",
    )


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "discriminator.keras"
    network().save(path)
    saved.load(path)  # what Python imports at the first use, it has imported
    return path


@pytest.fixture
def rewritten(good, tmp_path):
    """Write the good file again with another config, other weights, or other members."""

    def rewrite(config=None, weights=None, members=None, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(good) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        if config is not None:
            contents["config.json"] = json.dumps(config).encode()
        if weights is not None:
            file = io.BytesIO(contents["model.weights.h5"])
            with h5py.File(file, "r+") as h5:
                weights(h5)
            contents["model.weights.h5"] = file.getvalue()
        path = tmp_path / "bad.keras"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in {**contents, **(members or {})}.items():
                if content is not None:
                    archive.writestr(name, content)
        return path

    return rewrite


@pytest.fixture
def config(good):
    with zipfile.ZipFile(good) as archive:
        return json.loads(archive.read("config.json"))


def refused(path, reason=""):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as error:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(error.value)
    assert message.startswith(str(path)) and message.isprintable() and len(message) < len(str(path)) + 500, message
    assert reason in message
    assert peak < 5_000_000
    return message


def same(a, b):
    assert (a.name, a.input_shape, a.output_shape) == (b.name, b.input_shape, b.output_shape)
    assert [layer.get_config() for layer in a.layers] == [layer.get_config() for layer in b.layers]
    for left, right in zip(a.get_weights(), b.get_weights(), strict=True):
        assert left.dtype == right.dtype and np.array_equal(left, right)
    x = np.random.default_rng(0).normal(size=(20, *a.input_shape[1:])).astype(a.input_dtype)
    for training in (False, True):
        assert np.array_equal(a(x, training=training), b(x, training=training))


@pytest.mark.parametrize(
    "made",
    [
        lambda: networks.notebook_generator(7, 3),
        lambda: networks.notebook_discriminator(7),
        lambda: networks.standardised_generator(7, 3, 4.0, 1.25),
        lambda: networks.standardised_discriminator(7, 4.0, 1.25),
        networks.uniform_to_gaussian_generator,
        networks.uniform_to_gaussian_discriminator,
        networks.sine_generator,
        networks.sine_discriminator,
        lambda: networks.paper_generator(np.full(784, 0.1)),
        networks.paper_discriminator,
        networks.dense_generator,
        networks.dense_discriminator,
        network,
    ],
)
def test_every_network_comes_back(made, tmp_path):
    made = made()
    made(np.zeros((1, *made.input_shape[1:])), training=True)  # dropout counts its calls
    made.save(tmp_path / "a.keras")
    loaded = saved.load(tmp_path / "a.keras")
    same(loaded, made)
    # This module's own elu too, from which Keras's differs in the last bits.
    for left, right in zip(loaded.layers, made.layers, strict=True):
        assert getattr(left, "activation", None) is getattr(right, "activation", None)


def test_double_precision_comes_back(tmp_path, float64):
    made = network()
    made.save(tmp_path / "a.keras")
    keras.config.set_dtype_policy("float32")
    same(saved.load(tmp_path / "a.keras"), made)


def test_a_good_file_is_read_and_nothing_else_is_touched(good):
    same(load(good), keras.models.load_model(good))


def test_a_lambda_is_refused(tmp_path):
    path, sentinel = tmp_path / "lambda.keras", tmp_path / "executed"
    name = str(sentinel)
    lambdas = keras.layers.Lambda(lambda x: (x, __import__("pathlib").Path(name).touch())[0])
    keras.Sequential([keras.Input((3,)), lambdas]).save(path)
    sentinel.unlink()
    keras.models.load_model(path, safe_mode=False)
    assert sentinel.exists()  # the trap works
    sentinel.unlink()
    refused(path, "Lambda")
    assert not sentinel.exists()


def evil(tmp_path):
    trap = {"module": "test_saved_models", "class_name": "Trap", "registered_name": "tests>Trap", "config": {}}
    command = f"touch {tmp_path / 'executed'}"
    return [
        trap,
        {"module": "os", "class_name": "system", "registered_name": None, "config": {"command": command}},
        {"module": "os", "class_name": "function", "registered_name": "system", "config": "system"},
        {"module": "builtins", "class_name": "function", "registered_name": "Trap", "config": "tests>Trap"},
        {**trap, "module": "keras.layers", "class_name": "Dense"},
        {**trap, "module": ["os"], "class_name": {"a": 1}},
        {"class_name": "__lambda__", "config": {"value": "4wAAAAA="}},
        {"class_name": "__typespec__", "spec_name": "Trap", **trap},
        {
            "module": "keras.layers",
            "class_name": "TorchModuleWrapper",
            "registered_name": None,
            "config": {"module": pickle.dumps(Bomb()).hex(), "name": "torch"},
        },
        {
            "module": "keras.layers",
            "class_name": "TFSMLayer",
            "registered_name": None,
            "config": {"filepath": str(tmp_path), "name": "tfsm"},
        },
        {"module": "keras.utils", "class_name": "get_file", "registered_name": None, "config": {"origin": "http://x"}},
        "tests>Trap",
        "os.system",
    ]


PLACES = ["name", "trainable", "dtype", "units", "activation", "use_bias", "kernel_initializer", "bias_initializer"]
PLACES += ["kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint", "quantization_config"]


def test_nothing_but_what_this_project_saves_is_made(rewritten, config, tmp_path):
    for thing in evil(tmp_path):
        if isinstance(thing, dict):
            refused(rewritten(thing))
        for layer in (0, 1):
            bad = copy.deepcopy(config)
            bad["config"]["layers"][layer] = thing
            refused(rewritten(bad), "layers")
        for place in [*PLACES, "lora_rank"]:
            bad = copy.deepcopy(config)
            bad["config"]["layers"][1]["config"][place] = thing
            refused(rewritten(bad), place)
        for place in ("name", "trainable", "dtype", "layers", "build_input_shape"):
            bad = copy.deepcopy(config)
            bad["config"][place] = thing
            refused(rewritten(bad), place)
    assert not (tmp_path / "executed").exists()


def test_how_it_was_compiled_and_built_is_not_read(rewritten, config, good, tmp_path):
    for part in (config, config["config"]["layers"][1]):
        part["compile_config"] = {str(i): thing for i, thing in enumerate(evil(tmp_path))}
        part["build_config"] = evil(tmp_path)[0]
    same(load(rewritten(config)), saved.load(good))


@pytest.mark.parametrize(
    ("layer", "key", "value"),
    [
        (0, "batch_shape", [None, 10**9]),
        (0, "batch_shape", [10**9, 3]),
        (0, "batch_shape", [None, 4]),
        (0, "batch_shape", [None, 3, 3]),
        (0, "dtype", "string"),
        (0, "sparse", True),
        (1, "units", 10**9),
        (1, "units", 2**24),
        (1, "units", 0),
        (1, "units", -1),
        (1, "units", 4.0),
        (1, "name", "a/../b"),
        (1, "name", "dense\n"),
        (1, "name", "\ud800"),
        (1, "dtype", "float16"),
        (1, "use_bias", False),
        (2, "negative_slope", -1.0),
        (3, "scale", [1.0] * 3),
        (3, "scale", float("nan")),
        (3, "offset", float("inf")),
        (3, "offset", 10**4000),
        (4, "pieces", 10**9),
        (4, "pieces", 10),
        (4, "units", 2**24),
        (5, "rate", 1.0),
        (5, "seed", 2**32),
        (5, "seed", None),
        (6, "name", "first"),
        (6, "units", 5),
        (8, "units", True),
    ],
)
def test_arguments_out_of_range(rewritten, config, layer, key, value):
    config["config"]["layers"][layer]["config"][key] = value
    refused(rewritten(config))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"[" * 60_000,
        b'{"a": ' * 10_000,
        b"1" * 60_000,
        b"\xff\xfe\x00",
        b"[" + b"[]," * 500_000 + b"[]]",
        b"\x80\x04N.",
        b'{"module": "keras", "class_name": "Sequential", "registered_name": null, "config": {}}',
        b'{"module": "keras", "class_name": "Sequential", "registered_name": null, "config": {"layers": []}}',
    ],
)
def test_other_configs(rewritten, text):
    refused(rewritten(members={"config.json": text}))


def kernel(file):
    return file["layers/dense/vars"]


def replaced(make):
    """What puts something else in the place of the first kernel, (3, 4)."""

    def edit(file):
        del kernel(file)["0"]
        make(kernel(file))

    return edit


def claimed(shape, chunks=None):
    """An array that was never written, so that it takes no space."""

    def make(group):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if chunks:
            properties.set_chunk(chunks)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
        space = h5py.h5s.create_simple(shape)
        h5py.h5d.create(group.id, b"0", h5py.h5t.NATIVE_FLOAT, space, properties)

    return replaced(make)


@pytest.mark.parametrize(
    "edit",
    [
        replaced(lambda group: None),
        replaced(lambda group: group.create_group("0")),
        replaced(lambda group: group.create_dataset("0", data=np.zeros((4, 3), "f"))),
        replaced(lambda group: group.create_dataset("0", data=np.zeros(12, "f"))),
        replaced(lambda group: group.create_dataset("0", data=np.zeros((1, 4), "f"))),  # it would broadcast
        replaced(lambda group: group.create_dataset("0", data=0.0)),
        replaced(lambda group: group.create_dataset("0", data=h5py.Empty("f"))),
        replaced(lambda group: group.create_dataset("0", data=np.zeros((3, 4)))),
        replaced(lambda group: group.create_dataset("0", data=np.zeros((3, 4), ">f4"))),
        replaced(lambda group: group.create_dataset("0", data=np.full((3, 4), b"x" * 4))),
        replaced(lambda group: group.create_dataset("0", (3, 4), h5py.string_dtype())),
        replaced(lambda group: group.create_dataset("0", (3, 4), h5py.ref_dtype)),
        replaced(lambda group: group.create_dataset("0", (3, 4), [(f"\x1b[31m{i}", "f4") for i in range(900)])),
        replaced(lambda group: group.create_dataset("0", data=np.zeros((3, 4), "f"), chunks=(1, 1))),
        replaced(lambda group: group.create_dataset("0", data=np.zeros((3, 4), "f"), compression="gzip")),
        replaced(lambda group: group.__setitem__("0", np.dtype("f4"))),
        replaced(lambda group: group.__setitem__("0", h5py.SoftLink("/layers/dense/vars/1"))),
        lambda file: file.pop("layers"),
        lambda file: file.pop("layers/dropout/vars/0"),
        lambda file: file.pop("layers/maxout"),
        claimed((3, 4)),
        claimed((3, 4), (1, 1)),
        claimed((10**6, 10**6)),
        claimed((10**6, 10**6), (1000, 1000)),
    ],
)
def test_weights_that_do_not_fit(rewritten, edit):
    refused(rewritten(weights=edit), "layers/")


@pytest.mark.parametrize("chunks", [None, (3, 2**10)])
def test_a_config_and_weights_that_agree_on_a_huge_size(rewritten, config, chunks):
    units = config["config"]["layers"][1]["config"]["units"] = 2**24
    refused(rewritten(config, claimed((3, units), chunks)), "more weights than")


def test_a_maxout_layer_of_very_many_pieces(rewritten, config):
    config["config"]["layers"][4]["config"]["pieces"] = 10_000

    def edit(file):
        group = file["layers/maxout/vars"]
        del group["0"], group["1"]
        group["0"], group["1"] = np.zeros((4, 50_000), "f"), np.zeros(50_000, "f")

    refused(rewritten(config, edit), "pieces")


def test_the_same_bytes_are_not_read_as_many_weights(rewritten, config):
    size, layers = 100, config["config"]["layers"]
    dense = copy.deepcopy(layers[1])
    dense["config"]["units"] = size
    layers[0]["config"]["batch_shape"] = [None, size]
    layers[1:] = [copy.deepcopy(dense) for _ in range(30)]
    for i, layer in enumerate(layers[1:]):
        layer["config"]["name"] = f"dense_{i}"

    def edit(file):
        del file["layers"]
        group = file.create_group("layers/dense/vars")
        group["0"], group["1"] = np.zeros((size, size), "f"), np.zeros(size, "f")
        for i in range(1, 30):
            file[f"layers/dense_{i}"] = file["layers/dense"]

    refused(rewritten(config, edit), "more weights than")


def test_weights_from_other_files(rewritten, tmp_path):
    other, raw = tmp_path / "other.h5", tmp_path / "raw"
    with h5py.File(other, "w") as file:
        file["0"] = np.zeros((3, 4), "f")
        file["layers/dense/vars/0"] = np.zeros((3, 4), "f")
        file["layers/dense/vars/1"] = np.zeros(4, "f")
    raw.write_bytes(bytes(48))
    layout = h5py.VirtualLayout((3, 4), "f")
    layout[:] = h5py.VirtualSource(other, "0", (3, 4))
    for make in (
        lambda group: group.__setitem__("0", h5py.ExternalLink(other, "/0")),
        lambda group: group.create_dataset("0", (3, 4), "f", external=[(raw, 0, 48)]),
        lambda group: group.create_virtual_dataset("0", layout),
    ):
        refused(rewritten(weights=replaced(make)), "layers/dense/vars/0")

    def edit(file):
        del file["layers/dense"]
        file["layers/dense"] = h5py.ExternalLink(other, "/layers/dense")

    refused(rewritten(weights=edit), "layers/dense/vars/0")


@pytest.mark.parametrize(
    "weights", [b"", b"text", pickle.dumps(Bomb()), b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + b"\xff" * 1000]
)
def test_weights_that_are_no_hdf5(rewritten, weights):
    refused(rewritten(members={"model.weights.h5": weights}))


def test_truncated_weights(rewritten, good):
    with zipfile.ZipFile(good) as archive:
        weights = archive.read("model.weights.h5")
    for length in range(0, len(weights), len(weights) // 20):
        refused(rewritten(members={"model.weights.h5": weights[:length]}))


def test_other_members(rewritten, good, tmp_path):
    bombs = io.BytesIO()
    np.savez(bombs, a=np.array([Bomb()], dtype=object))
    for members in (
        {"model.weights.h5": None, "model.weights.npz": bombs.getvalue()},
        {"../evil": b""},
        {"/evil": b""},
        {"assets/": b""},
        {"\x1b[31m\n" * 1000: b""},
        {"metadata.json": None},
        {"config.json": None, "../config.json": b"{}"},
    ):
        refused(rewritten(members=members), "it holds [")
    assert list(tmp_path.iterdir()) == [tmp_path / "bad.keras"]
    path = rewritten()
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    refused(path, "it holds [")


def patch(path, name, offset, content):
    """Overwrite something in the archive's directory, where a member's 46 bytes stand before its name."""
    archive = bytearray(path.read_bytes())
    at = archive.rindex(name.encode()) - 46 + offset
    archive[at : at + len(content)] = content
    path.write_bytes(archive)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["metadata.json", "config.json", "model.weights.h5"])
def test_bombs(rewritten, compression, name):
    path = rewritten(members={name: bytes(20_000_000)}, compression=compression)
    assert path.stat().st_size < 100_000
    refused(path, "compressed")
    patch(path, name, 24, (10).to_bytes(4, "little"))  # Python would expand more than a member claims to hold
    refused(path, "compressed")


@pytest.mark.parametrize("sizes", [(2**31, 2**31), (2**31, None), (None, 2**31), (None, 0)])
def test_sizes_that_are_not_true(rewritten, sizes):
    path = rewritten()
    for offset, size in zip((20, 24), sizes, strict=True):  # in the file, and in memory
        if size is not None:
            patch(path, "model.weights.h5", offset, size.to_bytes(4, "little"))
    refused(path)


def test_an_encrypted_file(rewritten):
    path = rewritten()
    patch(path, "model.weights.h5", 8, b"\1")
    refused(path, "encrypted")


def test_what_is_no_archive(good, tmp_path):
    path = tmp_path / "a.keras"
    refused(path, "no such file")
    path.mkdir()
    refused(path, "no such file")
    path = tmp_path / "b.keras"
    for content in (b"", b"text\n", pickle.dumps(Bomb()), b"PK\x05\x06" + bytes(18), b"PK\x03\x04"):
        path.write_bytes(content)
        refused(path)
    whole = good.read_bytes()
    for length in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:length])
        refused(path)
    with path.open("r+b") as file:
        file.truncate(2**40)  # it takes no space
    refused(path, "bytes long")


def test_a_flipped_bit_is_noticed_or_changes_nothing(good, tmp_path):
    whole, expected = good.read_bytes(), saved.load(good)
    path = tmp_path / "flipped.keras"
    loaded = 0
    for bit in np.random.default_rng(0).choice(8 * len(whole), 100, replace=False):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(content)
        with contextlib.suppress(ValueError):
            same(load(path), expected)
            loaded += 1
            continue
        refused(path)
    assert loaded < 10


def test_loading_in_another_folder_leaves_nothing_behind(good, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load(good)
    assert list(tmp_path.iterdir()) == [] and list(Path(good).parent.iterdir()) == [good]
