import os

from gan_paper.runs import files
from gan_paper.runs.checkpoints import Checkpoints

import pytest


def write(text):
    return lambda folder: (folder / "weights").write_text(text)


@pytest.fixture
def made(tmp_path):
    made = Checkpoints(tmp_path / "checkpoints")
    for iteration in (0, 10, 20):
        made.save(iteration, write(str(iteration)))
    return made


def test_two_are_kept_and_the_newest_is_found(made):
    assert made.iterations() == [10, 20]
    iteration, folder = made.newest()
    assert iteration == 20 and (folder / "weights").read_text() == "20"
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "weights"]


def test_those_ahead_are_forgotten_and_none_may_be_whole(made):
    made.save(15, write("15"))
    assert made.iterations() == [10, 15]
    made.save(15, write("15 again"))
    assert (made.newest()[1] / "weights").read_text() == "15 again"
    for iteration in (10, 15):
        (made.folder / str(iteration) / "SHA256SUMS").unlink()
    with pytest.raises(ValueError, match="15/SHA256SUMS does not exist"):
        made.newest()


def test_a_failing_write_leaves_the_others_alone(made):
    def fail(folder):
        (folder / "weights").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError):
        made.save(30, fail)
    assert sorted(path.name for path in made.folder.iterdir()) == ["10", "20"] and made.newest()[0] == 20


def test_it_is_in_place_at_once(made, monkeypatch):
    """Until the one renaming there is nothing by that name; afterwards it is whole."""
    seen = []
    rename = os.rename

    def watch(before, after):
        seen.append((made.newest()[0], sorted(path.name for path in before.iterdir())))
        return rename(before, after)

    monkeypatch.setattr(os, "rename", watch)
    made.save(30, write("30"))
    assert seen == [(20, ["SHA256SUMS", "weights"])] and made.newest()[0] == 30


def test_a_sealed_folder_is_checked(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".hidden").touch()
    files.seal(tmp_path)
    assert [line.split("  ")[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()] == ["a", "b"]
    files.check_seal(tmp_path)
    (tmp_path / "c").write_text("not sealed")
    files.check_seal(tmp_path)
    with pytest.raises(ValueError, match="/c is damaged"):
        files.check_seal(tmp_path, ["c"])
    (tmp_path / "b").write_text("c")
    files.check_seal(tmp_path, ["a"])
    with pytest.raises(ValueError, match="/b is damaged"):
        files.check_seal(tmp_path)
    (tmp_path / "b").unlink()
    with pytest.raises(ValueError, match="/b is missing"):
        files.check_seal(tmp_path)


@pytest.mark.parametrize("text", ["", "no sums", "a  b  c"])
def test_a_bad_seal_is_named(tmp_path, text):
    (tmp_path / "a").touch()
    (tmp_path / "SHA256SUMS").write_text(text)
    with pytest.raises(ValueError, match="damaged"):
        files.check_seal(tmp_path, ["a"])


def test_a_seal_names_no_file_outside(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_text("secret")
    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of the word
    (tmp_path / "inside" / "SHA256SUMS").write_text(f"{digest}  ../secret\n")
    with pytest.raises(ValueError, match="damaged"):
        files.check_seal(tmp_path / "inside")
