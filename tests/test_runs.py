import importlib
import json
import signal
import sys
from dataclasses import dataclass
from typing import Annotated, Literal

from gan_paper import runs
from gan_paper.runs import provenance

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_pdf import pdfRepr
from mnist_pictures import interpolations
from PIL import Image


@dataclass(frozen=True)
class Settings(runs.Settings):
    """A test's settings."""

    preset: Literal["plain", "fast"] = "plain"
    """Which."""
    k: Annotated[int, runs.Between(1, 100)] = 1
    """Steps."""
    rate: float = 0.1
    """Rate."""


PRESETS = {"plain": Settings(), "fast": Settings(preset="fast", k=3, rate=0.5)}


def test_flags_change_a_presets_settings():
    assert runs.parse(PRESETS, []) == PRESETS["plain"]
    assert runs.parse(PRESETS, ["--preset", "fast"]) == PRESETS["fast"]
    assert runs.parse(PRESETS, ["--k", "7", "--preset=fast", "--seed", "3"]) == Settings("fast", 3, k=7, rate=0.5)


def test_the_digest_is_that_of_the_package_the_script_and_its_networks(tmp_path, monkeypatch):
    script = tmp_path / "toy.py"
    script.write_text("from gan_paper import runs\nclass Settings(runs.Settings): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = importlib.import_module("toy").Settings
    digests = [provenance.digest(settings)]
    for name in ("toy_networks.py", "toy_measures.py", "toy.py"):
        (tmp_path / name).write_text("changed")
        digests.append(provenance.digest(settings))
    monkeypatch.delitem(sys.modules, "toy")
    first, networks, measures, changed = digests
    assert networks == measures and len({first, networks, changed}) == 3


def test_pictures_carry_the_runs_settings_and_versions(tmp_path):
    plt.close("all")  # what other tests have left
    run = opened(Settings(output=tmp_path / "run", seed=5, k=2))
    run.save_figure("picture.png", interpolations(np.zeros((2, 3, 784))))
    run.save_animation("moving.gif", [np.full((4, 6, 3), shade, np.uint8) for shade in (0, 99)])
    png, pdf, gif = (run.folder / name for name in ("picture.png", "picture.pdf", "moving.gif"))
    assert run.written == [png, pdf, gif] and not plt.get_fignums()
    config = json.loads((run.folder / "config.json").read_text())
    assert config["settings"]["seed"] == 5 and config["versions"]["keras"]
    with Image.open(png) as picture:
        description = picture.info["Description"]
    assert json.loads(description) == config
    document = pdf.read_bytes()
    assert pdfRepr(description) in document
    with Image.open(gif) as animation:
        assert json.loads(animation.info["comment"]) == config


def opened(settings, experiment="test"):
    with runs.Run(experiment, settings) as run:
        return run


def refused(settings, experiment="test"):
    with pytest.raises(runs.Refused) as refusal:
        runs.Run(experiment, settings)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_a_run_is_replaced_only_where_that_is_asked_for(tmp_path):
    folder = tmp_path / "run"
    run = opened(Settings(output=folder, k=1))
    message = refused(Settings(output=folder, k=2))
    assert "holds an unfinished run" in message and "--resume" in message and "--overwrite" in message
    (folder / "checkpoints" / "7").mkdir(parents=True)
    run.finish({"match": {"wasserstein": 0.25}}, runs.Pace(1.0, 1))
    message = refused(Settings(output=folder, k=2))
    assert "holds a finished run" in message and "--overwrite" in message and "--resume" not in message
    assert runs.read_config(folder)["settings"]["k"] == 1
    opened(Settings(output=folder, k=2, overwrite=True))
    assert {path.name for path in folder.iterdir()} - {".lock"} == {".written", "config.json"}
    assert runs.read_config(folder)["settings"]["k"] == 2


@pytest.mark.parametrize("path", ["notes/a.txt", "checkpoints/7/mine.txt", "checkpoints/mine.txt", "link"])
def test_what_no_run_wrote_is_never_deleted(tmp_path, path):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    opened(Settings(output=folder))
    (folder / "checkpoints" / "7").mkdir(parents=True)
    if path == "link":
        outside.mkdir()
        (folder / path).symlink_to(outside)
    else:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("precious")
    before = {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}
    message = refused(Settings(output=folder, overwrite=True))
    assert path.split("/")[-1] in message and "no run of this version wrote" in message
    assert {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")} == before


def test_a_folder_with_somebodys_model_is_no_run(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "weights.bin").write_bytes(b"precious")
    for flags in ({}, {"overwrite": True}, {"resume": True}):
        assert "config.json" in refused(Settings(output=tmp_path, **flags))
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "weights.bin"}


def test_a_refusal_after_the_folder_was_made_leaves_none(tmp_path):
    with pytest.raises(runs.Refused), runs.Run("test", Settings(output=tmp_path / "a" / "b" / "c")):
        raise runs.Refused("too large")
    assert not (tmp_path / "a").exists()
    with pytest.raises(runs.Refused), runs.Run("test", Settings(output=tmp_path / "a" / "b")):
        (tmp_path / "a" / "b" / "mine.txt").write_text("precious")
        raise runs.Refused("too large")
    assert (tmp_path / "a" / "b" / "mine.txt").exists()
    opened(Settings(output=tmp_path / "run"))
    with pytest.raises(runs.Refused), runs.Run("test", Settings(output=tmp_path / "run", resume=True)):
        raise runs.Refused("too large")
    assert (tmp_path / "run" / "config.json").exists()


def test_runs_that_are_not_resumed(tmp_path):
    folder = tmp_path / "run"
    opened(Settings(output=folder, k=2))
    config = folder / "config.json"
    before = config.read_text()
    assert "--k was 2, not 3" in refused(Settings(output=folder, k=3, resume=True))
    assert "--seed was 0, not 1" in refused(Settings(output=folder, k=2, seed=1, resume=True))
    assert "at least the run's 10000, not 50" in refused(Settings(output=folder, k=2, iterations=50, resume=True))
    assert "of other, but" in refused(Settings(output=folder, k=2, resume=True), "other")
    for said, where, changes in [
        ("--k was absent, not 2", ["settings"], {"k": None}),
        ("--q was 5, not absent", ["settings"], {"q": 5}),
        ("of layout 0", [], {"layout": 0}),
        ("holds no layout", [], {"layout": None}),
    ]:
        edit(config, *where, **changes)
        assert said in refused(Settings(output=folder, resume=True, k=2))
        config.write_text(before)
    for text in ("{", "[]", "[" * 100_000, '{"experiment": 3}', "\udcff"):
        config.write_text(text, errors="surrogateescape")
        message = refused(Settings(output=folder, resume=True))
        assert str(config) in message, message
        assert config.read_text(errors="surrogateescape") == text


def edit(config, *where, **changes):
    """Change a configuration's values; None: remove them."""
    content = json.loads(config.read_text())
    part = content[where[0]] if where else content
    for name, value in changes.items():
        part.pop(name, None) if value is None else part.update({name: value})
    config.write_text(json.dumps(content))


def test_more_iterations_and_other_versions_are_resumed_and_told(tmp_path, capsys):
    folder = tmp_path / "run"
    opened(Settings(output=folder))
    opened(Settings(output=folder, iterations=20_000, resume=True))
    config = runs.read_config(folder)
    assert config["settings"]["iterations"] == 20_000 and "resumed_with" not in config
    assert "grown from 10000 to 20000 iterations" in capsys.readouterr().out
    versions = {**config["versions"], "keras": "3.0"}
    edit(folder / "config.json", versions=versions)
    opened(Settings(output=folder, iterations=20_000, resume=True))
    assert "another keras" in capsys.readouterr().out
    config = runs.read_config(folder)
    assert config["versions"] == versions and config["resumed_with"]["keras"] != "3.0"


def test_metrics_are_numbers_whatever_numpy_makes_of_them(tmp_path):
    run = opened(Settings(output=tmp_path / "run"))
    run.finish({"match": {"ks": np.float32(0.5)}, "holds": np.bool_(False)}, runs.Pace(1.0, 1))
    metrics = runs.read_metrics(run.folder)
    assert metrics["match"] == {"ks": 0.5} and metrics["holds"] is False


def test_a_finished_run_is_sealed_until_it_goes_on(tmp_path):
    run = opened(Settings(output=tmp_path / "run"))
    run.finish({"match": {"ks": 0.5}}, runs.Pace(1.0, 1))
    assert runs.read_metrics(run.folder)["match"] == {"ks": 0.5}
    text = (run.folder / "metrics.json").read_text()
    (run.folder / "metrics.json").write_text(text.replace("0.5", "0.4"))
    with pytest.raises(runs.Refused, match=r"metrics.json is damaged"):
        runs.read_metrics(run.folder)
    (run.folder / "metrics.json").write_text(text)
    opened(Settings(output=run.folder, resume=True))
    with pytest.raises(runs.Refused, match=r"finished run: .*SHA256SUMS does not exist"):
        runs.read_metrics(run.folder)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints" / "5.partial").mkdir(parents=True)
    (folder / ".config.json.partial.json").write_text("{")
    (folder / "checkpoints" / "5.partial" / "weights").touch()
    assert "holds files that no run" in refused(Settings(output=folder))  # no run's: checkpoints alone
    (folder / "checkpoints").rename(tmp_path / "checkpoints")
    opened(Settings(output=folder))
    (tmp_path / "checkpoints").rename(folder / "checkpoints")
    opened(Settings(output=folder, resume=True))
    assert {path.name for path in folder.rglob("*")} - {".lock"} == {".written", "checkpoints", "config.json"}


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (runs.Refused("no"), 2, "no"),
        (OSError(28, "No space left on device", "history.csv"), 3, "history.csv: No space left on device"),
        (FloatingPointError("training diverged"), 3, "training diverged"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_exit_statuses(error, status, line, capsys):
    with pytest.raises(SystemExit) as stop, runs.exit_statuses():
        raise error
    assert stop.value.code == status
    assert capsys.readouterr().err.endswith(f": {line}\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_told_whatever_a_library_makes_of_it(number, status, capsys):
    with pytest.raises(SystemExit) as stop, runs.exit_statuses():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise SystemError("bad argument to internal function") from None
    assert stop.value.code == status
    assert capsys.readouterr().err.endswith(": stopped\n")
