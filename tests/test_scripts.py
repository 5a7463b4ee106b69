"""The scripts from their command lines."""

import os
import subprocess
import sys

from gan_paper import run
from tests.conftest import EXPERIMENTS, ROOT

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("line", "status"), [("numpy_gan --iterations 20 --record-every 20", 0), ("compare wide.npy", 1)]
)
def test_these_need_no_tensorflow(tmp_path, line, status):
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    np.save(tmp_path / "wide.npy", np.random.default_rng(0).normal(4, 1.5, 40_000))
    name, *flags = line.split()
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PATH": ""}
    command = [sys.executable, str(EXPERIMENTS / f"{name}.py"), *flags]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == status, result.stderr


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run an experiment's command line in this process and an empty folder; return its status and its output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")  # tyro draws a box around what it says

    def call(line):
        name, *flags = line.split()
        module = run.load_experiment(name, EXPERIMENTS)
        with pytest.raises(SystemExit) as stop, run.exit_statuses():
            run.train(module, run.parse(module.PRESETS, flags))
        return stop.value.code, capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gaussian --seed -1", "--seed must be a whole number of at least 0, not -1"),
        ("gaussian --k 2.5", "--k"),  # which tyro refuses
        ("gaussian --preset nothing", "--preset nothing is none of default, standard, mixture"),
        ("gaussian --ema 2", "ema must be a share of the run, from 0 to 1, not 2.0"),
        (f"gaussian --output {__file__}/below", f"--output {__file__}/below cannot be written"),
        ("sine --g-hidden 0", "--g-hidden must be one or more whole numbers of at least 1, not (0,)"),
        (
            "figure1 --record-every 100 --iterations 100",
            "--record-every must divide [50], where panels are drawn, not be 100",
        ),
        ("vectors --n 1", "--n must be at least 2, not 1"),
        ("figure1 --iterations 110", "--iterations must be a multiple of --record-every 25, not 110"),
    ],
)
def test_bad_flags_are_named_and_leave_no_folder(command, tmp_path, line, said):
    status, out = command(line)
    assert status == 2 and said in out.err and not out.out, out
    assert out.err.count("\n") == 1 or "--help" in out.err
    assert not any(tmp_path.iterdir())
