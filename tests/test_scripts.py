"""The scripts from their command lines."""

import os

from gan_paper import run
from tests.conftest import EXPERIMENTS, NAMES, ROOT

import numpy as np
import pytest


def test_the_numpy_gan_needs_no_tensorflow_and_says_where_it_broke(script, tmp_path):
    """Bounded activations do not diverge by themselves, so the weights of a checkpoint are made to."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PATH": ""}
    result = script("numpy_gan", "--iterations", "20", "--record-every", "20", "--output", "run", env=environment)
    assert result.returncode == 0, result.stderr
    checkpoint = tmp_path / "run" / "checkpoints" / "20.npz"
    arrays = dict(np.load(checkpoint))
    arrays["variable_0"][...] = np.nan  # the generator's
    np.savez(checkpoint, **arrays)
    flags = ("--iterations", "60", "--record-every", "20", "--output", "run", "--resume")
    result = script("numpy_gan", *flags, env=environment)
    assert result.returncode == 3 and result.stderr.count("\n") == 1, result.stderr
    assert "diverged at iteration 40" in result.stderr and "--resume" not in result.stderr
    assert {path.name for path in checkpoint.parent.iterdir()} == {"0.npz", "20.npz"}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """What an experiment's command line gives, in this process and an empty folder: its status, and what it says."""
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
        ("figure1 --iterations 110", "--iterations must be a multiple of --record-every 25, not 110"),
    ],
)
def test_bad_flags_are_named_and_leave_no_folder(command, tmp_path, line, said):
    status, out = command(line)
    assert status == 2 and said in out.err and not out.out, out
    assert out.err.count("\n") == 1 or "--help" in out.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_every_setting_does(command, name):
    status, out = command(f"{name} --help")
    presets = run.load_experiment(name, EXPERIMENTS).PRESETS
    assert status == 0 and not out.err
    assert all(run.config.flag(setting) in out.out for setting in next(iter(presets.values())).settings())
