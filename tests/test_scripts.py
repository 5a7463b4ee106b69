"""The experiments from their command lines, with few iterations, and what README.md shows of them."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

from gan_paper.measure.recording import Recording
from gan_paper.runs import files, recordings
from tests.conftest import ROOT, experiment, trained

import gaussian
import keras
import numpy as np
import pytest

COMPARE = experiment("compare")
METRICS = ["experiment", "preset", "seed", "iterations", "match", "value", "discriminator"]
COMMON = {
    "config.json", "metrics.json", "history.csv", "histograms.npz", "checkpoints", "training.png", "training.pdf",
    "SHA256SUMS", ".lock", ".written",
}  # fmt: skip
LINE = {"histograms.png", "histograms.pdf", "histograms.gif"}
NETWORKS = {"generator.keras", "discriminator.keras"}


def compared(folder, reference=None):
    """What compare.py says of a run: whether it matches."""
    return COMPARE.main(COMPARE.Arguments(folder, reference))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The gaussian script in a process of its own: the folder in which it ran, and what it said."""
    folder = tmp_path_factory.mktemp("plain")
    command = [sys.executable, str(ROOT / "experiments" / "gaussian.py"), "--iterations", "20", "--k", "1"]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_gaussian_script(plain, capsys):
    folder, result = plain
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no start-up noise
    run = folder / "runs" / "gaussian" / "scalar-seed0"
    assert {path.name for path in run.iterdir()} == COMMON | LINE | NETWORKS
    assert all(name in result.stdout for name in ("wasserstein", "seed0/metrics.json", "seed0/histograms.gif"))
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics) == [*METRICS, "seconds", "iterations_per_second"]
    assert list(metrics["match"]) == ["wasserstein", "ks", "jsd", "mean", "std", "std_across_noise"]
    assert metrics["seconds"]["total"] > metrics["seconds"]["train"] > 0
    assert 0 <= metrics["discriminator"]["largest_gap"] <= 0.5
    assert recordings.load(run / "histograms.npz").histogram().counts.shape == (64,)
    samples = keras.models.load_model(run / "generator.keras").predict(np.zeros((5, 30)), verbose=0)
    assert samples.shape == (5, 1)
    assert not compared(run) and "Wasserstein-1" in capsys.readouterr().out
    assert (run / "comparison-gaussian.png").exists() and (run / "comparison-gaussian.pdf").exists()


def test_a_short_training_comes_to_the_data():
    """In a third of the default's iterations; what the whole run reaches is in experiments/README.md."""
    settings = replace(gaussian.PRESETS["scalar"], iterations=2000, k=2, g_rate=8e-4, seed=100)
    gan = gaussian.make_gan(settings)
    p_data, edges = gaussian.TARGETS["scalar"]
    gan.fit(p_data, batch_size=settings.m, steps_per_epoch=settings.iterations, seed=settings.seed, verbose=0)
    recording = Recording({"entries": edges})
    recording.record(settings.iterations, gan.sample(100_000))
    assert COMPARE.verdict(recording, "gaussian", "scalar") == "accepted by gaussian"


@pytest.mark.parametrize(
    ("name", "preset", "changes", "files"),
    [
        ("gaussian", "notebook", {"n": 50, "noise_size": 50}, LINE | NETWORKS),
        ("numpy_gan", "document", {}, LINE),
        ("sine", "matched", {"g_hidden": (8,), "d_hidden": (8,)}, {"samples.png", "samples.gif", *NETWORKS}),
        ("uniform_to_gaussian", "matched", {"m": 16}, {"tail.png", *LINE, *NETWORKS}),
    ],
)
def test_the_other_experiments(tmp_path, name, preset, changes, files, capsys):
    run = trained(name, tmp_path / "run", preset, pictures=True, **changes)
    assert {path.name for path in run.folder.iterdir()} >= COMMON | files
    assert json.loads((run.folder / "metrics.json").read_text()).keys() >= set(METRICS)
    reference = "notebook" if preset == "notebook" else None
    assert not compared(run.folder, reference)  # 20 iterations are no training
    assert f"against {reference or name}" in capsys.readouterr().out


def test_the_numpy_gan_loads_no_tensorflow_and_says_which_network_broke(script, tmp_path):
    """Bounded activations do not diverge by themselves, so the weights of a checkpoint are made to."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PATH": ""}
    result = script("numpy_gan", "--iterations", "20", "--output", "run", env=environment)
    assert result.returncode == 0, result.stderr
    checkpoint = tmp_path / "run" / "checkpoints" / "20"
    arrays = dict(np.load(checkpoint / "weights.npz"))
    arrays["parameter_0"][...] = np.nan  # the generator's
    np.savez(checkpoint / "weights.npz", **arrays)
    files.seal(checkpoint)
    result = script("numpy_gan", "--iterations", "50", "--output", "run", "--resume", env=environment)
    assert result.returncode == 3 and result.stderr.count("\n") == 1, result.stderr
    assert "diverged at iteration 21: the " in result.stderr
    files.check_seal(checkpoint)


def test_the_readmes_python_runs():
    (block,) = re.findall("```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(block.replace("50_000, 1)", "1_000, 1)"), names)
    assert len(names["history"].epoch) == 10 and names["samples"].shape == (10_000, 1)


def test_the_readmes_pictures_exist():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text())
    assert pictures and all((ROOT / picture).stat().st_size < 5e6 for picture in pictures)
