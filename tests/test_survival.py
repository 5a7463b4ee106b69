"""What happens to a run, and to its files. `tests/kill.py` does the first of it at length, with every experiment."""

import shutil
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from gan_paper import runs
from gan_paper.measure.recording import Recording
from gan_paper.runs import checkpoints, files, recordings, training
from tests import kill
from tests.conftest import ROOT
from tests.test_training import P_DATA, make_gan

COMMAND = ["numpy_gan", "--iterations", "200"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing stopped: the folder, and how many file operations it took."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, kill.start(COMMAND, folder)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_killed_run_is_resumed_to_the_last_bit(whole, tmp_path, share):
    folder, operations = whole
    kill.start(COMMAND, tmp_path / "run", operation=int(share * operations))
    assert not (tmp_path / "run" / "SHA256SUMS").exists()
    kill.start([*COMMAND, "--resume"], tmp_path / "run")
    assert kill.outcome(tmp_path / "run") == kill.outcome(folder)
    for name in ("history.csv", "histograms.npz", "histograms.png", "training.pdf", "histograms.gif"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes(), name


def started(tmp_path, name, *flags):
    """An experiment at work, past its first checkpoint."""
    command = [sys.executable, str(ROOT / "experiments" / f"{name}.py"), "--output", "run", *flags]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if (tmp_path / "run" / "histograms.npz").exists():
            return process
        time.sleep(0.1)
    raise AssertionError(process.communicate())


@pytest.mark.parametrize(
    ("name", "number", "status"), [("numpy_gan", signal.SIGTERM, 143), ("uniform_to_gaussian", signal.SIGINT, 130)]
)
def test_a_run_has_its_folder_alone_and_a_signal_ends_it_and_says_how_to_go_on(tmp_path, name, number, status):
    process = started(tmp_path, name, "--iterations", "10000000")
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


def content(path):
    """What a program that reads the file gets."""
    if path.name == "config.json":
        return {key: value for key, value in runs.read_config(path.parent).items() if key != "versions"}
    if path.name == "metrics.json":
        return runs.read_metrics(path.parent)
    if path.name == "histograms.npz":
        recording = recordings.of_run(path.parent)
        return {**recording.__dict__, "_histograms": [h.counts.tolist() for h in recording._histograms["entries"]]}
    raise AssertionError(path)


def same(a, b):
    return repr(a) == repr(b)


def corruption(rng, data):
    """Damaged bytes: fewer, other or foreign ones."""
    data = bytearray(data)
    kind = rng.choice(["truncated", "bit", "bit", "bytes", "foreign", "longer"])
    at = int(rng.integers(len(data)))
    if kind == "truncated":
        return data[:at]
    if kind == "bit":
        data[at] ^= 1 << int(rng.integers(8))
        return data
    if kind == "bytes":
        data[at : at + 8] = rng.bytes(min(8, len(data) - at))
        return data
    if kind == "foreign":
        return bytearray((ROOT / "figures" / "reference" / "sine.npz").read_bytes())
    return data + rng.bytes(5)


def test_200_corruptions_are_noticed_or_harmless(finished, tmp_path, capsys):
    """Of a run's files and of its checkpoints', each: named and refused, or the same is read as if it were whole."""
    rng = np.random.default_rng(0)
    published = ["config.json", "metrics.json", "histograms.npz", "SHA256SUMS"]
    made = ["SHA256SUMS", "history.csv", "histograms.npz", "weights.index", "weights.data-00000-of-00001"]
    names = [*published, *(f"checkpoints/20/{name}" for name in made)]
    expected = {name: content(finished / name) for name in published[:3]}
    noticed = 0
    for number in range(200):
        folder, name = tmp_path / str(number), names[number % len(names)]
        shutil.copytree(finished, folder)
        damaged = corruption(rng, (folder / name).read_bytes())
        (folder / name).write_bytes(damaged)
        try:
            if name.startswith("checkpoints"):
                iteration, _ = checkpoints.Checkpoints(folder / "checkpoints").newest()
                said = capsys.readouterr().out
                assert iteration == 20 or (said.count("\n") == 1 and str(folder / "checkpoints" / "20") in said)
                noticed += iteration != 20
                if iteration == 20:
                    files.check_seal(folder / "checkpoints" / "20")  # a byte that says nothing, in SHA256SUMS
                    for other in made[1:]:
                        kept = "checkpoints/20/" + other
                        assert (folder / kept).read_bytes() == (finished / kept).read_bytes()
            elif name == "SHA256SUMS":
                assert same(content(folder / "metrics.json"), expected["metrics.json"])
            else:
                assert same(content(folder / name), expected[name]), (number, name)
        except (ValueError, runs.Refused) as error:
            noticed += 1
            assert str(folder) in str(error) and "\n" not in str(error), (number, name, error)
        except AssertionError:
            assert name == "config.json"  # it can be read, and says something else: not a run that may be resumed
            with pytest.raises(runs.Refused):
                runs.Run("test", runs.Settings("any", 0, 20, folder, resume=True))
            noticed += 1
        shutil.rmtree(folder)
    assert noticed > 150  # and the others were harmless


def hostile_npz(path, shape, dtype="<f8"):
    """An archive of a few bytes with a header that claims more."""
    header = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("edges.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


def peak_of(function):
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as error:
            function()
        return tracemalloc.get_traced_memory()[1], str(error.value)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6), (2**63, 2**63), (-1, 5), ("a",)])
def test_a_header_that_claims_too_much_is_refused(tmp_path, shape):
    hostile_npz(tmp_path / "a.npz", shape)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        (tmp_path / "a.npy").write_bytes(archive.read("edges.npy"))
    for path, read in ((tmp_path / "a.npz", recordings.load), (tmp_path / "a.npy", files.read_samples)):
        with pytest.raises(ValueError) as error:
            read(path)
        assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_a_bomb_is_not_expanded(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("edges.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(1100):
            member.write(bytes(1 << 20))
    assert (tmp_path / "bomb.npz").stat().st_size < 2e6
    peak, line = peak_of(lambda: recordings.load(tmp_path / "bomb.npz"))
    assert peak < 1e6 and "more than 1 GB" in line


def test_many_bins_take_no_memory(tmp_path):
    """A comparison draws a thousand samples of as many bins as a reference has."""
    recording = Recording({"entries": np.linspace(0, 1, 20_001)})
    recording.record(0, np.full((5, 1), 0.5))
    recordings.save(recording, tmp_path / "many.npz")
    with pytest.raises(ValueError, match="10000 bins"):
        recordings.load(tmp_path / "many.npz")


def test_nothing_is_unpickled(tmp_path):
    import pickle

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
