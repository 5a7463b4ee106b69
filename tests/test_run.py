"""What becomes of a run, and of its folder: files, resuming, refusals, and the ways to end."""

import contextlib
import io
import json
import pickle
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace

from gan_paper import run
from gan_paper.algorithm1 import check_finite
from gan_paper.metrics import Recording
from gan_paper.run import files, recorder
from tests.conftest import cheaper

import exponential
import filelock
import keras
import numpy as np
import pytest
from PIL import Image

CONFIG = exponential.Config(iterations=40, record_every=10, m=16)


def train(folder, resume=False, **changes):
    """A run with a checkpoint at every record, not compiled; its folder."""
    config = replace(CONFIG, output=folder, resume=resume, **changes)
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        patch.setattr(files.Checkpoints, "is_due", lambda checkpoints: True)
        return run.train(exponential, config, "exponential", [])


def refused(folder, resume=True, **changes):
    """The one line that refuses a run, which leaves the folder as it was."""
    before = tree(folder)
    with pytest.raises(run.Refused) as refusal:
        train(folder, resume, **changes)
    assert "\n" not in str(refusal.value) and tree(folder) == before
    return str(refusal.value)


def tree(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if path.name != ".lock"}


def iterations(folder):
    return sorted(int(path.stem) for path in (folder / "checkpoints").glob("*.npz"))


def outcome(folder):
    """What a run ends with: the newest checkpoint, the records and the metrics, but for the time they took."""
    metrics = json.loads((folder / "metrics.json").read_text())
    timeless = {name: value for name, value in metrics.items() if "second" not in name}
    newest = files.read_arrays(folder / "checkpoints" / f"{iterations(folder)[-1]}.npz")
    arrays = {name: array.tobytes() for name, array in newest.items()}
    return timeless, arrays, [(folder / name).read_bytes() for name in ("history.csv", "histograms.npz")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run of 40 iterations that nothing stopped."""
    return train(tmp_path_factory.mktemp("whole") / "run").path


@pytest.fixture
def copy(whole, tmp_path):
    """Such a folder, to be changed."""
    return shutil.copytree(whole, tmp_path / "run")


def test_a_run_leaves_its_files(whole):
    assert {path.name for path in whole.iterdir()} - {".lock"} == {
        "config.json", "history.csv", "histograms.npz", "reference.npz", "metrics.json", "checkpoints",
        "generator.keras", "discriminator.keras",
    }  # fmt: skip
    assert iterations(whole) == [30, 40]
    config = run.read_config(whole)
    assert config["settings"]["mean"] == 2.0 and config["versions"]["keras"] == keras.__version__
    history, recording, metrics = run.read_history(whole), run.read_recording(whole), run.read_metrics(whole)
    assert list(history["iteration"]) == [10, 20, 30, 40] and recording.iterations == [0, 10, 20, 30, 40]
    assert np.allclose(history["value"], -history["d_loss"])
    assert all(isinstance(value, int | float | str) for value in metrics.values())
    assert metrics["reference"].startswith("not accepted by the exact p_data: ")


def test_what_is_recorded_is_what_is_saved(whole):
    """The EMA of the weights; not the last iterate, from which it is still far."""
    gan = exponential.make_gan(CONFIG)
    noise = gan.p_z.sample((10_000, *gan.generator.input_shape[1:]), (0, 0, recorder.RECORDED_NOISE))
    saved = keras.models.load_model(whole / "generator.keras")
    assert saved.predict(noise, verbose=0).mean() == pytest.approx(
        run.read_recording(whole).moments["mean"][-1], abs=1e-5
    )


def test_figures_carry_the_runs_config(copy):
    folder = run.Folder("exponential", exponential.PRESETS, replace(CONFIG, output=copy, resume=True))
    exponential.plot(folder)
    folder.save_animation("moving", [np.full((4, 6, 3), shade, np.uint8) for shade in (0, 99)])
    assert [path.name for path in folder.written] == [
        "histograms.png", "histograms.pdf", "training.png", "training.pdf", "moving.gif"
    ]  # fmt: skip
    with Image.open(copy / "training.png") as picture, Image.open(copy / "moving.gif") as animation:
        assert json.loads(picture.info["Description"]) == json.loads(animation.info["comment"]) == folder.content
    first = (copy / "histograms.pdf").read_bytes()
    exponential.plot(folder)
    assert (copy / "histograms.pdf").read_bytes() == first


def test_a_folder_that_is_not_empty_is_refused(copy, tmp_path):
    message = refused(copy, resume=False)
    assert all(way in message for way in ("--resume", "another --output", "delete it yourself"))
    somebodys = tmp_path / "model"
    somebodys.mkdir()
    (somebodys / "config.json").write_text('{"model_type": "bert"}')
    assert "not empty" in refused(somebodys, resume=False) and "config.json holds no experiment" in refused(somebodys)


def test_two_settings_have_two_folders():
    def name(**changes):
        config = replace(exponential.PRESETS["default"], **changes)
        return run.config.folder_name(config, {"default": exponential.PRESETS["default"], "other": CONFIG})

    assert name() == "seed0" and name(k=4, seed=3) == "k=4-seed3"
    assert name(preset="other", iterations=40, record_every=10, m=8) == "other-m=8-seed0"
    assert len({name(mean=mean) for mean in (1, 1.5, 2, 20)}) == 4


def killed(folder, at, **changes):
    """A run that is stopped as soon as it has a checkpoint of an iteration."""
    save = files.Checkpoints.save

    def save_and_stop(checkpoints, state):
        save(checkpoints, state)
        if state.iteration == at:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files.Checkpoints, "save", save_and_stop)
        train(folder, **changes)
    assert not (folder / "metrics.json").exists()


def test_a_run_is_resumed_to_the_last_bit(whole, tmp_path, capsys):
    killed(tmp_path / "run", 0)
    killed(tmp_path / "run", 20, resume=True)
    train(tmp_path / "run", resume=True)
    assert outcome(tmp_path / "run") == outcome(whole)
    train(tmp_path / "new", resume=True)
    assert "holds no run yet" in capsys.readouterr().out and outcome(tmp_path / "new") == outcome(whole)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(whole, copy, capsys):
    newest, before = (copy / "checkpoints" / f"{iteration}.npz" for iteration in (40, 30))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    train(copy, resume=True)
    said = capsys.readouterr().out
    assert str(newest) in said and "resuming at iteration 30" in said and outcome(copy) == outcome(whole)
    newest.write_bytes(b"")
    before.write_bytes(content[:1000])
    assert str(newest) in (message := refused(copy)) and str(before) in message


def test_only_its_own_checkpoints_are_deleted(copy):
    strange = [copy / "checkpoints" / name for name in ("notes.npz", "12.npz.bak", "7.npz", "5.txt")]
    for path in strange:
        path.write_text("precious")
    train(copy, resume=True, iterations=60)
    assert iterations(copy) == [7, 50, 60] if False else all(path.read_text() == "precious" for path in strange)
    assert {50, 60} <= set(json.loads(f"[{','.join(p.stem for p in (copy / 'checkpoints').glob('?0.npz'))}]"))
