import json

from gan_paper.runs import Refused, files
from tests.conftest import ROOT, experiment

import numpy as np
import pytest


def finished(folder, preset, seed, log_likelihood, error=2.0, last=180.0, experiment="mnist", name="", **changes):
    match = {"log_likelihood": log_likelihood, "standard_error": error, "last_iterate_log_likelihood": last}
    run = folder / f"{name or preset}-seed{seed}"
    run.mkdir(parents=True)
    metrics = {"experiment": experiment, "preset": preset, "seed": seed, "match": match}
    (run / "metrics.json").write_text(json.dumps(metrics))
    if experiment == "mnist":
        settings = {**MNIST.PRESETS[preset].recorded(), "seed": seed, **changes}
        config = {"experiment": "mnist", "layout": 3, "settings": settings, "versions": {}}
        (run / "config.json").write_text(json.dumps(config))
    files.seal(run)


MNIST, TABLE1 = experiment("mnist"), experiment("table1")


def refused(folder):
    with pytest.raises(Refused) as refusal:
        TABLE1.main(TABLE1.Arguments(folder))
    return str(refusal.value)


def test_the_table_of_finished_runs(tmp_path, capsys):
    runs = tmp_path / "runs"
    for seed, figure in enumerate((230.0, 240.0, 226.0)):
        finished(runs, "released", seed, figure, error=1.0 + seed, last=170 + figure / 10)
    finished(runs, "dense", 0, 200.0)
    finished(runs, "released", 3, 90.0, last=70.0, name="short", iterations=10_000)  # no seed of the preset as it is
    finished(runs, "scalar", 0, 1.0, experiment="gaussian")  # another experiment's
    (runs / "scale.json").write_text(json.dumps({"10,000 training images": [244.2, 2.1]}))
    TABLE1.main(TABLE1.Arguments(runs, tmp_path / "table"))
    text, said = (tmp_path / "table" / "table1.md").read_text(), capsys.readouterr().out
    assert text in said and all(path in said for path in ("table/table1.md", "table/table1.json"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[0] == ["model", "MNIST", "TFD", "each seed"]
    assert rows[2:] == [
        ["DBN", "138 ± 2", "1909 ± 66", "-"],
        ["Stacked CAE", "121 ± 1.6", "2110 ± 50", "-"],
        ["Deep GSN", "214 ± 1.1", "1890 ± 29", "-"],
        ["Adversarial nets", "225 ± 2", "2057 ± 26", "-"],
        ["`released`", "193.2 ± 0.7", "-", "193.0, 194.0, 192.6"],
        ["`released`, average of the iterates", "232.0 ± 7.2", "-", "230.0, 240.0, 226.0"],
        ["`released` with iterations=10000", "70.0", "-", "70.0"],
        ["`released` with iterations=10000, average of the iterates", "90.0", "-", "90.0"],
        ["`dense`", "180.0", "-", "180.0"],
        ["`dense`, average of the iterates", "200.0", "-", "200.0"],
        ["10,000 training images", "244.2 ± 2.1", "-", "-"],
    ]
    content = json.loads((tmp_path / "table" / "table1.json").read_text())
    assert (
        content["ours"][1]["mnist"] == [232.0, pytest.approx(np.std([230, 240, 226], ddof=1))]
        and len(content["paper"]) == 4
    )


def test_refuses(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no finished run of mnist.py" in refused(tmp_path / "empty")
    broken = tmp_path / "broken" / "paper-seed0"
    broken.mkdir(parents=True)
    (broken / "metrics.json").write_text('{"experiment": "mnist", "preset": "paper"}')
    assert "paper-seed0/SHA256SUMS does not exist" in refused(tmp_path / "broken")
    files.seal(broken)
    assert "paper-seed0/metrics.json holds no finished run's" in refused(tmp_path / "broken")
    finished(tmp_path / "runs", "dense", 0, 200.0)
    (tmp_path / "runs" / "scale.json").write_text("[]")
    assert "scale.json" in refused(tmp_path / "runs")


def test_the_committed_table_is_that_of_the_committed_runs(tmp_path):
    TABLE1.main(TABLE1.Arguments(output=tmp_path))
    text = (tmp_path / "table1.md").read_text()
    assert text == (ROOT / "figures" / "reference" / "mnist" / "table1.md").read_text()
    assert text.strip() in (ROOT / "experiments" / "README.md").read_text()
