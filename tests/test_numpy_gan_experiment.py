"""experiments/numpy_gan.py: its presets, its initial weights and its rates."""

import dataclasses

import numpy as np
import pytest

from tests.conftest import experiment


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


def test_the_discriminators_bends_begin_within_the_data(script_module):
    bends = []
    for seed in range(200):
        game = script_module.Game(dataclasses.replace(script_module.PRESETS["inside"], seed=seed))
        assert all(layer.bias is None for layer in game.G.layers)
        hidden = game.D.layers[0]
        bends.append((-hidden.bias / hidden.weights[0], np.abs(hidden.weights[0])))
    places, steepness = (np.ravel(values) for values in zip(*bends, strict=True))
    assert np.all((places > 0) & (places < 1)) and abs(places.mean() - 0.5) < 0.05  # all over G's range
    assert 5 < np.median(steepness) < 9  # 0.67 of a standard deviation of 10


def test_the_rates_fall_to_0_along_a_cosine(script_module):
    settings = dataclasses.replace(script_module.PRESETS["inside"], iterations=1000)
    game, rates = script_module.Game(settings), []
    for iteration in (0, 500, 999):
        game.iteration(iteration)
        rates.append((game.d_optimizer.rate, game.g_optimizer.rate))
    d, g = settings.d_rate, settings.g_rate
    assert np.allclose(rates[:2], [(d, g), (d / 2, g / 2)]) and 0 < rates[2][0] < 1e-5 * d
