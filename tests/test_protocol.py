"""The experiment of docs/guide/experiment.md is one file, and with no other file changed every tool knows it."""

import json
import os
import re
import subprocess
import sys

from gan_paper import run
from tests.conftest import EXPERIMENTS, ROOT, trained

import numpy as np
import pytest


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Runs a script, as a user does, in a folder that holds the experiment's file alone."""
    folder = tmp_path_factory.mktemp("own")
    (block,) = re.findall("```python\n(.*?)```", (ROOT / "docs" / "guide" / "experiment.md").read_text(), re.DOTALL)
    assert block.count("\n") <= 60
    (folder / "exponential.py").write_text(block)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def call(script, *flags):
        command = [sys.executable, str(script), *map(str, flags)]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)

    call.folder = folder
    return call


@pytest.fixture(scope="module")
def made(call):
    """The folder of a run by its own command."""
    result = call("exponential.py", "--iterations", "20", "--record-every", "10", "--k", "1")
    assert result.returncode == 0 and result.stderr == "", result.stderr  # no start-up noise
    written = re.findall(r"^  (\S+)$", result.stdout, re.MULTILINE)
    assert written and all((call.folder / path).exists() for path in written)
    return call.folder / "runs" / "exponential" / "iterations=20-record_every=10-k=1-seed0"


def test_it_trains_and_has_a_reference_of_its_own(made):
    assert {path.suffix for path in made.iterdir()} >= {".json", ".csv", ".npz", ".keras", ".png"}
    metrics = run.read_metrics(made)
    assert metrics["reference"].startswith("not accepted by the exact p_data: ")  # 20 iterations are no training
    exact, recording = run.read_recording(made / "reference.npz").histogram(), run.read_recording(made)
    assert np.allclose(exact.counts, np.diff(-np.exp(-np.maximum(exact.edges, 0))))
    assert recording.iterations == [0, 10, 20] and {"x", "d"} <= recording.curves.keys()
    assert run.verdict(recording, made / "reference.npz", metrics) == metrics["reference"]


def test_it_goes_on(call, made):
    folder = trained("exponential", made, of=call.folder, resume=True, iterations=40, k=1)
    assert folder.history["iteration"].tolist() == [10, 20, 30, 40]


def test_it_is_swept(call):
    flags = "--experiments . --output swept --seeds 0 --set iterations=20 --set record_every=10"
    result = call(EXPERIMENTS / "sweep.py", "exponential", *flags.split())
    assert result.returncode == 0 and "\nmedian " in result.stdout, result
    assert list(call.folder.glob("swept/exponential/*seed0/metrics.json"))


def test_it_is_compared_with_its_own_reference(call, made):
    result = call(EXPERIMENTS / "compare.py", made)
    assert result.returncode == 1 and "Wasserstein-1" in result.stdout and not result.stderr, result


def test_it_is_reported_with_p_data_and_the_optimal_discriminator(call, made):
    result = call(EXPERIMENTS / "report.py", "runs")
    assert result.returncode == 0, result
    page = (call.folder / "runs" / "report.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])
    (row,) = data
    assert (row["experiment"], row["accepted"]) == ("exponential", "no") and {"x", "d"} <= row["player"].keys()
    assert "data" in row["player"]["views"][0]  # p_data, from which the page draws D*, too
