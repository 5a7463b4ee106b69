"""experiments/sine.py: its presets, what it measures of samples, and what its command line refuses."""

import dataclasses

from gan_paper import runs

import numpy as np
import pytest
import sine


def curve(x):
    return np.stack([x, np.sin(x)], axis=1)


def test_match_of_the_curve_itself():
    points = curve(np.linspace(0, 2 * np.pi, 1024))
    match = sine.match(curve(np.random.default_rng(0).uniform(0, 2 * np.pi, 10_000)), points)
    assert match["curve_error"] == pytest.approx(0, abs=1e-12) and match["bins_in_proportion"] == 1
    assert match["energy_distance"] < match["energy_distance_of_halves"] < 0.01


def test_match_of_a_curve_that_leaves_an_end_out():
    points = curve(np.linspace(0, 2 * np.pi, 1024))
    match = sine.match(curve(np.random.default_rng(0).uniform(0, 5.2, 10_000)) + [0, 0.1], points)
    assert match["curve_error"] == pytest.approx(0.1)
    assert match["bins_in_proportion"] == pytest.approx(27 / 32)  # 26.5 bins of [0, 2 pi] lie below 5.2
    assert match["energy_distance"] > 5 * match["energy_distance_of_halves"]


@pytest.mark.parametrize("units", [(), (0,), (64, -1), (10_001,)])
def test_sizes_that_are_none(units):
    with pytest.raises(ValueError, match=r"--g-hidden must be one or more whole numbers from 1 to 10000"):
        dataclasses.replace(sine.PRESETS["matched"], g_hidden=units)


def test_the_command_line_takes_sizes():
    settings = runs.settings.parse(sine.PRESETS, ["--d-hidden", "5", "4", "3"])
    assert settings.d_hidden == (5, 4, 3) and settings.g_hidden == (64, 64)
