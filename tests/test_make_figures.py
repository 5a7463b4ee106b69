"""experiments/make_figures.py, which trains nothing here."""

import json
from dataclasses import replace
from pathlib import Path

from gan_paper import run

import make_figures
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What scripts are started, in a temporary folder."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(make_figures, "start", lambda *command: commands.append(command))
    return commands


def test_a_finished_run_is_used_again_and_no_other(started, tmp_path):
    presets = run.load_experiment("gaussian", ROOT / "experiments").PRESETS
    settings = replace(presets["mixture"], preset="mixture").settings()
    folder, command = Path("runs/gaussian/mixture-seed0"), ("gaussian", "--preset", "mixture", "--pdf")
    assert make_figures.finished_run("gaussian", "mixture") == folder and started.pop() == command
    folder.mkdir(parents=True)
    for name in ("metrics.json", "histograms.png", "histograms.pdf"):
        (folder / name).write_text(f"this is {name}")
    content = {"experiment": "gaussian", "preset": "mixture", "layout": 4, "versions": {}}
    (folder / "config.json").write_text(json.dumps(content | {"settings": settings | {"k": 77}}))
    make_figures.finished_run("gaussian", "mixture")
    assert started.pop() == (*command, "--resume")  # which refuses other settings
    (folder / "config.json").write_text(json.dumps(content | {"settings": settings}))
    make_figures.main(make_figures.Arguments(("mixture-histograms",), tmp_path / "out"))
    assert not started and len(list((tmp_path / "out").iterdir())) == 2
    assert (tmp_path / "out" / "mixture-histograms.png").read_text() == "this is histograms.png"
    assert make_figures.finished_run("theory", "") == Path("runs/theory")
    assert started == [("theory", "--output", "runs/theory")]


def test_every_figure_is_committed_and_every_committed_figure_can_be_made():
    made = {f"{name}{suffix}" for name in make_figures.SOURCES for suffix in (".png", ".pdf")}
    made |= {f"{name}.gif" for name in make_figures.ANIMATED}
    # A photograph; a study whose script is in the history; what `image_measures.py` draws itself.
    others = {"report.png", "vectors-study.png", "vectors-study.pdf", "mnist-measures.png", "mnist-measures.pdf"}
    assert made | others == {path.name for path in (ROOT / "figures").iterdir() if path.is_file()}
