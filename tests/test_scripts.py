"""The scripts as a user runs them, with few iterations."""

import csv
import json
import re

import keras
import numpy as np
import pytest

from gan_paper.histograms import Recording
from tests.conftest import ROOT

FILES = {
    "config.json", "metrics.json", "history.csv", "histograms.npz", "generator.keras", "discriminator.keras",
    "checkpoints", "histograms.png", "histograms.pdf", "training.png", "training.pdf", "histograms.gif",
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
        "experiment", "preset", "seed", "iterations", "match", "value", "discriminator", "seconds",
        "iterations_per_second",
    ]  # fmt: skip
    assert list(metrics["match"]) == ["wasserstein", "ks", "jsd", "mean", "std", "std_across_noise"]
    assert metrics["seconds"]["total"] > metrics["seconds"]["train"] > 0
    recording = Recording.load(run / "histograms.npz")
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
        assert compared.returncode == 1 and "wasserstein" in compared.stdout and "NO" in compared.stdout
        assert (run / "comparison-gaussian.png").exists() and (run / "comparison-gaussian.pdf").exists()


METRICS = ["experiment", "preset", "seed", "iterations", "match", "value", "discriminator"]
COMMON = {"config.json", "metrics.json", "history.csv", "histograms.npz", "training.png"}


