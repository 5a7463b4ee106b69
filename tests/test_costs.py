"""experiments/speed/costs.py: what the figures are made of, and what is written of them."""

import json

import numpy as np
import pytest

from tests.conftest import experiment


@pytest.fixture(scope="module")
def costs():
    return experiment("speed/costs")


def test_a_slope_is_the_exponent_of_the_upper_half(costs):
    values = (1, 2, 4, 8, 16)
    assert costs.slope(values, [3.0 * v**1.5 for v in values]) == pytest.approx(1.5)
    assert costs.slope(values, [100.0, 50.0, 3 * 4.0**2, 3 * 8.0**2, 3 * 16.0**2]) == pytest.approx(2)


def test_games_are_those_that_are_named(costs):
    gan = costs.Perceptrons(m=4, width=5, n=3, k=2).gan()
    assert [w.shape for w in gan.generator.get_weights()[::2]] == [(16, 5), (5, 5), (5, 3)]
    assert [w.shape for w in gan.discriminator.get_weights()[::2]] == [(3, 5), (5, 5), (5, 1)]
    assert gan.k == 2
    assert costs.Perceptrons().per_call == 1000 and costs.Perceptrons(width=1024).per_call == 6


def test_the_time_is_an_iterations(costs, monkeypatch):
    """By a clock whose ticks grow; the first call, for which nothing was drawn ahead, is not timed."""
    asked = iter(range(100))
    monkeypatch.setattr(costs.time, "perf_counter", lambda: float(next(asked)) ** 2)
    monkeypatch.setattr(costs.Perceptrons, "per_call", 5)
    perceptrons = costs.Perceptrons(m=4, width=4)
    seconds = costs.seconds_per_iteration(perceptrons.gan(), perceptrons)
    assert next(asked) == costs.CALLS and seconds == pytest.approx(3 / 5)  # the median of 1, 3 and 5 for a call


def test_the_tables_the_file_and_the_picture(costs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(costs, "peaks", lambda label, trainings, values: {
        "values": values, "megabytes": [500.0] * len(values), "slope": 0.5,
    })  # fmt: skip
    monkeypatch.setattr(costs, "seconds_per_iteration", lambda gan, perceptrons: 1e-6 * perceptrons.m * perceptrons.k)
    monkeypatch.setattr(costs.Perceptrons, "gan", lambda perceptrons: None)
    phases = {"Python": [0.5], costs.startup.COMPILING: [3.0]}
    monkeypatch.setattr(costs.startup, "measure", lambda rounds: {"phases": phases, "import": [2.0], "ratio": [1.2]})
    costs.main(costs.Measurement(rounds=1, json=tmp_path / "c.json", picture=tmp_path / "c.png"))
    printed = capsys.readouterr().out
    assert "all of it over `import tensorflow` and compiling: 1.20" in printed
    (row,) = (line for line in printed.splitlines() if line.startswith("minibatch size m"))
    assert row.split()[-1] == "1.00" and "4.1 ms" in row
    content = json.loads((tmp_path / "c.json").read_text())
    assert np.isclose(content["costs"]["times"]["k"]["slope"], 1) and content["cpu"]
    assert (tmp_path / "c.png").exists() and (tmp_path / "c.pdf").exists()
