"""`compare.py` and `seeds.py` as a user runs them; most of it in this process."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import sine

from gan_paper import runs
from gan_paper.measure.recording import MOMENTS, Recording
from gan_paper.runs import files, recordings
from tests.conftest import ROOT, experiment, trained

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


def test_true_samples_match_the_default_which_is_said(compare):
    status, (first, header, *rows, verdict) = compare(samples("true", TRUE))
    assert (status, verdict) == (0, "the run matches")
    assert first == "true.npy against gaussian, the default: exact bin masses of N(4, 1.25)"
    assert re.split("  +", header) == ["statistic", "unit", "run", "reference", "limit", "holds"]
    assert [" ".join(re.split("  +", row)[:2]) for row in rows[:3:2]] == [
        "Wasserstein-1 standard deviations",
        "Jensen-Shannon nats",
    ]
    assert [row.split()[0] for row in rows] == [
        "Wasserstein-1",
        "Kolmogorov-Smirnov",
        "Jensen-Shannon",
        *["mean", "std", "std"],
    ]
    assert ", the default" not in compare("true.npy", "gaussian")[1][0]


def test_what_is_wrong_follows_the_table(compare):
    status, lines = compare(samples("wide", RNG.normal(4, 1.5, 10_000)))
    at = lines.index("the run does not match:")
    assert status == 1 and len(lines[at + 1 :]) == sum(line.endswith("  NO") for line in lines[:at]) == 5
    assert any(re.fullmatch(r"  too wide: std 1\.\d+, 1\.188 to 1\.312 accepted", line) for line in lines[at:])


@pytest.mark.parametrize("name", ["gaussian", "gaussian-mixture", "numpy_gan-inside", "sine"])
def test_too_few_samples_cannot_tell_and_as_many_as_are_named_can(compare, name):
    def draw(count):
        x = RNG.uniform(0, 2 * np.pi, (count, 1))
        return np.hstack([x, np.sin(x)]) if name == "sine" else x

    status, lines = compare(samples("few", draw(50)), name)
    found = re.fullmatch(r"samples must hold at least ([\d,]+) values to be judged, not 50", *lines)
    assert status == 2
    assert compare(samples("enough", draw(int(found[1].replace(",", "")))), name)[0] == (0 if name == "sine" else 1)


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


def test_a_run_of_points_has_no_entries(compare, tmp_path):
    edges = {"x": np.linspace(-1, 7.5, 65), "residual": np.linspace(-2, 2, 130)}
    name = finished(tmp_path / "run", RNG.normal(size=(10_000, 2)), experiment="sine", edges=edges)
    message = "the run has no histogram of its entries, which the reference needs"
    assert [compare(name, reference) for reference in ("gaussian", "notebook")] == [(2, [message])] * 2
    assert compare(name)[0] == 1


@pytest.mark.parametrize("dimensions", [1, 2, 50])
def test_samples_of_one_distribution_cannot_be_told_apart(compare, dimensions):
    a, b = RNG.normal(size=(1500, dimensions)), RNG.normal(size=(900, dimensions))
    status, lines = compare(samples("a", a), samples("b", b))
    assert status == 0 and re.fullmatch(r"the samples cannot be told apart \(p = [\d.]+\)", lines[-1])
    assert lines[0] == "a.npy, 1,500 samples, against b.npy, 900 samples"
    assert "the energy distance is of 1,000 samples, drawn at random from each file that holds more" in lines
    shown = [line for line in lines if re.match(r"\d", line)]
    assert len(shown) == min(dimensions, 10)
    assert ("the 10 of 50 coordinates with the largest Wasserstein-1 distances:" in lines) == (dimensions == 50)
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


def test_a_small_difference_of_many_samples_is_seen(compare):
    """Not by the energy distance, of 1,000 of them."""
    a, b = RNG.normal(size=(2, 100_000, 1))
    status, lines = compare(samples("a", a), samples("b", b + 0.03))
    assert status == 1 and float(re.search(r"p = ([\d.]+)", lines[-2])[1]) > 0.01


def test_a_coordinate_that_is_constant(compare):
    a, b = RNG.normal(size=(2, 200, 3))
    b[:, :2] = 0
    a[:, 0] = 0
    status, lines = compare(samples("a", a), samples("b", b))
    first, second = (line.split() for line in lines[2:4])
    assert status == 1 and first[5:] == ["0", "0", "1"] and second[5] == "inf"


def test_a_run_keeps_no_samples_to_compare(compare, tmp_path):
    finished(tmp_path / "run", TRUE)
    status, (line,) = compare("run", samples("true", TRUE))
    assert status == 2 and line.startswith("run keeps histograms, not samples to compare with true.npy")
    assert "keras.models.load_model('run/generator.keras')" in line


def test_the_verdict_of_a_run():
    assert COMPARE.verdict(recorded(TRUE), "gaussian", "scalar") == "accepted by gaussian"
    wrong = COMPARE.verdict(recorded(TRUE + 0.2), "gaussian", "notebook")
    assert wrong.startswith("not accepted by gaussian: too far: Wasserstein-1 0.1") and "; shifted: mean 4.2" in wrong
    assert COMPARE.verdict(recorded(TRUE[:50]), "gaussian", "scalar").startswith("cannot be told: samples must hold at")
    assert COMPARE.verdict(recorded(TRUE), "figure1", "scalar") == ""
    assert COMPARE.verdict(recorded(TRUE), "numpy_gan", "document").startswith("not accepted by numpy_gan: ")


def test_exit_statuses_without_tensorflow(script, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    np.save(tmp_path / "true.npy", TRUE)
    np.save(tmp_path / "wide.npy", 4 + 1.2 * (TRUE - 4))
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PATH": ""}
    results = [script("compare", f"{name}.npy", env=environment) for name in ("true", "wide")]
    assert [result.returncode for result in results] == [0, 1]


def test_seeds_names_units_and_what_the_reference_rejects(script, tmp_path):
    right, wrong = finished(tmp_path / "right", TRUE), finished(tmp_path / "wrong", TRUE + 0.2, wasserstein=0.7)
    result = script("seeds", right, wrong)
    assert result.returncode == 0, result.stderr
    header, first, second, *rest = (re.split("  +", line.strip()) for line in result.stdout.splitlines())
    assert header == ["wasserstein (std)", "jsd (nats)", "value (nats)", "seconds", "reference"]
    assert first[-1] == "matches" and second[-1].startswith("fails Wasserstein-1, ") and second[-1].endswith("mean")
    assert [row[:2] for row in rest[:3]] == [["median", "0.6"], ["least", "0.5"], ["greatest", "0.7"]]


def test_a_row_of_seeds_is_of_one_generator(tmp_path):
    """The recording that the reference judges ends with the generator that the metrics are of."""
    trained("numpy_gan", tmp_path / "run", iterations=25)
    recording, metrics = recordings.of_run(tmp_path / "run"), runs.read_metrics(tmp_path / "run")
    assert recording.iterations == [0, 10, 20, 25] and metrics["iterations"] == 25
    for name in MOMENTS:  # of 10,000 and of 1,000,000 samples
        assert recording.moments[name][-1] == pytest.approx(metrics["match"][name], rel=0.05)


def test_every_experiment_with_a_reference_is_named_in_its_readme():
    text = (ROOT / "figures" / "reference" / "README.md").read_text()
    assert all(f"| `{path.stem}` |" in text for path in (ROOT / "figures" / "reference").glob("*.npz"))
