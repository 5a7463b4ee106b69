import importlib
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_pdf import pdfRepr
from PIL import Image

from gan_paper import runs
from gan_paper.plots import training
from gan_paper.runs import provenance


@dataclass(frozen=True)
class Settings(runs.Settings):
    """A test's settings."""

    preset: Literal["plain", "fast"] = "plain"
    """Which."""
    k: Annotated[int, runs.Between(1, 100)] = 1
    """Steps."""
    rate: Annotated[float, runs.Between(1e-9, 1e9)] = 0.1
    """Rate."""
    momentum: Annotated[float, runs.Between(0, 0.999)] = 0.0
    """May be zero."""


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
        (["--resume", "--overwrite"], ["--overwrite", "--resume"]),
    ],
)
def test_a_bad_flag_is_named_with_what_is_accepted(flags, parts, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")  # of tyro's box
    with pytest.raises(SystemExit) as stop:
        runs.parse(PRESETS, flags)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and all(part in said for part in parts), said


def test_a_run_writes_its_settings_and_versions(tmp_path):
    run = opened(Settings(output=tmp_path / "a" / "b", k=2))
    config = json.loads((tmp_path / "a" / "b" / "config.json").read_text())
    assert config["experiment"] == "test" and config["settings"]["k"] == 2 and "output" not in config["settings"]
    assert config["versions"]["keras"].startswith("3.") and config["versions"]["tensorflow"]
    assert run.folder == tmp_path / "a" / "b"


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
    run.save_figure("picture.png", training.log_likelihood([0, 1], {"G": [100.0, 200]}))
    run.save_animation("moving.gif", [np.full((4, 6, 3), shade, np.uint8) for shade in (0, 99)])
    png, pdf, gif = (run.folder / name for name in ("picture.png", "picture.pdf", "moving.gif"))
    assert run.written == [png, pdf, gif] and not plt.get_fignums()
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
    assert opened(Settings("fast", 4)).folder == Path("runs/test/fast-seed4")


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


@pytest.mark.parametrize("path", ["model.bin", "notes/a.txt", "checkpoints/7/mine.txt", "checkpoints/mine.txt", "link"])
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


def test_folders_that_are_refused(tmp_path):
    (tmp_path / "file").write_text("precious")
    assert "is a file" in refused(Settings(output=tmp_path / "file"))
    assert str(tmp_path / "file" / "below") in refused(Settings(output=tmp_path / "file" / "below"))
    assert "/proc/nowhere" in refused(Settings(output=Path("/proc/nowhere")))
    for flags in ({}, {"overwrite": True}, {"resume": True}):
        assert "holds files that no run" in refused(Settings(output=tmp_path, **flags))
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "precious"


def test_one_run_one_folder(tmp_path):
    with runs.Run("test", Settings(output=tmp_path / "run")):
        for flags in ({}, {"overwrite": True}, {"resume": True}):
            assert "in use by another process" in refused(Settings(output=tmp_path / "run", **flags))
    opened(Settings(output=tmp_path / "run", resume=True))


def test_a_refusal_after_the_folder_was_made_leaves_none(tmp_path):
    with pytest.raises(runs.Refused), runs.Run("test", Settings(output=tmp_path / "a" / "b" / "c")):
        raise runs.Refused("too large")
    assert not (tmp_path / "a").exists()
    with pytest.raises(runs.Refused), runs.Run("test", Settings(output=tmp_path / "a" / "b" / "c")):
        (tmp_path / "a" / "other").mkdir()  # another process's, meanwhile
        (tmp_path / "a" / "b" / "c" / "mine.txt").write_text("precious")
        raise runs.Refused("too large")
    assert (tmp_path / "a" / "other").exists() and (tmp_path / "a" / "b" / "c" / "mine.txt").exists()
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
    assert "only this version has --k" in refused(
        Settings(output=folder, resume=True, k=2), edit(config, "settings", k=None)
    )
    config.write_text(before)
    assert "only the run has --q" in refused(Settings(output=folder, resume=True, k=2), edit(config, "settings", q=5))
    config.write_text(before)
    assert "layout 3, but" in refused(Settings(output=folder, resume=True, k=2), edit(config, layout=0))
    config.write_text(before)
    assert "holds no layout" in refused(Settings(output=folder, resume=True, k=2), edit(config, layout=None))
    for text in ("{", "[]", "[" * 100_000, '{"experiment": 3}', "\udcff"):
        config.write_text(text, errors="surrogateescape")
        message = refused(Settings(output=folder, resume=True))
        assert str(config) in message, message
        assert config.read_text(errors="surrogateescape") == text


def edit(config, *where, experiment="test", **changes):
    """Change a configuration's values; None: remove them."""
    content = json.loads(config.read_text())
    part = content[where[0]] if where else content
    for name, value in changes.items():
        part.pop(name, None) if value is None else part.update({name: value})
    config.write_text(json.dumps(content))
    return experiment


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


def test_the_closing_table_gives_units_and_the_verdict(tmp_path, capsys):
    run = opened(Settings(output=tmp_path / "run"))
    run.finish({"match": {"wasserstein": 0.25}, "value": -1.386}, runs.Pace(1.0, 1), "accepted by `gaussian`")
    shown = capsys.readouterr().out
    assert "match wasserstein" in shown and "standard deviations of the data" in shown and "nats" in shown
    assert "reference: accepted by `gaussian`" in shown and f"compare.py {tmp_path / 'run'}" in shown


def test_table_aligns_and_rounds():
    assert runs.table([("a", 1.23456), ("long", 2)]) == "a     1.235\nlong  2"
