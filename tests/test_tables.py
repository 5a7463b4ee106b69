"""experiments/tables.py: the tables of the pages are those of the data."""

import json
import re
import shutil

from gan_paper import runs
from gan_paper.measure.recording import MOMENTS
from gan_paper.runs import files, recordings
from tests.conftest import ROOT, experiment, trained

import pytest


@pytest.fixture
def tables():
    return experiment("tables")


def test_the_page_has_the_tables_of_the_data(tables):
    page = tables.PAGE.read_text()
    assert set(re.findall(r"<!-- table (\w+) -->", page)) == set(tables.TABLES)
    assert tables.filled(page) == page, "python experiments/tables.py --write makes them again"


def test_results_are_collected_from_finished_runs(tables, tmp_path, monkeypatch):
    first, second = (tmp_path / "runs" / "numpy_gan" / f"inside-seed{seed}" for seed in (0, 1))
    recording = recordings.of_run(trained("numpy_gan", first, iterations=25).folder)
    assert recording.iterations == [0, 10, 20, 25]
    for name in MOMENTS:  # what the reference judges and what the metrics are of is one generator
        assert recording.moments[name][-1] == pytest.approx(runs.read_metrics(first)["match"][name], rel=0.05)
    shutil.copytree(first, second)
    metrics = (second / "metrics.json").read_text()
    (second / "metrics.json").write_text(metrics.replace('"seed": 0', '"seed": 1'))
    files.seal(second)
    monkeypatch.setattr(tables, "RESULTS", tmp_path / "results")
    tables.collect(tmp_path / "runs")
    (seeds,) = (json.loads(path.read_text()) for path in (tmp_path / "results").iterdir())
    assert list(seeds) == ["0", "1"]
    for run, metrics in zip((first, second), seeds.values(), strict=True):
        assert metrics["match"] == runs.read_metrics(run)["match"]
        assert metrics["reference"].startswith("not accepted by numpy_gan-inside: ")
        assert metrics["code"] == runs.read_config(run)["versions"]["commit"]
    with pytest.raises(runs.Refused, match="holds no finished run"):
        tables.collect(tmp_path / "results")


def test_the_readmes_numbers_are_those_of_the_data(tables):
    """The claims of README.md that speak of seeds."""
    readme = (ROOT / "README.md").read_text()
    distances = [seed["match"]["wasserstein"] for seed in tables.seeds_of("gaussian-scalar")]
    median, greatest = tables._median_greatest(distances).split(", ")
    assert f"Wasserstein-1 {median} standard deviations in the median of ten seeds, at most {greatest}" in readme
    ours = json.loads((tables.MNIST / "table1.json").read_text())["ours"]
    (released,) = (row["mnist"] for row in ours if row["model"] == "`released`")
    assert "{:.0f} ± {:.0f} nats by the last iterate of the released settings".format(*released) in readme
    entries = [seed["entries"] for seed in tables.seeds_of("gaussian-vectors")]
    assert f"its own distance at most {max(entry['own_wasserstein'] for entry in entries):.4f}, ten seeds" in readme
    assert max(abs(entry["std_across_noise"] / 1.25 - 1) for entry in entries) <= 0.02 and len(entries) == 10
