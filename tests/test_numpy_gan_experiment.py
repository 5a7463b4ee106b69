"""experiments/numpy_gan.py: its presets, its initial weights and its rates."""

import dataclasses

from tests.conftest import experiment

import numpy as np
import pytest


@pytest.fixture(scope="module")
def script_module():
    return experiment("numpy_gan")


def test_the_documents_network(script_module):
    """Seed document 000: 1-5-1, no biases, weights from N(0, 1), in the order in which they were always drawn."""
    settings = dataclasses.replace(script_module.PRESETS["document"], seed=3)
    game, rng = script_module.Game(settings), np.random.default_rng((3, 0, 2))
    drawn = [rng.normal(size=shape) for shape in ((1, 5), (5, 1)) * 2]
    for weights, expected in zip([*game.G.parameters, *game.D.parameters], drawn, strict=True):
        assert np.array_equal(weights, expected)
    game.iteration(7000)
    assert game.d_optimizer.rate == game.g_optimizer.rate == 0.1  # its rates stay
