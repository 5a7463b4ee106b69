"""experiments/tables.py: the tables of the pages are those of the data."""

import json
import re

import pytest

from gan_paper import runs
from tests.conftest import ROOT, experiment, trained


@pytest.fixture
def tables():
    return experiment("tables")


def test_the_page_has_the_tables_of_the_data(tables):
    page = tables.PAGE.read_text()
    assert set(re.findall(r"<!-- table (\w+) -->", page)) == set(tables.TABLES)
    assert tables.filled(page) == page, "python experiments/tables.py --write makes them again"


def test_another_figure_changes_the_page(tables, tmp_path, monkeypatch):
    for path in tables.RESULTS.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    seeds = json.loads((tmp_path / "gaussian-scalar.json").read_text())
    for seed in seeds.values():
        seed["match"]["wasserstein"] *= 2
    (tmp_path / "gaussian-scalar.json").write_text(json.dumps(seeds))
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    page = tables.PAGE.read_text()
    assert tables.filled(page) != page


def test_results_are_collected_from_finished_runs(tables, tmp_path, monkeypatch):
    for seed in (0, 1):
        trained("numpy_gan", tmp_path / "runs" / "numpy_gan" / f"inside-seed{seed}", seed=seed)
    monkeypatch.setattr(tables, "RESULTS", tmp_path / "results")
    tables.collect(tmp_path / "runs")
    (seeds,) = (json.loads(path.read_text()) for path in (tmp_path / "results").iterdir())
    assert list(seeds) == ["0", "1"]
    for seed, metrics in seeds.items():
        run = tmp_path / "runs" / "numpy_gan" / f"inside-seed{seed}"
        assert metrics["match"] == runs.read_metrics(run)["match"]
        assert metrics["reference"].startswith("not accepted by numpy_gan-inside: ")
        assert metrics["code"] == runs.read_config(run)["versions"]["commit"]
    with pytest.raises(runs.Refused, match="holds no finished run"):
        tables.collect(tmp_path / "results")


def test_the_readmes_numbers_are_those_of_the_data(tables):
    """The claims of README.md that speak of seeds."""
    readme = (ROOT / "README.md").read_text()
    median, _ = tables._median_greatest([s["match"]["wasserstein"] for s in tables.seeds_of("gaussian-scalar")]).split(
        ", "
    )
    assert f"Wasserstein-1 {median} standard deviations in the median of ten seeds" in readme
