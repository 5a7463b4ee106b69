"""A run and its folder: files, resuming, refusals, and the ways to end."""

import resource
import shutil
import signal
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

from gan_paper import run
from gan_paper.distributions import RECORDED_NOISE
from gan_paper.run import files
from tests.conftest import cheaper, stopped_at, trained, wait_for
from tests.kill import iterations, outcome, start

import gaussian
import keras
import numpy as np
import pytest

CONFIG = gaussian.Config(iterations=40, record_every=10, m=16)


def train(folder, resume=False, **changes):
    """Make a run with a checkpoint at every record, without XLA and figures; return its folder."""
    config = replace(CONFIG, output=folder, resume=resume, **changes)
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        patch.setattr(files.Checkpoints, "is_due", lambda checkpoints: True)
        return run.train(gaussian, config).path


def refused(folder, resume=True, **changes):
    """Check that one line refuses a run, and that its folder stays as it is; return the line."""
    before = tree(folder)
    with pytest.raises(run.Refused) as refusal:
        train(folder, resume, **changes)
    assert "\n" not in str(refusal.value) and tree(folder) == before
    return str(refusal.value)


def tree(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if path.name != ".lock"}


def ended(capsys, *arguments, **changes):
    """The exit status of a run's script, and the one line that it prints."""
    with pytest.raises(SystemExit) as stop, run.exit_statuses():
        train(*arguments, **changes)
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    return stop.value.code, errors


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run of 40 iterations that nothing stopped."""
    return train(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of that folder, for a test to change."""
    return shutil.copytree(whole, tmp_path / "run")


def test_the_ema_is_what_is_recorded_and_saved(whole):
    z = gaussian.make_gan(CONFIG).p_z.sample((32_000, 30), (0, 0, RECORDED_NOISE))
    names = ("generator", "generator-last")
    average, last = (keras.models.load_model(whole / f"{name}.keras").predict(z, verbose=0) for name in names)
    recorded = run.read_recording(whole).moments["mean"][-1]
    assert recorded == pytest.approx(average.mean(), abs=1e-5) and abs(recorded - last.mean()) > 1e-3


def test_a_folder_that_is_not_empty_is_refused(copy):
    message = refused(copy, resume=False)
    assert all(way in message for way in ("--resume", "another --output", "delete it yourself"))
    (copy / "config.json").unlink()
    assert "config.json does not exist" in refused(copy)


def test_a_process_that_is_killed_is_resumed_to_the_last_bit(tmp_path):
    settings = {"iterations": 1200, "record_every": 100}
    with start(["numpy_gan", "--iterations", "1200"], tmp_path / "run") as process:
        wait_for(tmp_path / "run" / "checkpoints" / "300.npz", process)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "run" / "metrics.json").exists()
    trained("numpy_gan", tmp_path / "run", resume=True, **settings)
    trained("numpy_gan", tmp_path / "whole", **settings)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_damaged_checkpoint_gives_way_to_the_one_before(whole, copy, capsys):
    newest, before = (copy / "checkpoints" / f"{iteration}.npz" for iteration in (40, 30))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    train(copy, resume=True)
    said = capsys.readouterr().out
    assert f"{newest} is not a readable" in said and "resuming at iteration 30" in said
    assert outcome(copy) == outcome(whole)
    newest.write_bytes(b"")
    before.write_bytes(content[:1000])
    assert all(f"{path} is not a readable" in refused(copy) for path in (newest, before))


def test_the_newest_two_checkpoints_stay_and_no_other_file_is_deleted(copy):
    strange = [copy / "checkpoints" / name for name in ("notes.npz", "7.npz", "5.txt", ".notes.partial.txt")]
    for path in strange:
        path.write_text("precious")
    train(copy, resume=True, iterations=60)
    assert iterations(copy) == [7, 50, 60] and all(path.read_text() == "precious" for path in strange)


def test_a_finished_run_stays_finished(copy, monkeypatch):
    metrics = run.read_metrics(copy)
    monkeypatch.setattr(gaussian, "evaluate", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(copy, resume=True)
    assert run.read_metrics(copy) == metrics
    monkeypatch.undo()
    assert run.read_metrics(train(copy, resume=True))["train_seconds"] == metrics["train_seconds"]


def test_a_column_of_some_epochs_alone_is_nan_in_the_others(copy):
    folder = run.Folder("gaussian", gaussian.PRESETS, replace(CONFIG, output=copy, resume=True))
    folder.save_records(folder.recording, [{"iteration": 10, "a": 1.0}, {"iteration": 20, "a": 2.0, "fid": 3.0}])
    assert np.array_equal(folder.history["fid"], [np.nan, 3], equal_nan=True)


def test_an_array_needs_to_say_what_is_recorded(tmp_path):
    experiment = SimpleNamespace(**{**vars(gaussian), "data": lambda config: np.ones((500, 1))})
    del experiment.recording
    with pytest.raises(run.Refused, match="need a function recording"):
        run.train(experiment, replace(CONFIG, output=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_more_iterations_then_fewer(copy, capsys):
    with stopped_at(50):
        train(copy, resume=True, iterations=60)
    assert not (copy / "metrics.json").exists()  # nothing says any more that this run is finished
    train(copy, resume=True, iterations=60)
    assert "60 iterations in place of 40" in capsys.readouterr().out
    assert run.read_metrics(copy)["iterations"] == run.read_config(copy)["settings"]["iterations"] == 60
    assert "is beyond 40 iterations" in refused(copy, iterations=40)
    train(copy, resume=True, iterations=50)
    assert run.read_recording(copy).iterations == [*range(0, 60, 10)]
    assert list(run.read_history(copy)["iteration"])[-1] == 50


def test_another_run_is_not_resumed(copy):
    assert "seed 0, not 1" in refused(copy, seed=1)
    for text in ("[]", "[" * 100_000, '{"experiment": 3}'):
        (copy / "config.json").write_text(text)
        assert f"{copy / 'config.json'} " in refused(copy)


def test_ctrl_c_ends_a_run_and_says_how_to_go_on(tmp_path):
    name = "uniform_to_gaussian"
    with start([name, "--iterations", "10000000"], tmp_path / "run") as process:
        wait_for(tmp_path / "run" / "checkpoints" / "200.npz", process)
        with pytest.raises(run.Refused, match="is in use by another process; one run needs one folder"):
            trained(name, tmp_path / "run", resume=True, iterations=10_000_000, record_every=100)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and errors.count("\n") == 1 and "with --resume goes on" in errors, errors


def test_a_full_disk(whole, tmp_path, monkeypatch, capsys):
    save, before = files.Checkpoints.save, resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(checkpoints, state):
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000 if state.iteration == 20 else before[0], before[1]))
        try:
            save(checkpoints, state)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(files.Checkpoints, "save", fill)
    status, said = ended(capsys, tmp_path / "run")
    assert status == 3 and "checkpoints/20.npz: File too large; the same command with --resume goes on" in said
    assert iterations(tmp_path / "run") == [0, 10]
    monkeypatch.undo()
    assert outcome(train(tmp_path / "run", resume=True)) == outcome(whole)


def test_divergence(tmp_path, capsys):
    status, said = ended(capsys, tmp_path / "run", d_learning_rate=1e30, cosine=False, ema=0.0)
    assert status == 3 and "training diverged at iteration " in said and "--resume" not in said
    newest = files.read_arrays(tmp_path / "run" / "checkpoints" / f"{iterations(tmp_path / 'run')[-1]}.npz")
    assert all(np.isfinite(array).all() for name, array in newest.items() if name.startswith("variable_"))
