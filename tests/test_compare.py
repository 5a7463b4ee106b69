"""`compare.py` as a user runs it; most of it in this process."""

from pathlib import Path

from gan_paper import run
from gan_paper.metrics import Recording
from tests import conftest
from tests.conftest import ROOT

import numpy as np
import pytest
from compare import Arguments, main

BINS = {"x": np.linspace(-6, 14, 65)}
RNG = np.random.default_rng(0)
TRUE = RNG.normal(4, 1.25, (40_000, 1))


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Run compare.py in a temporary folder; return its exit status and its lines, without those about the figure."""
    monkeypatch.chdir(tmp_path)

    def status_and_lines(name, other=None, **flags):
        try:
            status = int(not main(Arguments(Path(name), other, **flags)))
        except run.Refused as refusal:
            status = print(refusal) or 2
        lines = capsys.readouterr().out.splitlines()
        return status, lines[: lines.index("written:")] if "written:" in lines else lines

    return status_and_lines


def samples(name, values):
    np.save(f"{name}.npy", values)
    return f"{name}.npy"


def finished(name, *records, edges=BINS, experiment="gaussian", tolerance=1.0, **metrics):
    """Write the folder of a run with one record for each of these samples."""
    recording = Recording(edges, tolerance=tolerance)
    for iteration, values in enumerate(records):
        recording.record(iteration, values)
    return str(conftest.finished(Path(name), recording, experiment=experiment, **metrics))


def test_samples_with_the_default_reference(compare):
    status, (first, _, *rows, verdict) = compare(samples("true", TRUE))
    assert (status, verdict) == (0, "accepted by gaussian") and len(rows) == 6
    assert first.startswith("true.npy with gaussian, the default: ") and Path("comparison.png").exists()
    status, lines = compare(samples("wide", RNG.normal(4, 1.5, 40_000)))
    at = lines.index("not accepted by gaussian:")
    assert status == 1 and sum(line.endswith("  NO") for line in lines[:at]) == 5


def test_vectors_have_no_default_reference(compare):
    collapsed = np.tile(RNG.normal(4, 1.25, 1000), (100, 1)) + RNG.normal(0, 0.1, (100, 1000))
    status, (line,) = compare(samples("vectors", collapsed))
    assert status == 2 and line.startswith("vectors.npy holds samples of 1000 numbers, so say what")
    lines = compare("vectors.npy", "gaussian")[1]
    assert "1000 columns, pooled" in "".join(lines) and lines[-1].startswith("  too alike: std across z 0.1")


def test_samples_with_the_views_of_an_experiment(compare):
    x = RNG.uniform(0, 2 * np.pi, (10_000, 1))
    assert compare(samples("on", np.hstack([x, np.sin(x)])), "sine")[0] == 0
    _, lines = compare(samples("off", np.hstack([x, np.sin(x) + 0.3])), "sine")
    assert lines[-1].startswith("  too far: residual")
    assert compare(samples("line", x), "sine")[0] == 2


def test_a_run_with_its_reference(compare):
    folder = finished("run", TRUE + 3, TRUE)
    assert compare(folder)[1][0].startswith("run with gaussian, the default: ")
    assert compare(folder, "notebook")[0] == 1
    status, (line,) = compare(finished("other", TRUE, experiment="nothing"))
    assert status == 2 and line.endswith("; other has none")


def test_a_finished_run_is_accepted_by_what_it_measured_of_more_samples(compare):
    folder = finished("run", TRUE, jsd=0.0016)
    status, lines = compare(folder)
    assert status == 1 and lines[-1].startswith("  another distribution: Jensen-Shannon 0.0016 nats")
    reference, metrics = ROOT / "figures" / "reference" / "gaussian.npz", run.read_metrics(Path(folder))
    assert "Jensen-Shannon 0.0016" in run.verdict(run.read_recording(Path(folder)), reference, metrics)
    assert compare(folder, "gaussian")[0] == 0  # which may be another distribution than that of the metrics


def test_two_runs_by_their_last_histograms(compare):
    one = finished("one", RNG.normal(0, 0.1, (40_000, 1)), TRUE)
    alike = finished("alike", TRUE - 9, RNG.normal(4, 1.25, (40_000, 1)), edges={"x": np.linspace(-4, 12, 50)})
    shifted = finished("shifted", TRUE, TRUE + 0.1)
    status, lines = compare(one, alike)
    assert status == 0 and lines[0] == "one with alike: a run, at iteration 1" and len(lines) == 9
    by_file = compare(one, "shifted/histograms.npz")
    assert by_file == compare(one, shifted) and by_file[0] == 1 and by_file[1][-1].startswith("  shifted: mean")
    assert compare(one, finished("tolerant", TRUE + 0.1, tolerance=5))[0] == 0
    assert compare(one, finished("small", TRUE[:500]))[0] == 2
    assert compare(samples("true", TRUE), alike)[0] == 0 and compare(alike, "true.npy")[0] == 2


@pytest.mark.parametrize("dimensions", [1, 50])
def test_samples_that_cannot_be_told_apart_and_samples_that_differ(compare, dimensions):
    a, b = np.random.default_rng(0).normal(size=(2, 1500, dimensions))
    status, lines = compare(samples("a", a), samples("b", b[:900]))
    assert status == 0 and lines[-1].startswith("the samples cannot be told apart (p = ")
    assert sum(line[0].isdigit() for line in lines) == min(dimensions, 10) and Path("comparison.png").exists()
    assert compare("a.npy", samples("collapsed", np.full((1500, dimensions), 0.3)))[0] == 1
    b[:, -1] += 2
    status, lines = compare("a.npy", samples("b", b))
    (row,) = (line.split() for line in lines if line.startswith(f"{dimensions - 1} "))
    assert status == 1 and lines[-1].startswith("the samples differ (p = ")
    assert float(row[5]) == pytest.approx(2 / b[:, -1].std(), rel=0.1)


def test_no_file_names_code_that_is_then_executed(compare, tmp_path):
    (tmp_path / "own.py").write_text("raise SystemExit('executed')\nPRESETS = {}")
    recording = Recording({"mine": BINS["x"]}, {"mine": lambda samples: samples})
    recording.record(0, TRUE)
    conftest.finished(Path("other"), recording, experiment=str(tmp_path / "own"))
    status, (line,) = compare(samples("true", TRUE), "other")
    assert status == 2 and "is none of the experiments" in line
