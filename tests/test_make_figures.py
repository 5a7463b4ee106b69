"""experiments/make_figures.py, which trains nothing here."""

import json

from gan_paper.runs import files, provenance
from tests.conftest import ROOT, experiment

import pytest

SUFFIXES = (".png", ".pdf")


@pytest.fixture
def make_figures(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "experiments")
    monkeypatch.chdir(tmp_path)
    return experiment("make_figures")


def finished(make_figures, name, versions=None, **changed):
    """A folder as a finished run of the picture's settings leaves it."""
    source = make_figures.SOURCES[name]
    settings = make_figures.importlib.import_module(source.experiment).PRESETS[source.preset]
    folder = make_figures.Path("runs", source.experiment, f"{source.preset}-seed0")
    folder.mkdir(parents=True)
    config = provenance.config(source.experiment, settings)
    config["settings"].update(changed)
    config["versions"].update(versions or {})
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.json").write_text("{}")
    for suffix in SUFFIXES:
        (folder / f"{source.picture}{suffix}").write_text(f"a {suffix}")
    files.seal(folder)
    return folder


def test_a_finished_run_is_used_again(make_figures, capsys, tmp_path, monkeypatch):
    folder = finished(make_figures, "theory-section3")
    monkeypatch.setattr(make_figures, "start", None)  # nothing may be trained
    make_figures.main(make_figures.Arguments(("theory-section3",), tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["theory-section3.pdf", "theory-section3.png"]
    assert (tmp_path / "out" / "theory-section3.png").read_text() == "a .png"
    assert "reused" in capsys.readouterr().out and folder.exists()


@pytest.mark.parametrize(
    ("changed", "lost", "flag"),
    [
        ({"k": 77}, None, "--overwrite"),
        ({"versions": {"code": "other"}}, None, "--overwrite"),
        ({}, "SHA256SUMS", "--resume"),
    ],
)
def test_any_other_is_trained_anew_or_gone_on_with(make_figures, monkeypatch, changed, lost, flag):
    folder, started = finished(make_figures, "theory-section3", **changed), []
    if lost:
        (folder / lost).unlink()
    monkeypatch.setattr(make_figures, "start", lambda script, *flags: started.append((script, list(flags))))
    make_figures.run_of(make_figures.SOURCES["theory-section3"], SUFFIXES, None, overwrite=True)
    assert started == [("theory", ["--preset", "line", flag])]


def test_every_picture_is_committed_and_every_committed_picture_can_be_made(make_figures):
    made = {
        f"{name}{suffix}"
        for name, source in make_figures.SOURCES.items()
        for suffix in (*SUFFIXES, *([".gif"] if source.animated else []))
    }
    # A photograph; what `vectors_study.py` and `mnist_measures.py` draw themselves.
    others = {"report.png", "vectors-study.png", "vectors-study.pdf", "mnist-measures.png", "mnist-measures.pdf"}
    assert made | others == {path.name for path in (ROOT / "figures").iterdir() if path.is_file()}
