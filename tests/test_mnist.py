import gzip
import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from gan_paper import mnist

HUGE = bytes(2**24)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("loading a file executed code from it",))


@pytest.fixture
def arrays(monkeypatch):
    """A small set that the module takes for MNIST."""
    rng = np.random.default_rng(0)
    small = {name: rng.integers(0, 256, (n, 28, 28), np.uint8) for name, n in (("x_train", 7), ("x_test", 3))}
    digests = {name: hashlib.sha256(x.tobytes()).hexdigest() for name, x in small.items()}
    parts = [part._replace(images=len(small[part.array]), digest=digests[part.array]) for part in mnist.PARTS]
    monkeypatch.setattr(mnist, "PARTS", tuple(parts))
    monkeypatch.setattr(mnist, "VALIDATION", 2)
    return small


def idx(images, magic=2051):
    return struct.pack(">4I", magic, *images.shape) + images.tobytes()


def idx_folder(folder, arrays, **replaced):
    """A folder of IDX files; `train` or `test` replaces the content of one."""
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(replaced.get("train", idx(arrays["x_train"])))
    (folder / "t10k-images-idx3-ubyte").write_bytes(replaced.get("test", idx(arrays["x_test"])))
    return folder


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(path, arrays, compression=zipfile.ZIP_DEFLATED, **replaced):
    """An archive in Keras's layout; `x_train` or `x_test` replaces the content of one member, None leaves it out."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in arrays.items():
            content = replaced.get(name, npy(array))
            if content is not None:
                archive.writestr(f"{name}.npy", content)
    return path


def header(text, version=1):
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text.encode()


def refusal(path, part="training"):
    """The reason in the one line with which a path is refused."""
    with pytest.raises(ValueError) as error:
        mnist.load(path)
    line = str(error.value)
    start = f"MNIST's {part} images cannot be read from {path}"
    assert line.startswith(start) and "\n" not in line
    assert line.endswith("; " + accepted())
    return line.removeprefix(start).removesuffix("; " + accepted())


def accepted():
    return (
        "--data takes an .npz file in Keras's layout (x_train and x_test) or a folder of IDX files "
        "(train-images-idx3-ubyte and t10k-images-idx3-ubyte, plain or .gz)"
    )


def check(data, arrays):
    train, test = (arrays[name].reshape(-1, 784) for name in ("x_train", "x_test"))
    np.testing.assert_array_equal(data.train, train[:5])
    np.testing.assert_array_equal(data.validation, train[5:])
    np.testing.assert_array_equal(data.test, test)
    for images in data:
        assert images.dtype == np.uint8 and images.flags.c_contiguous and not images.flags.writeable


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_npz_file_of_which_only_the_images_are_read(tmp_path, arrays, compression):
    path = npz(tmp_path / "mnist.npz", {**arrays, "y_train": arrays["x_test"]}, compression, y_train=b"no array")
    check(mnist.load(path), arrays)


def test_an_npz_file_from_python_2_gives_no_warning(tmp_path, arrays):
    old = header("{'descr': '|u1', 'fortran_order': False, 'shape': (7L, 28L, 28L), }") + arrays["x_train"].tobytes()
    check(mnist.load(npz(tmp_path / "mnist.npz", arrays, x_train=old)), arrays)


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("compressed", ["", "train", "t10k", "train t10k"])
def test_a_folder_of_idx_files(tmp_path, arrays, dot, compressed):
    for stem, array in (("train", "x_train"), ("t10k", "x_test")):
        name, content = f"{stem}-images{dot}idx3-ubyte", idx(arrays[array])
        if stem in compressed:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (tmp_path / name).write_bytes(content)
    check(mnist.load(tmp_path), arrays)


def test_a_folder_with_the_name_of_an_idx_file_is_passed_over(tmp_path, arrays):
    folder = idx_folder(tmp_path / "mnist", arrays)
    (folder / "train-images-idx3-ubyte").rename(folder / "train-images.idx3-ubyte")
    (folder / "train-images-idx3-ubyte").mkdir()
    check(mnist.load(folder), arrays)


def test_a_path_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "missing.npz") == ": No such file or directory"


@pytest.mark.parametrize("content", [b"", b"text", npy(np.zeros(3))])
def test_a_file_that_is_no_archive(tmp_path, content):
    (tmp_path / "mnist.npz").write_bytes(content)
    assert refusal(tmp_path / "mnist.npz") == ": File is not a zip file"


def test_a_truncated_archive(tmp_path, arrays):
    path = npz(tmp_path / "mnist.npz", arrays)
    path.write_bytes(path.read_bytes()[:-30])
    assert refusal(path) == ": File is not a zip file"


def test_a_damaged_archive(tmp_path, arrays):
    path = npz(tmp_path / "mnist.npz", arrays, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1  # a pixel
    path.write_bytes(content)
    assert refusal(path) == ": Bad CRC-32 for file 'x_train.npy'"
    path = npz(tmp_path / "mnist.npz", arrays)
    content = bytearray(path.read_bytes())
    content[30 + len("x_train.npy")] = 0xFF  # where the compressed array begins
    path.write_bytes(content)
    assert refusal(path).startswith(": Error -3 while decompressing data")


def test_an_archive_that_claims_to_be_longer_than_it_is(tmp_path, arrays):
    path = npz(tmp_path / "mnist.npz", arrays, zipfile.ZIP_STORED, x_test=npy(arrays["x_test"])[:1000])
    content = bytearray(path.read_bytes())
    struct.pack_into("<2I", content, content.rindex(b"PK\x01\x02") + 20, 10**6, 10**6)
    path.write_bytes(content)
    assert refusal(path, "test") == ": it ends too early"


def test_an_encrypted_archive(tmp_path, arrays):
    path = npz(tmp_path / "mnist.npz", arrays)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flags of the first member, and again in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted, password required" in refusal(path)


@pytest.mark.parametrize(("array", "part"), [("x_train", "training"), ("x_test", "test")])
def test_a_missing_member(tmp_path, arrays, array, part):
    path = npz(tmp_path / "mnist.npz", arrays, **{array: None})
    assert refusal(path, part) == f": it has no {array}.npy"


@pytest.mark.parametrize(
    ("convert", "found"),
    [
        (lambda x: x.astype(float), "float64 of shape (7, 28, 28)"),
        (lambda x: x.astype(np.int8), "int8 of shape (7, 28, 28)"),
        (lambda x: x.reshape(7, 784), "uint8 of shape (7, 784)"),
        (lambda x: x[:-1], "uint8 of shape (6, 28, 28)"),
        (lambda x: x[:0], "uint8 of shape (0, 28, 28)"),
        (lambda x: np.asfortranarray(x), "uint8 of shape (7, 28, 28) in Fortran order"),
        (lambda x: np.array(7, np.uint8), "uint8 of shape ()"),
    ],
)
def test_an_array_of_another_kind(tmp_path, arrays, convert, found):
    path = npz(tmp_path / "mnist.npz", arrays, x_train=npy(convert(arrays["x_train"])))
    assert refusal(path) == f": x_train.npy is {found}, not uint8 of shape (7, 28, 28)"


def test_a_pickled_array_is_not_opened(tmp_path, arrays):
    pickled = header("{'descr': '|O', 'fortran_order': False, 'shape': (7, 28, 28), }") + pickle.dumps(Bomb())
    path = npz(tmp_path / "mnist.npz", arrays, x_train=pickled)
    assert refusal(path) == ": x_train.npy is object of shape (7, 28, 28), not uint8 of shape (7, 28, 28)"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        pickle.dumps(Bomb()),
        header("{'descr': '|u1', 'fortran_order': False"),  # Python's tokenizer has an error of its own for this
        header("{'descr': '|u1', 'fortran_order': False, 'shape': '\\d'}"),  # and a warning for this
        header("[1, 2]"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (7, 28, 28), }", version=2) + bytes(5488),
        header("(" * 9000),
        header("-" * 9000 + "1"),
        header(" " * 60000),  # NumPy's own message for this has three lines
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (7, 28, 28), }")[:40],
    ],
)
def test_a_member_that_is_no_array(tmp_path, arrays, content):
    path = npz(tmp_path / "mnist.npz", arrays, x_train=content)
    assert refusal(path) == ": x_train.npy is no array in .npy format 1.0"


@pytest.mark.parametrize(("change", "found"), [(-1, "only 5487"), (1, "more")])
def test_a_member_that_is_too_short_or_too_long(tmp_path, arrays, change, found):
    content = npy(arrays["x_train"])
    content = content[:change] if change < 0 else content + b"\0"
    path = npz(tmp_path / "mnist.npz", arrays, x_train=content)
    assert refusal(path) == f": 5488 pixels are needed, and it holds {found}"


@pytest.mark.parametrize(("array", "part"), [("x_train", "training"), ("x_test", "test")])
def test_other_images_in_the_same_layout(tmp_path, arrays, array, part):
    digest = next(p.digest for p in mnist.PARTS if p.array == array)
    other = {**arrays, array: 255 - arrays[array]}
    reason = f"its pixels are not MNIST's: their SHA-256 is {hashlib.sha256(other[array]).hexdigest()[:12]}..."
    expected = f": {reason}, not {digest[:12]}..."
    assert refusal(npz(tmp_path / "mnist.npz", other), part) == expected
    with pytest.raises(ValueError, match="its pixels are not MNIST's"):
        mnist.load(idx_folder(tmp_path / "folder", other))


@pytest.mark.parametrize(("lost", "part"), [("train", "training"), ("t10k", "test")])
def test_a_folder_without_an_idx_file(tmp_path, arrays, lost, part):
    folder = idx_folder(tmp_path / "mnist", arrays)
    name = f"{lost}-images-idx3-ubyte"
    (folder / name).unlink()
    assert refusal(folder, part) == f": it has no {name} or {name}.gz"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda x: b"", "it ends within the header"),
        (lambda x: idx(x)[:15], "it ends within the header"),
        (lambda x: idx(x, magic=2049), "its magic number is 0x00000801, not 0x00000803 as of IDX images"),
        (lambda x: b"a text of some length", "its magic number is 0x61207465, not 0x00000803 as of IDX images"),
        (lambda x: idx(x[:6]), "it claims to hold images of shape (6, 28, 28), not (7, 28, 28)"),
        (lambda x: idx(x.reshape(7, 14, 56)), "it claims to hold images of shape (7, 14, 56), not (7, 28, 28)"),
        (lambda x: idx(x)[:16], "5488 pixels are needed, and it holds only 0"),
        (lambda x: idx(x)[:-1], "5488 pixels are needed, and it holds only 5487"),
        (lambda x: idx(x) + b"\0", "5488 pixels are needed, and it holds more"),
    ],
)
def test_a_bad_idx_file(tmp_path, arrays, change, found):
    folder = idx_folder(tmp_path / "mnist", arrays, train=change(arrays["x_train"]))
    assert refusal(folder) == f"/train-images-idx3-ubyte: {found}"
    (folder / "train-images-idx3-ubyte").unlink()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(change(arrays["x_train"])))
    assert refusal(folder) == f"/train-images-idx3-ubyte.gz: {found}"


def test_a_damaged_gzip_file(tmp_path, arrays):
    folder = idx_folder(tmp_path / "mnist", arrays)
    (folder / "train-images-idx3-ubyte").unlink()
    path, content = folder / "train-images-idx3-ubyte.gz", gzip.compress(idx(arrays["x_train"]))
    path.write_bytes(idx(arrays["x_train"]))
    assert refusal(folder).startswith(f"/{path.name}: Not a gzipped file")
    path.write_bytes(content[:-20])
    assert refusal(folder).startswith(f"/{path.name}: Compressed file ended before")
    path.write_bytes(content[:10] + b"\xff" + content[11:])
    assert refusal(folder).startswith(f"/{path.name}: Error -3 while decompressing data")
    path.write_bytes(content[:-8] + bytes(8))
    assert refusal(folder).startswith(f"/{path.name}: CRC check failed")


@pytest.mark.parametrize("method", ["is_dir", "open"])
def test_a_path_that_may_not_be_read(tmp_path, arrays, monkeypatch, method):
    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    path = npz(tmp_path / "mnist.npz", arrays)
    monkeypatch.setattr(Path, method, denied)  # a mode would not stop an administrator
    assert refusal(path) == ": Permission denied"


def refused_in_little_memory(path):
    tracemalloc.start()
    try:
        reason = refusal(path)
        return reason, tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "compression", "reason"),
    [
        (
            header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,), }"),
            zipfile.ZIP_DEFLATED,
            "x_train.npy is uint8 of shape (1000000000000,), not uint8 of shape (7, 28, 28)",
        ),
        (
            header("{'descr': '|u1', 'fortran_order': False, 'shape': (7, 28, 28), }") + HUGE,
            zipfile.ZIP_DEFLATED,
            "5488 pixels are needed, and it holds more",
        ),
        (
            b"\x93NUMPY\x02\x00" + struct.pack("<I", len(HUGE)) + HUGE,
            zipfile.ZIP_DEFLATED,
            "x_train.npy is no array in .npy format 1.0",
        ),
        (HUGE, zipfile.ZIP_BZIP2, "x_train.npy is compressed in a way that NumPy does not write"),
    ],
)
def test_a_hostile_archive_takes_no_memory(tmp_path, arrays, content, compression, reason):
    path = npz(tmp_path / "mnist.npz", arrays, compression, x_train=content)
    assert refused_in_little_memory(path) == (f": {reason}", True)


def test_a_hostile_idx_file_takes_no_memory(tmp_path, arrays):
    folder = idx_folder(tmp_path / "mnist", arrays, train=struct.pack(">4I", 2051, *3 * [2**32 - 1]))
    path = folder / "train-images-idx3-ubyte"
    reason = f"it claims to hold images of shape {(2**32 - 1,) * 3}, not (7, 28, 28)"
    assert refused_in_little_memory(folder) == (f"/{path.name}: {reason}", True)
    path.unlink()
    with gzip.open(folder / f"{path.name}.gz", "wb", compresslevel=1) as bomb:
        bomb.write(idx(arrays["x_train"]))
        bomb.write(HUGE)
    reason = "5488 pixels are needed, and it holds more"
    assert refused_in_little_memory(folder) == (f"/{path.name}.gz: {reason}", True)


def downloaded(arrays):
    print("Downloading data from far away")
    return (arrays["x_train"], np.zeros(7)), (arrays["x_test"], np.zeros(3))


@pytest.mark.parametrize("terminal", [False, True])
def test_a_download_shows_its_progress_on_a_terminal_only(arrays, monkeypatch, capsys, terminal):
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: downloaded(arrays))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    check(mnist.load(), arrays)
    assert capsys.readouterr().out == ("Downloading data from far away\n" if terminal else "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Exception("URL fetch failure on\nhttps://there: None -- unknown"), "URL fetch failure on https://there"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (ValueError("Incomplete or corrupted file detected."), "Incomplete or corrupted file detected."),
    ],
)
def test_a_failed_download_says_what_to_do(monkeypatch, error, reason):
    def fail():
        raise error

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(ValueError) as refused:
        mnist.load()
    line = str(refused.value)
    assert line.startswith("MNIST cannot be downloaded (") and reason in line and "\n" not in line
    assert line.endswith("; pass --data PATH with " + accepted().removeprefix("--data takes "))


def test_a_download_of_something_else_is_refused(arrays, monkeypatch):
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: downloaded({**arrays, "x_test": arrays["x_train"]}))
    with pytest.raises(ValueError, match=r"cannot be downloaded \(its pixels are not MNIST's"):
        mnist.load()


def test_a_file_is_read_without_keras(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from gan_paper import mnist\n"
        "try:\n    mnist.load(pathlib.Path('missing'))\n"
        "except ValueError:\n    print('keras' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.stdout == "False\n"


@pytest.mark.skipif("GAN_PAPER_MNIST" not in os.environ, reason="GAN_PAPER_MNIST names no file or folder")
def test_the_real_images():
    data = mnist.load(Path(os.environ["GAN_PAPER_MNIST"]))
    assert [images.shape for images in data] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    for images in data:
        assert images.dtype == np.uint8 and images.flags.c_contiguous and not images.flags.writeable
        assert images.min() == 0 and images.max() == 255
    # The sums of the file's first 50,000 training images, its last 10,000, and its test images.
    assert [int(images.sum(dtype=np.int64)) for images in data] == [1_309_089_051, 258_209_494, 264_923_200]
