"""experiments/make_figures.py, which trains nothing here."""

from dataclasses import replace
from pathlib import Path

from tests.conftest import ROOT, finished

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


def test_every_figure_is_committed_and_every_committed_figure_can_be_made():
    made = {f"{name}{suffix}" for name in make_figures.SOURCES for suffix in (".png", ".pdf")}
    made |= {f"{name}.gif" for name in make_figures.ANIMATED}
    # By `image_measures.py`; of a run on a GPU; a study whose script is in the history; a photograph
    drawn = ["mnist-measures", "mnist-crisp-samples", "mnist-crisp-interpolations"]
    drawn += ["cifar10-full-samples", "vectors-study"]
    others = {"report.png", *(f"{name}{suffix}" for name in drawn for suffix in (".png", ".pdf"))}
    assert made | others == {path.name for path in (ROOT / "figures").iterdir() if path.is_file()}
