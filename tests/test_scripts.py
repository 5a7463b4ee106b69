"""The scripts as a user runs them, with few iterations."""

import json
import re

import keras
import numpy as np
import pytest

from gan_paper.runs import files, recordings
from gan_paper.runs.checkpoints import Checkpoints
from tests.conftest import ROOT

FILES = {
    "config.json", "metrics.json", "history.csv", "histograms.npz", "generator.keras", "discriminator.keras",
    "checkpoints", "histograms.png", "histograms.pdf", "training.png", "training.pdf", "histograms.gif", "SHA256SUMS",
    ".lock", ".written",
}  # fmt: skip


def one_line(result, *parts):
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1 and all(part in result.stderr for part in parts), result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    ("flags", "shape"),
    [
        (["--iterations", "30"], (1, 30)),
        (["--preset", "notebook", "--iterations", "30"], (1000, 1000)),
    ],
)
def test_gaussian(script, tmp_path, flags, shape):
    result = script("gaussian", *flags, "--output", "run")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no start-up noise
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == FILES
    assert all(name in result.stdout for name in ("wasserstein", "run/metrics.json", "run/histograms.gif"))
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics) == [
        "experiment", "preset", "seed", "iterations", "match", *(["entries"] if shape[0] > 1 else []), "value",
        "discriminator", "seconds", "iterations_per_second",
    ]  # fmt: skip
    assert list(metrics["match"]) == ["wasserstein", "ks", "jsd", "mean", "std", "std_across_noise"]
    assert metrics["seconds"]["total"] > metrics["seconds"]["train"] > 0
    recording = recordings.load(run / "histograms.npz")
    assert recording.histogram().counts.shape == (64,)
    n, noise_size = shape
    generator = keras.models.load_model(run / "generator.keras")
    samples = generator.predict(np.zeros((5, noise_size)), verbose=0)
    assert samples.shape == (5, n)
    if n > 1:
        assert recording.iterations == [0, 10, 20, 30] and "spread" in recording.edges
        compared = script("compare", "run", "--reference", "notebook")
        assert compared.returncode in (0, 1) and (run / "comparison-notebook.png").exists()
    else:
        assert 0 <= metrics["discriminator"]["largest_gap"] <= 0.5
        compared = script("compare", "run")
        assert compared.returncode == 1 and "Wasserstein-1" in compared.stdout and "NO" in compared.stdout
        assert (run / "comparison-gaussian.png").exists() and (run / "comparison-gaussian.pdf").exists()


METRICS = ["experiment", "preset", "seed", "iterations", "match", "value", "discriminator"]
COMMON = {"config.json", "metrics.json", "history.csv", "histograms.npz", "training.png"}


@pytest.mark.parametrize(
    ("name", "preset", "files"),
    [
        ("numpy_gan", "inside", {"checkpoints", "histograms.png", "histograms.gif"}),
        ("numpy_gan", "document", {"checkpoints", "histograms.png", "histograms.gif"}),
        ("uniform_to_gaussian", "matched", {"histograms.png", "histograms.gif", "tail.png", "generator.keras"}),
        ("sine", "matched", {"samples.png", "samples.gif", "generator.keras"}),
    ],
)
def test_the_other_experiments(script, tmp_path, name, preset, files):
    result = script(name, "--preset", preset, "--iterations", "20", "--record-every", "10", "--output", "run")
    assert result.returncode == 0 and result.stderr == "", result.stderr
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} >= COMMON | files
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics)[:7] == METRICS
    compared = script("compare", "run")
    assert compared.returncode == 1 and f"against {name}" in compared.stdout  # 20 iterations are no training
    if name == "numpy_gan":
        return  # `tests/test_survival.py` resumes it
    resumed = script(
        name, "--preset", preset, "--iterations", "30", "--record-every", "10", "--output", "run", "--resume"
    )
    assert resumed.returncode == 0, resumed.stderr
    assert len((run / "history.csv").read_text().splitlines()) == 4


