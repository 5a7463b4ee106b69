"""experiments/tables.py: the tables of the pages are those of the data."""

import json
import re
import statistics

from gan_paper import run
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import limit
from tests import conftest
from tests.conftest import ROOT

import numpy as np
import page_tables
import pytest
import tables


def finished(folder, experiment, preset="default", seed=0, mean=0.0, **metrics):
    """A finished run with samples of N(mean, 1)."""
    recording = Recording({"x": np.linspace(-8, 8, 65)})
    recording.record(10, np.random.default_rng(seed).normal(mean, 1, (40_000, 1)))
    return conftest.finished(folder, recording, experiment=experiment, preset=preset, seed=seed, **metrics)


@pytest.fixture
def references(tmp_path, monkeypatch):
    folder = tmp_path / "reference"
    (folder / "results").mkdir(parents=True)
    for module in (tables, page_tables):
        monkeypatch.setattr(module, "REFERENCES", folder)
    return folder


def test_the_pages_have_the_tables_of_the_data():
    pages = [page.read_text(encoding="utf-8") for page in page_tables.PAGES]
    assert sorted(re.findall(r"<!-- table (\w+) -->", "".join(pages))) == sorted(page_tables.TABLES)
    for page in pages:
        assert page_tables.filled(page) == page, "python experiments/tables.py --write makes them again"


def test_the_readmes_numbers_are_those_of_the_data():
    cells = [line.strip("| ").split(" | ") for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()]
    ours = {row[3].strip("`"): row[2] for row in cells if len(row) == 4}
    distances = [seed["wasserstein"] for seed in page_tables.results("gaussian").values()]
    median, greatest = (f"{function(distances):.4f}" for function in (statistics.median, max))
    assert {median, greatest} <= set(re.findall(r"0\.\d+", ours["python experiments/gaussian.py"]))
    runs, row = page_tables.image_runs(), ours["python experiments/mnist.py --preset sharp"]
    released, sharp = (
        [seed["last_iterate_log_likelihood"] for seed in runs[label]] for label in ("`released`", "`sharp`")
    )
    assert f"{statistics.mean(released):.0f} ± {statistics.stdev(released):.0f} nats" in row and len(released) == 3
    assert f"{sharp[0]:.1f} and {sharp[1]:.1f} nats" in row and len(sharp) == 2
    vectors = [seed["wasserstein_per_dimension"] for seed in page_tables.results("vectors").values()]
    assert f"at most {max(vectors):.4f} standard deviations" in ours["python experiments/vectors.py"]
    assert len(distances) == len(vectors) == 30


def test_runs_have_a_row_each_and_their_median_below(tmp_path, capsys):
    folders = [
        finished(tmp_path / f"seed{seed}", "gaussian", "standard", seed, float(seed == 1), wasserstein=far, seconds=9)
        for seed, far in enumerate((0.01, 0.4, 0.02))
    ]
    tables.main(tuple(folders))
    head, *rows = (re.split(r"  +", line.strip()) for line in capsys.readouterr().out.splitlines())
    assert head == ["wasserstein (std)", "seconds", "reference"]
    assert rows[0] == ["seed0", "0.01", "9", "accepted by gaussian-standard"]
    assert rows[1][-1].startswith("not accepted by gaussian-standard: too far: Wasserstein-1")
    assert [row[:2] for row in rows[3:]] == [["median", "0.02"], ["least", "0.01"], ["greatest", "0.4"]]
    tables.main((folders[0], finished(tmp_path / "more" / "seed0", "gaussian", wasserstein=0.3, seconds=9)))
    assert [row.split()[1] for row in capsys.readouterr().out.splitlines()[1:3]] == ["0.01", "0.3"]  # of one name
    with pytest.raises(run.Refused, match="other reports other metrics than seed0"):
        tables.main((folders[0], finished(tmp_path / "other", "gaussian", ks=0.1)))


def test_collected_runs_are_rows_of_the_tables(tmp_path, references):
    runs = tmp_path / "runs"
    for seed, far in ((0, 0.1), (1000, 0.7), (1, 1.1)):
        finished(runs / "gaussian" / f"seed{seed}", "gaussian", seed=seed, wasserstein=far, reference="accepted by it")
    for seed, far in enumerate((0.1, 1.1)):
        nats = {"log_likelihood": 100 * far, "last_iterate_log_likelihood": 70.0}
        finished(runs / "mnist" / f"iterations=9-ema=1e-05-seed{seed}", "mnist", "paper", seed, **nats)
    finished(runs / "gaussian" / "k=1-seed0", "gaussian", wasserstein=9.0)  # no seed of the preset as it is
    finished(runs / "sine" / "document-seed2", "sine", "document", 2, wasserstein=0.8, reference="not accepted by it")
    tables.keep(runs)
    assert [seed["commit"] for seed in page_tables.results("gaussian").values()] == ["abc"] * 3
    assert page_tables.over_presets("gaussian sine-document", {"wasserstein": ("W1", 1)}).splitlines()[2:] == [
        "| `gaussian` | `default` | 0 to 1 | 0.6 (0.1 to 1.1) | 2 of 2 |",
        "| `gaussian` | `default` | 1000 to 1000 | 0.7 (0.7 to 0.7) | 1 of 1 |",
        "| `sine` | `document` | 2 to 2 | 0.8 (0.8 to 0.8) | 0 of 1 |",
    ]
    scale = {"test images": {"nearest": 4.0}, "training images": {"log_likelihood": 244.2, "standard_error": 2.1}}
    (folder,) = references.glob("mnist/*seed1")
    (folder / "measures.json").write_text(json.dumps({"measures": {}, "scale": scale}))
    assert page_tables.table1().splitlines()[6:] == [
        "| `paper` with iterations=9, ema=1e-05, last iterate | 70.0 ± 0.0 | - | 70.0, 70.0 |",
        "| `paper` with iterations=9, ema=1e-05, EMA | 60.0 ± 70.7 | - | 10.0, 110.0 |",
        "| training images | 244.2 ± 2.1 | - | - |",
    ]
    with pytest.raises(run.Refused, match="holds no finished run"):
        tables.keep(tmp_path / "nothing")


def test_an_accepted_run_is_within_the_limits_by_its_metrics():
    """The committed verdicts, against the committed metrics, by the definitions of the limits."""
    checked = 0
    for results in sorted((tables.REFERENCES / "results").glob("*.json")):
        content = page_tables.results(results.stem)
        for seed in (content[key] for key in content if key.isdigit() and "ks" in content[key]):
            words = r"(accepted|not accepted|no reference)(?: by )?([\w-]*)"
            accepted, name = re.match(words, seed["reference"]).groups()
            path = tables.REFERENCES / f"{name}.npz"
            if not path.exists():  # none, or the exact p_data of an experiment without a file
                continue
            reference = run.read_recording(path)
            mean, std = (reference.moments[moment][0] for moment in ("mean", "std"))
            off = {"mean": (seed["mean"] - mean) / std, "std": seed["std"] / std - 1}
            off |= {"std_across_noise": seed["std_across_noise"] / std - 1}
            off |= {distance: seed[distance] for distance in ("wasserstein", "ks", "jsd")}
            within = all(abs(value) <= limit(statistic, reference.tolerance) for statistic, value in off.items())
            assert within == (accepted == "accepted"), (results.stem, seed["seed"])
            checked += 1
    assert checked >= 75
