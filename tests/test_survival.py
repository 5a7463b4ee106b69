"""What happens to a run, and to its files. `tests/kill.py` does the first of it at length, with every experiment."""

import contextlib
import pickle
import shutil
import signal
import subprocess
import sys
import time

from gan_paper import runs
from gan_paper.measure.recording import Recording
from gan_paper.runs import checkpoints, files, recordings, training
from tests import kill
from tests.conftest import ROOT
from tests.test_training import P_DATA, make_gan

import numpy as np
import pytest

COMMAND = ["numpy_gan", "--iterations", "200"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing stopped: the folder, and how many file operations it took."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, kill.start(COMMAND, folder)


def test_a_run_that_is_killed_twice_is_resumed_to_the_last_bit(whole, tmp_path):
    folder, operations = whole
    for share, flags in ((0.02, ()), (0.4, ("--resume",))):
        kill.start([*COMMAND, *flags], tmp_path / "run", operation=int(share * operations))
        assert not (tmp_path / "run" / "SHA256SUMS").exists()
    kill.start([*COMMAND, "--resume"], tmp_path / "run")
    assert kill.outcome(tmp_path / "run") == kill.outcome(folder)
    for name in ("history.csv", "histograms.npz", "histograms.png", "training.pdf", "histograms.gif"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes(), name


@contextlib.contextmanager
def started(tmp_path, name, *flags):
    """An experiment at work, past its first checkpoint."""
    command = [sys.executable, str(ROOT / "experiments" / f"{name}.py"), "--output", "run", *flags]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(600):
            if (tmp_path / "run" / "histograms.npz").exists():
                break
            time.sleep(0.1)
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("name", "number", "status"), [("numpy_gan", signal.SIGTERM, 143), ("uniform_to_gaussian", signal.SIGINT, 130)]
)
def test_a_run_has_its_folder_alone_and_a_signal_ends_it_and_says_how_to_go_on(tmp_path, name, number, status):
    with started(tmp_path, name, "--iterations", "10000000") as process:
        for flags in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(runs.Refused, match="in use by another process"):
                runs.Run(name, runs.Settings("any", output=tmp_path / "run", **flags))
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == status and errors.count("\n") == 1 and "--resume" in errors, errors
    made = checkpoints.Checkpoints(tmp_path / "run" / "checkpoints")
    assert made.newest()[0] == max(made.iterations())


def test_a_file_that_cannot_be_written_ends_a_run_with_one_line(tmp_path):
    limited = (
        f"import resource, runpy, sys; sys.argv.pop(0); sys.path.insert(0, {str(ROOT / 'experiments')!r}); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); "  # between the first files and the last ones
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    script = str(ROOT / "experiments" / "numpy_gan.py")
    command = [sys.executable, "-c", limited, script, "--iterations", "100", "--output", "run"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 3 and result.stderr.count("\n") == 1, result.stderr
    assert "run/" in result.stderr and "File too large" in result.stderr
    assert not list(tmp_path.rglob("*.partial*"))
    assert checkpoints.Checkpoints(tmp_path / "run" / "checkpoints").newest()[0] == 100  # it was a picture


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with two checkpoints."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    recording = Recording({"entries": np.linspace(-6, 14, 65)})
    with runs.Run("test", runs.Settings("any", 0, 20, folder)) as run:
        gan = make_gan(k=2, momentum=0.5)
        gan.compile(gan.d_optimizer, gan.g_optimizer, k=2, jit_compile=False)
        recorder = training.Recorder(run, recording, 100)
        training.train(gan, P_DATA, run, recorder, batch_size=8, record_every=10)
        run.finish({"match": {"ks": 0.25, "jsd": 0.125}}, runs.Pace(1.5, 20))
    return folder


def corruption(rng, data):
    """Damaged bytes: fewer, a bit, some, foreign, or more."""
    at, bit = int(rng.integers(len(data))), 1 << int(rng.integers(8))
    foreign = (ROOT / "figures" / "reference" / "sine.npz").read_bytes()
    flipped, others = bytes([data[at] ^ bit]) + data[at + 1 :], rng.bytes(8) + data[at + 8 :]
    damaged = [data[:at], data[:at] + flipped, data[:at] + others, foreign, data + rng.bytes(5)]
    return damaged[rng.integers(len(damaged))]


def test_100_corruptions_are_noticed_or_harmless(finished, tmp_path, capsys):
    """Of a run's files and of its checkpoint's, each: named and refused, or the same is read as if it were whole."""
    rng, noticed = np.random.default_rng(0), 0
    made = ["SHA256SUMS", "history.csv", "histograms.npz", "weights.index", "weights.data-00000-of-00001"]
    names = ["metrics.json", "histograms.npz", "SHA256SUMS", *(f"checkpoints/20/{name}" for name in made)]
    for number in range(100):
        folder, name = tmp_path / str(number), names[number % len(names)]
        shutil.copytree(finished, folder)
        (folder / name).write_bytes(corruption(rng, (folder / name).read_bytes()))
        try:
            metrics, recording = runs.read_metrics(folder), recordings.of_run(folder)
            iteration, checkpoint = checkpoints.Checkpoints(folder / "checkpoints").newest()
        except (ValueError, runs.Refused) as error:
            noticed += 1
            assert str(folder) in str(error) and "\n" not in str(error), (name, error)
        else:
            said = capsys.readouterr().out
            assert metrics == runs.read_metrics(finished), name
            assert recording.moments == recordings.of_run(finished).moments, name
            if iteration == 20:  # the damage says nothing
                whole = finished / "checkpoints" / "20"
                assert all((checkpoint / other).read_bytes() == (whole / other).read_bytes() for other in made[1:])
            else:
                noticed += 1
                assert said.count("\n") == 1 and str(folder / "checkpoints" / "20") in said
        shutil.rmtree(folder)
    assert noticed > 90  # and the others were harmless


def test_a_file_is_not_read_beyond_what_arrays_may_hold(tmp_path, monkeypatch):
    header = str({"descr": "<f8", "fortran_order": False, "shape": (10**12,)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    (tmp_path / "claims.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match=r"claims\.npy is not a readable"):
        files.read_samples(tmp_path / "claims.npy")
    np.savez_compressed(tmp_path / "bomb.npz", edges=np.zeros(10_000))
    monkeypatch.setattr(files, "GREATEST", 10_000)
    with pytest.raises(ValueError, match=r"bomb\.npz is not a readable .*it would take more than"):
        recordings.load(tmp_path / "bomb.npz")


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("loading a file executed code from it",))

    np.savez(tmp_path / "bomb.npz", edges=np.array([Bomb()], dtype=object))
    np.save(tmp_path / "bomb.npy", np.array([Bomb(), Bomb()], dtype=object))
    (tmp_path / "bomb.json").write_bytes(pickle.dumps(Bomb()))
    shutil.copy(tmp_path / "bomb.json", tmp_path / "config.json")
    with pytest.raises(ValueError, match=r"bomb.npz .*allow_pickle=False"):
        recordings.load(tmp_path / "bomb.npz")
    with pytest.raises(ValueError, match=r"bomb.npy .*allow_pickle=False"):
        files.read_samples(tmp_path / "bomb.npy")
    with pytest.raises(runs.Refused, match=r"config.json cannot be read"):
        runs.read_config(tmp_path)