def test_the_numpy_gan_loads_no_tensorflow(script, tmp_path):
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    result = script("numpy_gan", "--iterations", "20", "--output", "run", env={"PYTHONPATH": str(tmp_path), "PATH": ""})
    assert result.returncode == 0, result.stderr


def test_the_numpy_gan_says_which_network_broke(script, tmp_path):
    """Bounded activations do not diverge by themselves, so the weights of a checkpoint are made to."""
    script("numpy_gan", "--iterations", "50", "--output", "run")
    checkpoint = tmp_path / "run" / "checkpoints" / "50"
    arrays = dict(np.load(checkpoint / "weights.npz"))
    arrays["parameter_0"][...] = np.nan  # the generator's
    np.savez(checkpoint / "weights.npz", **arrays)
    files.seal(checkpoint)
    result = script("numpy_gan", "--iterations", "100", "--output", "run", "--resume")
    assert result.returncode == 3 and result.stderr.count("\n") == 1, result.stderr
    assert "diverged at iteration 51: the " in result.stderr
    files.check_seal(checkpoint)


def test_divergence_exits_with_3(script, tmp_path):
    result = script("gaussian", "--iterations", "200", "--g-rate", "1e6", "--d-rate", "1e6", "--output", "run")
    assert result.returncode == 3 and result.stderr.count("\n") == 1 and "diverged at iteration" in result.stderr
    assert Checkpoints(tmp_path / "run" / "checkpoints").newest()[0] == 0


@pytest.mark.parametrize(
    "name",
    [
        "gaussian",
        "compare",
        "numpy_gan",
        "uniform_to_gaussian",
        "sine",
        "speed/benchmark",
        "speed/costs",
        "tables",
        "sweep",
        "report",
        "seeds",
        "mnist",
        "table1",
        "figure1",
        "theory",
        "make_figures",
    ],
)
def test_help_answers_without_tensorflow(script, tmp_path, name):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    result = script(name, "--help", env={"PYTHONPATH": str(tmp_path), "PATH": ""})
    assert result.returncode == 0 and "usage" in result.stdout


def test_seeds(script, tmp_path):
    for seed in (0, 1):
        assert script("numpy_gan", "--iterations", "20", "--seed", seed).returncode == 0
    folders = [f"runs/numpy_gan/inside-seed{seed}" for seed in (0, 1)]
    result = script("seeds", *folders)
    assert result.returncode == 0, result.stderr
    header, *rows = result.stdout.splitlines()
    assert header.split()[:5] == ["wasserstein", "(std)", "ks", "jsd", "(nats)"]
    assert [row.split()[0] for row in rows] == ["inside-seed0", "inside-seed1", "median", "least", "greatest"]
    first, second, median = (float(row.split()[1]) for row in rows[:3])
    assert median == pytest.approx((first + second) / 2, rel=1e-3)
    assert "fails Wasserstein-1" in rows[0]


def test_compare_samples(script, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "true.npy", rng.normal(4, 1.25, 10_000))
    np.save(tmp_path / "wide.npy", rng.normal(4, 1.5, 10_000))
    np.save(
        tmp_path / "collapsed.npy",
        np.tile(rng.normal(4, 1.25, 1000), (100, 1)) + rng.normal(0, 0.1, (100, 1000)),
    )
    accepted = script("compare", "true.npy")
    assert accepted.returncode == 0 and "the run matches" in accepted.stdout
    header = accepted.stdout.splitlines()[1].split()
    assert header == ["statistic", "unit", "run", "reference", "limit", "holds"]
    assert script("compare", "wide.npy", "--reference", "gaussian").returncode == 1
    assert script("compare", "collapsed.npy", "--reference", "gaussian").returncode == 1


def test_the_readmes_python_runs():
    (block,) = re.findall("```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(block.replace("50_000, 1)", "1_000, 1)"), names)
    assert len(names["history"].epoch) == 10 and names["samples"].shape == (10_000, 1)


def test_the_readmes_pictures_exist():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text())
    assert pictures and all((ROOT / picture).stat().st_size < 5e6 for picture in pictures)
