"""experiments/make_figures.py, which trains nothing here."""

from dataclasses import replace
from pathlib import Path

from tests.conftest import finished

import gaussian
import make_figures


def test_a_finished_run_is_used_again_and_any_other_is_trained(monkeypatch, tmp_path):
    started, folder = [], Path("runs/gaussian/mixture-seed0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(make_figures, "start", lambda *command: started.append(command))
    assert make_figures.finished_run("gaussian", "mixture") == folder
    assert started.pop() == ("gaussian", "--preset", "mixture", "--pdf")
    settings = replace(gaussian.PRESETS["mixture"], preset="mixture").settings()
    finished(folder, preset="mixture", settings=settings, seconds=9.0)
    for name in ("histograms.png", "histograms.pdf"):
        (folder / name).write_text(f"this is {name}")
    make_figures.main(("mixture-histograms",), tmp_path / "out")
    assert not started and (tmp_path / "out" / "mixture-histograms.png").read_text() == "this is histograms.png"
