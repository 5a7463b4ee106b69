"""Many runs: the same bits as the plain script's, what is skipped, resumed and tried again, and what comes back."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from gan_paper import runs
from gan_paper.runs import checkpoints, files, provenance, remote
from tests.conftest import ROOT, cheaper, experiment, trained

import numpy as np
import pytest
import tyro

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "experiments")])}
SWEEP = experiment("sweep")
SHORT = ["--set", "iterations=300"]


def command(*flags):
    return [sys.executable, str(ROOT / "experiments" / "sweep.py"), *map(str, flags)]


def run(folder, *flags, environment=ENVIRONMENT):
    pipes = {"capture_output": True, "text": True, "timeout": 300}
    return subprocess.run(command(*flags), cwd=folder, env=environment, **pipes)


def here(*flags):
    """sweep.py in this process, where no worker is needed."""
    return SWEEP.main(tyro.cli(SWEEP.Arguments, args=[*map(str, flags)]))


@contextlib.contextmanager
def cluster(folder):
    """A scheduler and a worker in processes of their own, as on a cluster; yields the scheduler's file."""
    file = folder / "scheduler.json"
    quiet = {"env": ENVIRONMENT, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    worker = ["dask_worker", "--nthreads", "1", "--memory-limit", "0", "--no-nanny"]
    with contextlib.ExitStack() as stack:
        for module, *flags in (scheduler, worker):
            line = [sys.executable, "-m", f"distributed.cli.{module}", *flags, "--no-dashboard"]
            process = stack.enter_context(subprocess.Popen([*line, "--scheduler-file", str(file)], **quiet))
            stack.callback(process.terminate)
            assert until(file.exists)
        yield file


def until(condition, seconds=120):
    for _ in range(10 * seconds):
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The folder of the plain run of seed 0, with checkpoints at 200 and 300."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints.Checkpoints, "is_due", lambda self: True)
        return trained("numpy_gan", tmp_path_factory.mktemp("plain") / "run", iterations=300, record_every=100).folder


def begun(folder, place, broken=False, **settings):
    """The plain run, copied as one of these settings that has been stopped at 200.

    Bounded activations do not diverge by themselves: a broken one's checkpoint is made to.
    """
    shutil.copytree(folder, place)
    shutil.rmtree(place / "checkpoints" / "300")
    (place / "SHA256SUMS").unlink()
    config = json.loads((place / "config.json").read_text())
    config["settings"].update(settings)
    (place / "config.json").write_text(json.dumps(config))
    if broken:
        weights = place / "checkpoints" / "200" / "weights.npz"
        np.savez(weights, **{name: np.full_like(array, np.nan) for name, array in np.load(weights).items()})
        files.seal(weights.parent)
    return place


def test_a_cluster_without_a_common_disk_trains_with_each_value(tmp_path, plain, monkeypatch, capsys):
    """Begun runs are sent along: one is resumed, one diverges. A new one comes back sealed, never seen in part."""
    seen, done = [], threading.Event()
    sent, place, broken = (tmp_path / "runs" / "numpy_gan" / f"inside-iterations=300,k={k}-seed0" for k in (2, 3, 4))
    written = (begun(plain, sent, k=2) / "checkpoints" / "200" / "weights.npz").stat().st_mtime_ns
    begun(plain, broken, broken=True, k=4)

    def watch():
        while not done.is_set():
            if place.exists():
                seen.append((place / "SHA256SUMS").exists())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    flags = ["numpy_gan", "--seeds", "0", *SHORT, "--set", "k=2,3,4"]
    watcher.start()
    with cluster(tmp_path) as file:
        result = run(tmp_path, *flags, "--scheduler-file", file)
    done.set()
    watcher.join()
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert seen and all(seen)
    pictures = {"sweep-inside.png", "sweep-inside.pdf"}
    assert {path.name for path in place.parent.iterdir()} == {sent.name, place.name, broken.name, *pictures}
    assert "3 runs: 0 finished before, 3 to train" in result.stdout
    tables = result.stdout.split("\nnumpy_gan inside-")[1:]
    assert [table.splitlines()[0] for table in tables] == [f"iterations=300,k={k}" for k in (2, 3, 4)]
    assert result.stdout.count(f"{broken.name}: training diverged at iteration 201") == 2  # as it ended, and as a row
    for folder in (sent, place):
        files.check_seal(folder)
        assert f"\n{folder.name}: wasserstein 0." in result.stdout  # as it ended
    again = (sent / "checkpoints" / "200" / "weights.npz").stat().st_mtime_ns
    assert again // 10**9 == written // 10**9  # it was not made again
    for name in ("history.csv", "histograms.npz"):  # k is 3 by default, so this is the plain run
        assert (place / name).read_bytes() == (plain / name).read_bytes()
    assert runs.read_config(place)["settings"] == runs.read_config(plain)["settings"]

    monkeypatch.chdir(tmp_path)
    before = (place / "histograms.npz").stat().st_mtime_ns
    assert here(*flags[:-1], "k=2,3")
    said = capsys.readouterr().out
    assert "2 runs: 2 finished before, 0 to train" in said and "dashboard" not in said
    assert (place / "histograms.npz").stat().st_mtime_ns == before


def test_a_folder_that_holds_something_else_is_refused(plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "runs" / "numpy_gan" / "inside-seed0"
    shutil.copytree(plain, place)
    with pytest.raises(runs.Refused, match="inside-seed0 holds a run of other settings"):
        here("numpy_gan", "--seeds", "0")  # more iterations
    named = place.with_name("inside-iterations=300-seed0")
    place.rename(named)
    (named / "history.csv").write_text("garbled")
    with pytest.raises(runs.Refused, match=r"history\.csv is damaged"):
        here("numpy_gan", "--seeds", "0", *SHORT)
    (named / "notes.txt").write_text("precious")
    with pytest.raises(runs.Refused, match=r"holds files that no run wrote \(notes\.txt\)"):
        here("numpy_gan", "--seeds", "0", *SHORT)
    assert (named / "notes.txt").exists() and (named / "history.csv").read_text() == "garbled"


def test_ctrl_c_keeps_what_is_there_and_the_same_command_goes_on(tmp_path):
    """The run, too long to be finished, has begun: it is resumed, by the plain script in this test."""
    flags = ["numpy_gan", "--seeds", "0", "--set", "iterations=10000000", "--workers", "1"]
    begun = tmp_path / "runs" / "numpy_gan" / "inside-iterations=10000000-seed0"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command(*flags), cwd=tmp_path, env=ENVIRONMENT, **pipes) as sweeping:
        try:
            assert until((begun / "histograms.npz").exists)
            os.killpg(sweeping.pid, signal.SIGINT)  # as the terminal does
            _, errors = sweeping.communicate(timeout=120)
        except BaseException:
            os.killpg(sweeping.pid, signal.SIGKILL)
            raise
    assert sweeping.returncode == 130 and errors.count("\n") == 1 and "the same command goes on" in errors, errors
    # No process holds it any more; at 10,000,000 iterations it is not waited for.
    with runs.Run("numpy_gan", experiment("numpy_gan").Settings("inside", 0, 10_000_000, begun, resume=True)) as run_:
        assert run_.config["settings"]["iterations"] == 10_000_000


def test_a_worker_is_killed(tmp_path, plain):
    """Its run is tried again; and if it is killed whenever it is tried, it is a row, and the others are made."""
    place, marks = tmp_path / "runs" / "numpy_gan", tmp_path / "marks"
    marks.mkdir()
    resumed = begun(plain, place / "inside-iterations=300-seed0")
    written = (resumed / "checkpoints" / "200" / "weights.npz").stat().st_mtime_ns
    suicide = tmp_path / "modules"
    suicide.mkdir()
    # Seed 1 kills its worker the first time, seed 2 each time.
    (suicide / "sitecustomize.py").write_text(
        "import os, signal, sys, time\n"
        "def hook(event, arguments):\n"
        "    if event == 'os.mkdir' and str(arguments[0]).endswith(('seed1/checkpoints', 'seed2/checkpoints')):\n"
        f"        mark = '{marks}/' + str(arguments[0]).split('seed')[1][0]\n"
        "        if mark.endswith('2') or not os.path.exists(mark):\n"
        "            open(mark, 'a').write('x')\n"
        "            time.sleep(1)\n"  # a worker is at work by then, and does not die while it starts
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{suicide}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}"}
    flags = ["numpy_gan", "--seeds", "1,0,2", *SHORT, "--workers", 1, "--retries", 1]
    result = run(tmp_path, *flags, environment=environment)
    assert result.returncode == 3 and result.stderr == "", result.stderr
    for seed in (0, 1):
        files.check_seal(place / f"inside-iterations=300-seed{seed}")
    assert (resumed / "checkpoints" / "200" / "weights.npz").stat().st_mtime_ns == written  # it was not made again
    assert (marks / "1").read_text() == "x" and (marks / "2").read_text() == "xx"
    failed = "inside-iterations=300-seed2: failed: each worker that it was given to died"
    assert result.stdout.count(failed) == 2  # as it ended, and in the table


def test_a_worker_that_has_run_before_gives_the_same_bits(tmp_path, monkeypatch):
    """And in which other threads draw random numbers, as Dask's do from time to time; here they do so incessantly."""
    changes = {"seed": 0, "g_hidden": (8,), "d_hidden": (8,), "dropout": 0.5}
    plain = trained("sine", tmp_path / "plain", **changes)
    cheaper(monkeypatch)
    done = threading.Event()

    def draw():
        while not done.wait(0.005):
            random.random(), random.randint(0, 9), random.getrandbits(8)

    drawing = threading.Thread(target=draw)
    drawing.start()
    try:
        for seed in (1, 0):
            values = {**plain.settings.recorded(), "seed": seed}
            code = provenance.digest(type(plain.settings))
            assert remote.train(remote.Task("sine", values, {}, code, tmp_path / str(seed))).status == "finished"
    finally:
        done.set()
        drawing.join()
    for name in ("history.csv", "histograms.npz"):
        assert (tmp_path / "0" / name).read_bytes() == (plain.folder / name).read_bytes(), name


def test_a_worker_with_other_code_is_refused(tmp_path):
    script = experiment("numpy_gan")
    values = {**script.Settings().recorded(), "iterations": 20}
    task = remote.Task("numpy_gan", values, {}, "0" * 16, tmp_path / "run")
    outcome = remote.train(task)
    assert outcome.status == "refused" and "a worker has other code" in outcome.said
    assert not (tmp_path / "run").exists()
    outcome = remote.train(task._replace(experiment="nothing_of_the_kind"))
    assert outcome.status == "refused" and "PYTHONPATH" in outcome.said


def test_a_folder_travels(tmp_path, plain, capsys):
    archive = remote.pack(plain)
    remote.unpack(archive, tmp_path / "there")
    sent = {str(path.relative_to(plain)): path.read_bytes() for path in plain.rglob("*") if path.is_file()}
    del sent[".lock"]
    there = tmp_path / "there"
    assert {str(p.relative_to(there)): p.read_bytes() for p in there.rglob("*") if p.is_file()} == sent
    settings = experiment("numpy_gan").Settings(iterations=300)
    # over a begun run, whose files go; over anything else it does not land
    place = tmp_path / "place"
    runs.Run("numpy_gan", experiment("numpy_gan").Settings(iterations=300, output=place)).close()
    remote.land(archive, place, "numpy_gan", settings)
    files.check_seal(place)
    (place / "notes.txt").write_text("precious")
    with pytest.raises(runs.Refused, match=r"notes\.txt"):
        remote.land(archive, place, "numpy_gan", settings)
    assert (place / "notes.txt").exists() and sorted(p.name for p in tmp_path.iterdir()) == ["place", "there"]
    damaged = archive.replace((plain / "history.csv").read_bytes(), (plain / "history.csv").read_bytes()[::-1])
    with pytest.raises(ValueError, match=r"history\.csv is damaged"):
        remote.land(damaged, tmp_path / "new", "numpy_gan", settings)
    assert not (tmp_path / "new").exists()


def test_bad_input(tmp_path, monkeypatch):
    """`test_bad_input.py` has more; these need Dask, or are of its arguments alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remote, "SECONDS", 0.5)
    for flags, said in [
        ("--seeds 0-999999999", "--seeds 0-999999999 are too many"),
        ("--seeds 0-9999 --set k=1,2,3,4,5,6,7,8,9,10,11", "make 110000 runs"),
        ("--seeds 0 --preset none", "--preset none is none of numpy_gan: inside, document"),
        ("--seeds 0 --set output=x", "--set output=x names no setting"),
        ("--seeds 0 --set k=1,1", "--set k=1,1 must give k one or more different values"),
        ("--seeds 0 --set k=1 --set k=2", "a second time"),
        ("--seeds 0 --set d_rate=1,1.0", "--set must not name one value in two ways"),
        ("--seeds 0 --set d_bias=maybe", "--set d_bias=maybe must be true or false"),
        ("--seeds 0 --scheduler tcp://127.0.0.1:9", "leads to no scheduler that answers"),
        ("--seeds 0 --scheduler nonsense://a", "--scheduler nonsense://a leads to no"),
        ("--seeds 0 --scheduler-file none.json", "--scheduler-file none.json leads to no"),
    ]:
        with pytest.raises(runs.Refused, match=re.escape(said)):
            here("numpy_gan", *flags.split())
    assert not list(tmp_path.iterdir())


def test_values_are_of_the_settings_kinds():
    numpy_gan = experiment("numpy_gan")
    sets = ("d-bias=false,true", "d_rate=1e-3", "generator_loss=saturating")
    arguments = SWEEP.Arguments("numpy_gan", "3,1-2,1", None, sets)
    planned = SWEEP.plan(arguments, numpy_gan.PRESETS)
    assert [run_.settings.seed for run_ in planned] == [3, 1, 2] * 2
    assert [run_.settings.d_bias for run_ in planned] == [False] * 3 + [True] * 3
    label = "inside-d_bias=False,d_rate=0.001,generator_loss=saturating"
    assert planned[0].label == label and planned[0].folder.name == f"{label}-seed3"
    assert planned[0].settings.d_rate == 1e-3 and planned[0].settings.generator_loss == "saturating"
    assert provenance.digest(numpy_gan.Settings)
