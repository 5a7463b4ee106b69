import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from matplotlib.backends.backend_pdf import pdfRepr
from PIL import Image

from gan_paper import figures, runs


@dataclass(frozen=True)
class Settings(runs.Settings):
    """A test's settings."""

    preset: Literal["plain", "fast"] = "plain"
    """Which."""
    k: int = 1
    """Steps."""
    rate: float = 0.1
    """Rate."""
    momentum: float = 0.0
    """May be zero."""

    @classmethod
    def ranges(cls):
        return {**super().ranges(), "k": (1, 100), "rate": (1e-9, 1e9), "momentum": (0, 0.999)}


PRESETS = {"plain": Settings(), "fast": Settings(preset="fast", k=3, rate=0.5)}


def test_flags_change_a_presets_settings():
    assert runs.parse(PRESETS, []) == PRESETS["plain"]
    assert runs.parse(PRESETS, ["--preset", "fast"]) == PRESETS["fast"]
    assert runs.parse(PRESETS, ["--k", "7", "--preset=fast", "--seed", "3"]) == Settings("fast", 3, k=7, rate=0.5)


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--preset", "slow"], ["--preset", "slow", "plain", "fast"]),
        (["--preset"], ["--preset"]),
        (["--k", "0"], ["--k", "0", "from 1"]),
        (["--k", "-1"], ["--k", "-1", "from 1"]),
        (["--k", "2.5"], ["--k", "2.5", "INT"]),
        (["--k", "many"], ["--k", "many", "INT"]),
        (["--k", "99999999999999999999"], ["--k", "99999999999999999999", "from 1 to 100"]),
        (["--iterations", "0"], ["--iterations", "0", "from 1"]),
        (["--iterations", "x"], ["--iterations", "x", "INT"]),
        (["--seed", "-1"], ["--seed", "-1", "from 0"]),
        (["--rate", "0"], ["--rate", "0", "from 1e-09"]),
        (["--rate", "nan"], ["--rate", "nan", "from 1e-09"]),
        (["--rate", "inf"], ["--rate", "inf", "from 1e-09"]),
        (["--momentum", "-0.5"], ["--momentum", "-0.5", "from 0 to 0.999"]),
        (["--speed", "3"], ["--speed"]),
        (["stray"], ["stray"]),
    ],
)
def test_a_bad_flag_gives_one_line_that_names_it(flags, parts):
    with pytest.raises(runs.Refused) as refusal:
        runs.parse(PRESETS, flags)
    line = str(refusal.value)
    assert "\n" not in line and all(part in line for part in parts), line


def test_a_run_writes_its_settings_and_versions(tmp_path):
    run = runs.Run("test", Settings(output=tmp_path / "a" / "b", k=2))
    config = json.loads((tmp_path / "a" / "b" / "config.json").read_text())
    assert config["experiment"] == "test" and config["settings"]["k"] == 2 and "output" not in config["settings"]
    assert config["versions"]["keras"].startswith("3.") and config["versions"]["tensorflow"]
    assert run.folder == tmp_path / "a" / "b"


def test_pictures_carry_the_runs_settings_and_versions(tmp_path):
    run = runs.Run("test", Settings(output=tmp_path / "run", seed=5, k=2))
    run.save_figure("picture.png", figures.log_likelihood([0, 1], {"G": [100.0, 200]}))
    run.save_animation("moving.gif", [np.full((4, 6, 3), shade, np.uint8) for shade in (0, 99)])
    png, pdf, gif = (run.folder / name for name in ("picture.png", "picture.pdf", "moving.gif"))
    assert run.written == [png, pdf, gif] and not figures.plt.get_fignums()
    config = json.loads((run.folder / "config.json").read_text())
    assert config["settings"]["seed"] == 5 and config["versions"]["keras"]
    with Image.open(png) as picture:
        assert picture.info["Title"] == "test: picture" and picture.info["dpi"] == pytest.approx((200, 200), abs=0.01)
        description = picture.info["Description"]
    assert json.loads(description) == config
    document = pdf.read_bytes()
    assert all(pdfRepr(text) in document for text in ("test: picture", description))
    assert b"CreationDate" not in document
    assert b"/FontFile2" in document and b"/Type3" not in document  # TrueType
    with Image.open(gif) as animation:
        assert json.loads(animation.info["comment"]) == config


def test_the_default_folder_names_experiment_preset_and_seed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert runs.Run("test", Settings("fast", 4)).folder == Path("runs/test/fast-seed4")


def test_an_earlier_run_is_kept(tmp_path, capsys):
    folder = tmp_path / "run"
    for k in (1, 2, 3):
        runs.Run("test", Settings(output=folder, k=k))
    kept = [
        json.loads((tmp_path / name / "config.json").read_text())["settings"]["k"] for name in ("run.1", "run.2", "run")
    ]
    assert kept == [1, 2, 3]
    assert "run.2" in capsys.readouterr().out


def refused(settings, experiment="test"):
    with pytest.raises(runs.Refused) as refusal:
        runs.Run(experiment, settings)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_folders_that_are_refused(tmp_path):
    (tmp_path / "file").write_text("precious")
    assert "is a file" in refused(Settings(output=tmp_path / "file"))
    assert str(tmp_path / "file" / "below") in refused(Settings(output=tmp_path / "file" / "below"))
    assert "/proc/nowhere" in refused(Settings(output=Path("/proc/nowhere")))
    assert "holds other files" in refused(Settings(output=tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "precious"


def test_runs_that_are_not_resumed(tmp_path):
    folder = tmp_path / "run"
    assert "no readable config.json" in refused(Settings(output=folder, resume=True))
    assert not folder.exists()
    runs.Run("test", Settings(output=folder, k=2))
    before = (folder / "config.json").read_text()
    assert "--k was 2, not 3" in refused(Settings(output=folder, k=3, resume=True))
    assert "at least the run's 10000, not 50" in refused(Settings(output=folder, k=2, iterations=50, resume=True))
    assert "one of test" in refused(Settings(output=folder, k=2, resume=True), "other")
    assert (folder / "config.json").read_text() == before
    runs.Run("test", Settings(output=folder, k=2, iterations=20_000, resume=True))  # more iterations are welcome
    (folder / "config.json").write_text("{")
    assert "no readable config.json" in refused(Settings(output=folder, resume=True))


@pytest.mark.parametrize(("error", "status"), [(runs.Refused("no"), 2), (runs.Diverged("gone"), 3)])
def test_exit_statuses(error, status, capsys):
    with pytest.raises(SystemExit) as stop, runs.exit_statuses():
        raise error
    assert stop.value.code == status
    assert capsys.readouterr().err.endswith(f": {error}\n")


def test_table_aligns_and_rounds():
    assert runs.table([("a", 1.23456), ("long", 2)]) == "a     1.235\nlong  2"
