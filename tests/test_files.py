"""gan_paper/run/files.py, and reading a recording with it."""

from gan_paper import run
from gan_paper.metrics import Recording
from gan_paper.run import files

import numpy as np
import pytest


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    files.write_text(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_bad_recording_gives_one_line_that_names_it(tmp_path):
    recording = Recording({"x": np.linspace(0, 1, 11)})
    recording.record(0, np.full((5, 1), 0.5))
    arrays = recording.arrays()
    files.write_arrays(tmp_path / "good.npz", arrays)
    assert run.read_recording(tmp_path / "good.npz").iterations == [0]
    for name, changes in {
        "unfit": {"counts": arrays["counts"][:, :-1]},
        "no_rows": {"iterations": arrays["iterations"][:0]},
        "words": {"edges": np.array(["a", "b"])},
        "falling": {"edges": arrays["edges"][::-1]},
        "not_finite": {"counts": arrays["counts"] * np.nan},
    }.items():
        np.savez(tmp_path / f"{name}.npz", **{**arrays, **changes})
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "directory.npz").mkdir()
    for name in ("unfit", "no_rows", "words", "falling", "not_finite", "empty", "directory", "missing"):
        with pytest.raises(run.Refused, match=rf"^{tmp_path / name}.npz [^\n]*$"):
            run.read_recording(tmp_path / f"{name}.npz")


def test_samples_come_as_rows(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    np.save(tmp_path / "b.npy", np.zeros((4, 28, 28), np.uint8))
    assert files.read_samples(tmp_path / "a.npy").shape == (3, 1)
    assert files.read_samples(tmp_path / "b.npy").shape == (4, 784)
