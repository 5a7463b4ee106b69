import numpy as np
import pytest

from gan_paper.measure.recording import Recording
from gan_paper.runs import files, recordings


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("loading a file executed code from it",))


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with files.replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def bad_archives(folder):
    good = folder / "good.npz"
    recording = Recording({"entries": np.linspace(0, 1, 11)})
    recording.record(0, np.full((5, 1), 0.5))
    recordings.save(recording, good)
    arrays = dict(np.load(good))
    (folder / "truncated.npz").write_bytes(good.read_bytes()[:300])
    (folder / "text.npz").write_text("not an archive")
    (folder / "empty.npz").write_bytes(b"")
    np.savez(folder / "bomb.npz", edges=np.array([Bomb()], dtype=object))
    np.savez(folder / "lacking.npz", **{k: v for k, v in arrays.items() if k != "counts"})
    np.savez(folder / "unfit.npz", **{**arrays, "counts": arrays["counts"][:, :-1]})
    np.savez(folder / "no_rows.npz", **{**arrays, "iterations": arrays["iterations"][:0]})
    np.savez(folder / "words.npz", **{**arrays, "edges": np.array(["a", "b"])})
    np.savez(folder / "falling.npz", **{**arrays, "edges": arrays["edges"][::-1]})
    np.savez(folder / "not_finite.npz", **{**arrays, "counts": arrays["counts"] * np.nan})
    (folder / "directory.npz").mkdir()
    return [
        "truncated",
        "text",
        "empty",
        "bomb",
        "lacking",
        "unfit",
        "no_rows",
        "words",
        "falling",
        "not_finite",
        "directory",
        "missing",
    ]


def test_a_bad_recording_gives_one_line_that_names_it(tmp_path):
    for name in bad_archives(tmp_path):
        with pytest.raises(ValueError) as error:
            recordings.load(tmp_path / f"{name}.npz")
        assert str(error.value).startswith(str(tmp_path / f"{name}.npz")), name
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array(1.0), "at least two samples"),
        (np.zeros((1, 5)), "at least two samples"),
        (np.zeros((3, 0)), "at least two samples"),
        (np.array([1.0, np.nan]), "not finite"),
        (np.array(["a", "b"]), "real numbers"),
        (np.array([Bomb(), Bomb()], dtype=object), "plain numbers"),
        (b"text", "plain numbers"),
        (b"", "plain numbers"),
    ],
)
def test_bad_samples(tmp_path, content, message):
    path = tmp_path / "samples.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
    with pytest.raises(ValueError, match=message) as error:
        files.read_samples(path)
    assert str(path) in str(error.value)


def test_samples_come_as_rows(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    np.save(tmp_path / "b.npy", np.zeros((4, 28, 28), np.uint8))
    assert files.read_samples(tmp_path / "a.npy").shape == (3, 1)
    assert files.read_samples(tmp_path / "b.npy").shape == (4, 784)
