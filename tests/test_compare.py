"""`compare.py` and `seeds.py` as a user runs them; most of it in this process."""

import json
import os
import re
from pathlib import Path

from gan_paper import runs
from gan_paper.measure.recording import Recording
from gan_paper.runs import files, recordings
from tests.conftest import ROOT, experiment

import numpy as np
import pytest
import sine

COMPARE = experiment("compare")
BINS = {"entries": np.linspace(-6, 14, 65)}


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Run compare.py in a temporary folder: its exit status and its lines."""
    monkeypatch.chdir(tmp_path)

    def run(name, reference=None):
        try:
            status = 0 if COMPARE.main(COMPARE.Arguments(Path(name), reference)) else 1
        except runs.Refused as refusal:
            status = 2
            print(refusal)
        return status, capsys.readouterr().out.splitlines()

    return run


def samples(name, values):
    np.save(f"{name}.npy", values)
    return f"{name}.npy"


def recorded(values, edges=BINS):
    recording = Recording(edges, sine.VIEWS)
    recording.record(20, values)
    return recording


def finished(folder, values, experiment="gaussian", preset="scalar", edges=BINS, wasserstein=0.5):
    """A run's folder, without the run."""
    folder.mkdir()
    config = {"experiment": experiment, "layout": 1, "settings": {"preset": preset}, "versions": {}}
    (folder / "config.json").write_text(json.dumps(config))
    match = {"wasserstein": wasserstein, "jsd": 0.1}
    metrics = {"match": match, "value": -1.4, "discriminator": {}, "seconds": {"total": 1.0}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    recordings.save(recorded(values, edges), folder / "histograms.npz")
    files.seal(folder)
    return folder.name


RNG = np.random.default_rng(0)
TRUE = RNG.normal(4, 1.25, (10_000, 1))


def test_true_samples_match_the_default_and_others_do_not_which_is_said(compare):
    status, (first, _, *rows, verdict) = compare(samples("true", TRUE))
    assert (status, verdict) == (0, "the run matches") and len(rows) == 6
    assert first.startswith("true.npy against gaussian, the default: ")
    status, lines = compare(samples("wide", RNG.normal(4, 1.5, 10_000)))
    at = lines.index("the run does not match:")
    assert status == 1 and len(lines[at + 1 :]) == sum(line.endswith("  NO") for line in lines[:at]) == 5
    assert any(line.startswith("  too wide: std 1.") for line in lines[at:])


def test_samples_of_several_numbers_have_no_default(compare):
    collapsed = np.tile(RNG.normal(4, 1.25, 1000), (100, 1)) + RNG.normal(0, 0.1, (100, 1000))
    status, (line,) = compare(samples("vectors", collapsed))
    assert status == 2 and line.startswith("vectors.npy holds samples of 1000 numbers, so --reference must name one")
    status, lines = compare("vectors.npy", "gaussian")
    assert status == 1 and lines[-1].startswith("  too alike: std across z 0.1")
    assert compare(samples("true", RNG.normal(4, 1.25, (100, 1000))), "gaussian")[0] == 0


def test_a_run_is_judged_by_the_reference_of_its_experiment(compare, tmp_path):
    name = finished(
        tmp_path / "run", RNG.normal(0, 1, (10_000, 1)), preset="standard", edges={"entries": np.linspace(-8, 8, 65)}
    )
    status, lines = compare(name)
    assert status == 0 and lines[0].startswith("run against gaussian-standard, the default: ")
    assert (tmp_path / "run" / "comparison-gaussian-standard.png").exists()
    other = finished(tmp_path / "other", TRUE, experiment="figure1")
    status, (line,) = compare(other)
    assert status == 2 and line.startswith("--reference must name one for a run of figure1, say gaussian, ")
    assert compare(other, "gaussian")[0] == 0


@pytest.mark.parametrize("dimensions", [1, 2, 50])
def test_samples_of_one_distribution_cannot_be_told_apart(compare, dimensions):
    a, b = RNG.normal(size=(1500, dimensions)), RNG.normal(size=(900, dimensions))
    status, lines = compare(samples("a", a), samples("b", b))
    assert status == 0 and re.fullmatch(r"the samples cannot be told apart \(p = [\d.]+\)", lines[-1])
    shown = [line for line in lines if re.match(r"\d", line)]
    assert len(shown) == min(dimensions, 10)
    cells = [float(cell) for cell in shown[0].split()]
    i = int(cells[0])
    assert cells[1:5] == pytest.approx([a[:, i].mean(), b[:, i].mean(), a[:, i].std(), b[:, i].std()], rel=1e-3)


def test_samples_that_differ(compare):
    a, b = RNG.normal(size=(2, 500, 30))
    b[:, 17] += 2
    status, lines = compare(samples("a", a), samples("b", 10 * b))
    assert status == 1 and lines[-1].startswith("the samples differ (p = ")
    status, lines = compare("a.npy", samples("b", b))
    (row,) = (line.split() for line in lines if line.startswith("17 "))
    assert status == 1 and float(row[5]) == pytest.approx(2 / b[:, 17].std(), rel=0.05)
    correlated = RNG.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 500)  # what no coordinate shows
    status, lines = compare(samples("a", RNG.normal(size=(500, 2))), samples("b", correlated))
    assert status == 1 and lines[-1] == "the samples differ (p = 0.002)"


def test_the_verdict_of_a_run():
    assert COMPARE.verdict(recorded(TRUE), "gaussian", "scalar") == "accepted by gaussian"
    wrong = COMPARE.verdict(recorded(TRUE + 0.2), "gaussian", "notebook")
    assert wrong.startswith("not accepted by gaussian: ") and "; shifted: mean 4.2" in wrong
    assert COMPARE.verdict(recorded(TRUE[:50]), "gaussian", "scalar").startswith("cannot be told: samples must hold at")
    assert COMPARE.verdict(recorded(TRUE), "figure1", "scalar") == ""
    assert COMPARE.verdict(recorded(TRUE), "numpy_gan", "document").startswith("not accepted by numpy_gan: ")


def test_the_exit_status_without_tensorflow(script, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    np.save(tmp_path / "wide.npy", 4 + 1.2 * (TRUE - 4))
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PATH": ""}
    assert script("compare", "wide.npy", env=environment).returncode == 1


def test_seeds_names_units_and_what_the_reference_rejects(script, tmp_path):
    right, wrong = finished(tmp_path / "right", TRUE), finished(tmp_path / "wrong", TRUE + 0.2, wasserstein=0.7)
    result = script("seeds", right, wrong)
    assert result.returncode == 0, result.stderr
    header, first, second, *rest = (re.split("  +", line.strip()) for line in result.stdout.splitlines())
    assert header == ["wasserstein (std)", "jsd (nats)", "value (nats)", "seconds", "reference"]
    assert first[-1] == "matches" and second[-1].startswith("fails Wasserstein-1, ") and second[-1].endswith("mean")
    assert [row[:2] for row in rest[:3]] == [["median", "0.6"], ["least", "0.5"], ["greatest", "0.7"]]