@pytest.mark.parametrize(
    ("name", "preset", "files"),
    [
        ("numpy_gan", "inside", {"checkpoint.npz", "histograms.png", "histograms.gif"}),
        ("numpy_gan", "document", {"checkpoint.npz", "histograms.png", "histograms.gif"}),
        ("uniform_to_gaussian", "matched", {"histograms.png", "histograms.gif", "tail.png", "generator.keras"}),
        ("uniform_to_gaussian", "document", {"histograms.png", "histograms.gif", "tail.png", "generator.keras"}),
        ("sine", "matched", {"samples.png", "samples.gif", "generator.keras"}),
        ("sine", "document", {"samples.png", "samples.gif", "generator.keras"}),
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
    script("numpy_gan", "--iterations", "50", "--output", "run")
    path = tmp_path / "run" / "checkpoint.npz"
    arrays = dict(np.load(path))
    arrays["parameter_0"][...] = np.nan  # the generator's: bounded activations do not diverge by themselves
    np.savez(path, **arrays)
    before = path.read_bytes()
    result = script("numpy_gan", "--iterations", "100", "--output", "run", "--resume")
    assert result.returncode == 3 and result.stderr.count("\n") == 1, result.stderr
    assert "diverged by iteration 100: the " in result.stderr
    assert path.read_bytes() == before


def test_the_numpy_gan_resumes_to_the_last_bit(script, tmp_path):
    script("numpy_gan", "--iterations", "100", "--output", "whole")
    script("numpy_gan", "--iterations", "50", "--output", "parts")
    script("numpy_gan", "--iterations", "100", "--output", "parts", "--resume")
    whole, parts = (np.load(tmp_path / name / "checkpoint.npz") for name in ("whole", "parts"))
    assert all(np.array_equal(whole[key], parts[key]) for key in whole)
    (tmp_path / "parts" / "checkpoint.npz").write_bytes(b"PK")
    one_line(script("numpy_gan", "--iterations", "150", "--output", "parts", "--resume"), "--resume", "checkpoint.npz")


@pytest.mark.parametrize(
    ("name", "flags", "parts"),
    [
        ("numpy_gan", ["--preset", "outside"], ["--preset", "outside", "inside", "document"]),
        ("numpy_gan", ["--k", "0"], ["--k", "0", "from 1"]),
        ("uniform_to_gaussian", ["--m", "none"], ["--m", "none"]),
        ("uniform_to_gaussian", ["--output-slope", "2"], ["--output-slope", "2", "from 0 to 1"]),
        ("sine", ["--dropout", "1"], ["--dropout", "1", "0.999"]),
        ("sine", ["--output", "/proc/run"], ["--output", "/proc/run"]),
        ("figure1", ["--m", "0"], ["--m", "0", "from 1"]),
        ("theory", ["--samples", "1"], ["--samples", "1", "from 2"]),
        ("make_figures", ["figure9"], ["NAME figure9", "figure1", "mnist-samples"]),
        ("benchmark", ["--rounds", "0"], ["--rounds", "0"]),
        ("benchmark", ["--system", "cosine"], ["--system", "cosine", "sine"]),
    ],
)
def test_the_others_refuse(script, name, flags, parts):
    one_line(script(name, *flags), *parts)


def test_gaussian_resumes(script, tmp_path):
    assert script("gaussian", "--iterations", "50", "--output", "run").returncode == 0
    resumed = script("gaussian", "--iterations", "100", "--output", "run", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [row["iteration"] for row in csv.DictReader(file)] == ["50", "100"]
    one_line(script("gaussian", "--output", "run", "--k", "7", "--resume"), "--k was 2, not 7")


def test_divergence_exits_with_3(script, tmp_path):
    result = script("gaussian", "--iterations", "200", "--g-rate", "1e6", "--d-rate", "1e6", "--output", "run")
    assert result.returncode == 3 and result.stderr.count("\n") == 1 and "diverged at iteration" in result.stderr
    assert (tmp_path / "run" / "checkpoints" / "checkpoint").exists()


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--preset", "vector"], ["--preset", "vector", "scalar", "notebook"]),
        (["--k", "0"], ["--k", "0", "from 1"]),
        (["--m", "-3"], ["--m", "-3", "from 1"]),
        (["--iterations", "0"], ["--iterations", "0", "from 1"]),
        (["--iterations", "soon"], ["--iterations", "soon"]),
        (["--momentum", "1"], ["--momentum", "1", "0.999"]),
        (["--output", "file"], ["--output", "file", "a folder is needed"]),
        (["--output", "file/run"], ["--output", "file/run"]),
        (["--output", "/proc/run"], ["--output", "/proc/run"]),
        (["--resume", "--output", "none"], ["--resume", "none"]),
    ],
)
def test_gaussian_refuses(script, tmp_path, tmp_path_factory, flags, parts):
    (tmp_path / "file").write_text("precious")
    stubs = tmp_path_factory.mktemp("stubs")
    (stubs / "tensorflow.py").write_text("raise SystemExit('TensorFlow was waited for')")
    one_line(script("gaussian", *flags, env={"PYTHONPATH": str(stubs), "PATH": ""}), *parts)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "name",
    [
        "gaussian",
        "compare",
        "numpy_gan",
        "uniform_to_gaussian",
        "sine",
        "benchmark",
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
    assert header.split()[:3] == ["wasserstein", "ks", "jsd"]
    assert [row.split()[0] for row in rows] == ["inside-seed0", "inside-seed1", "median", "least", "greatest"]
    first, second, median = (float(row.split()[1]) for row in rows[:3])
    assert median == pytest.approx((first + second) / 2, rel=1e-3)
    assert "fails wasserstein" in rows[0]
    one_line(script("seeds", "nothing"), "nothing holds no readable metrics.json")
    one_line(script("seeds"), "RUN...")


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
    assert header == ["statistic", "run", "reference", "limit", "holds"]
    assert script("compare", "wide.npy", "--reference", "gaussian").returncode == 1
    assert script("compare", "collapsed.npy").returncode == 1


def test_compare_refuses(script, tmp_path):
    np.save(tmp_path / "true.npy", np.random.default_rng(0).normal(4, 1.25, 100))
    (tmp_path / "truncated.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "text.npz").write_text("edges, counts")
    (tmp_path / "folder").mkdir()
    (tmp_path / "samples.txt").write_text("4.0")
    one_line(script("compare", "true.npy", "--reference", "gauss"), "--reference gauss", "gaussian", "notebook")
    one_line(script("compare", "true.npy", "--reference", "missing.npz"), "missing.npz")
    one_line(script("compare", "true.npy", "--reference", "truncated.npz"), "truncated.npz", "not a readable .npz")
    one_line(script("compare", "true.npy", "--reference", "text.npz"), "text.npz", "not a readable .npz")
    one_line(script("compare", "folder"), "folder/histograms.npz does not exist")
    one_line(script("compare", "missing"), "missing")
    one_line(script("compare", "samples.txt"), "samples.txt", ".npy")
    one_line(script("compare"), "RUN")


def test_the_readmes_python_runs():
    (block,) = re.findall("```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(block.replace("stop=10_000, per_call=100", "stop=20, per_call=10"), names)
    assert int(names["gan"].g_optimizer.iterations) == 20


def test_the_readmes_pictures_exist():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text())
    assert pictures and all((ROOT / picture).stat().st_size < 5e6 for picture in pictures)
