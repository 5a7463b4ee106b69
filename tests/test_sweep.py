"""Sweeps: the same bits as the plain script's, what is skipped and resumed, and a cluster."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from gan_paper import run
from tests.conftest import ROOT, wait_for

import filelock
import pytest
import sweep
import sweep_workers
import tyro

TINY = '''
"""At a mean of 7 it never ends, at 8 it is killed the first time, and at 9 it diverges."""
import json, os, signal, time
from dataclasses import dataclass
import numpy as np
from gan_paper import run
from gan_paper.metrics import Recording
@dataclass(frozen=True)
class Config(run.Config):
    mean: float = 0.0
    units: tuple[int, ...] = (8,)
PRESETS = {"default": Config(), "other": Config(mean=1.0)}
if __name__ == "__main__":
    with run.exit_statuses():
        config = run.parse(PRESETS)
        folder = run.Folder("tiny", PRESETS, config)
        with folder.opened():
            if config.mean == 7:
                time.sleep(600)
            if config.mean == 8 and not config.resume:
                os.kill(os.getpid(), signal.SIGKILL)
            if config.mean == 9:
                raise FloatingPointError("training diverged at iteration 1")
            recording = Recording({"x": np.linspace(-8, 8, 65)})
            recording.record(1, np.random.default_rng(config.seed).normal(config.mean, 1, (10_000, 1)))
            folder.save_records(recording, [{"iteration": 1}])
            row = {"experiment": "tiny", "preset": config.preset, "seed": config.seed, "iterations": 1, "ks": 0.5}
            (folder.path / "metrics.json").write_text(json.dumps(row))
'''


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The first flags of a sweep of an experiment outside the repository, in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tiny.py").write_text(TINY)
    return ["tiny", "--experiments", "mine", "--seeds"]


def here(*flags):
    """sweep.py in this process; whether every run is finished."""
    return sweep.main(tyro.cli(sweep.Arguments, args=[*map(str, flags)]))


def start(*command, **kwargs):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "experiments"), "mine"])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **kwargs}
    return subprocess.Popen([sys.executable, *map(str, command)], env=environment, **pipes)


def is_the_plain_scripts(folder):
    """Whether a run has the bits and the configuration that its script's own command gives."""
    plain = Path("plain")
    with start("mine/tiny.py", "--output", plain) as process:
        assert process.wait() == 0, process.stderr.read()
    names = "history.csv", "histograms.npz"
    same = all((folder / name).read_bytes() == (plain / name).read_bytes() for name in names)
    return same and run.read_config(folder) == run.read_config(plain)


def test_the_same_bits_in_the_same_folder_and_what_is_there_is_skipped(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(socket.socket, "bind", None)  # nothing listens
    assert here(*tiny, "0")
    made = tmp_path / "runs" / "tiny" / "seed0"
    assert is_the_plain_scripts(made)
    before = (made / "histograms.npz").stat().st_mtime_ns
    assert here(*tiny, "0-1")
    said = capsys.readouterr().out
    assert "2 runs: 1 finished before, 1 to train" in said and re.search("\nmedian .*\nleast .*\ngreatest ", said)
    assert (made / "histograms.npz").stat().st_mtime_ns == before


def test_a_failed_run_is_a_row_and_the_same_command_goes_on(tiny, capsys):
    for line in ("failed: exit status -9", "ks 0.5, "):
        assert not here(*tiny, "0", "--set", "mean=0,8,9")
        said = capsys.readouterr().out
        assert said.count("mean=9.0-seed0: failed: tiny.py: training diverged at iteration 1") == 2  # at once, and last
        assert f"\nmean=8.0-seed0: {line}" in said
    assert "3 runs: 1 finished before, 2 to train" in said


def test_ctrl_c_ends_all_processes(tiny, tmp_path):
    begun = tmp_path / "runs" / "tiny" / "mean=7.0-seed0"
    with start(ROOT / "experiments" / "sweep.py", *tiny, "0-9", "--set", "mean=7", "--workers", 1) as process:
        wait_for(begun / "config.json", process)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and said.count("\n") == 1 and "the same command goes on" in said
    with filelock.FileLock(begun / ".lock", timeout=0):  # no process has it open
        assert not (begun / "metrics.json").exists()


def test_a_cluster_without_a_common_disk(tiny, tmp_path):
    file, runs, outcomes = tmp_path / "scheduler.json", tmp_path / "runs" / "tiny", []
    (runs / "seed1").mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        for words in ("dask_scheduler --host 127.0.0.1 --port 0", "dask_worker --nthreads 1 --no-nanny"):
            command = f"-m distributed.cli.{words} --no-dashboard --scheduler-file {file}".split()
            process = stack.enter_context(start(*command, stdout=None, stderr=None))
            stack.callback(process.terminate)
            wait_for(file, process)
        for flags in (["0", "--set", "mean=0,9"], ["1"]):
            with start(ROOT / "experiments" / "sweep.py", *tiny, *flags, "--scheduler", file) as process:
                outcomes.append((*process.communicate(timeout=200), process.returncode))
    assert [status for *_, status in outcomes] == [3, 2], outcomes
    assert is_the_plain_scripts(runs / "seed0")
    assert "mean=9.0-seed0: failed: tiny.py: training diverged" in outcomes[0][0]
    assert {path.name for path in runs.iterdir() if path.is_dir()} == {"seed0", "seed1"}
    assert "seed1 is there already: finish it without --scheduler" in outcomes[1][1]
    with pytest.raises(run.Refused, match="or other code"):
        sweep_workers.train_there("numpy_gan", "another digest", [])


def test_values_are_of_the_settings_kinds(tiny):
    presets = run.load_experiment("tiny", Path("mine").resolve()).PRESETS
    planned = sweep.plan(sweep.Arguments("tiny", "3,1-2,1", "other", ("mean=1e-3", "units=8,16 4")), presets)
    assert [one.config.seed for one in planned] == [3, 1, 2] * 2
    assert {(one.config.mean, one.config.units) for one in planned} == {(0.001, (8,)), (0.001, (16, 4))}
    assert planned[0].folder.name == "other-mean=0.001-seed3"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["5-3,9"], "--seeds must be whole numbers and rising ranges"),
        (["1", "--set", "output=x"], "--set output=x must name one of these settings"),
        (["1", "--set", "mean=1,1.0"], "--set must not give one value twice"),
    ],
)
def test_bad_input(tiny, flags, said):
    with pytest.raises(run.Refused, match=said):
        here(*tiny, *flags)
