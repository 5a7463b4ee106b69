"""The Gaussian experiment's claims about where p_g begins, and what its pictures show."""

from dataclasses import replace

from gan_paper.measure.samples import match_of_entries

import gaussian
import numpy as np
import pytest

MATCHED = ["scalar", "standard", "mixture"]


@pytest.mark.parametrize("preset", MATCHED)
def test_no_number_of_the_networks_comes_from_the_data(preset):
    """The same settings with another target give the same networks, without a constant."""
    settings = gaussian.PRESETS[preset]
    targets = preset, MATCHED[MATCHED.index(preset) - 1]
    one, other = (gaussian.make_gan(replace(settings, preset=target)) for target in targets)
    for name in ("generator", "discriminator"):
        a, b = getattr(one, name), getattr(other, name)
        assert all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True))
        constants = [layer for layer in a.layers if "Rescaling" in type(layer).__name__]
        assert not constants, "a layer holds numbers that are not weights"


def test_the_generator_begins_far_from_the_data():
    gan = gaussian.make_gan(gaussian.PRESETS["scalar"])
    p_data, _ = gaussian.TARGETS["scalar"]
    samples = gan.generator(gan.p_z.sample((10_000, 30), 0)).numpy()
    assert abs(samples.mean() - p_data.mean) > 3 * p_data.std
    assert samples.std() < 0.3 * p_data.std


def test_vectors_begin_far_from_the_data_and_without_correlations():
    gan = gaussian.make_gan(gaussian.PRESETS["vectors"])
    p_data, _ = gaussian.TARGETS["vectors"]
    found = match_of_entries(gan.sample(2000), p_data)
    assert found["std_across_noise"] < 0.45 * p_data.std and found["own_wasserstein"] > 0.6
    assert found["correlation"] < 0.02  # by chance, 0.018
    assert np.linalg.matrix_rank(gan.generator.get_weights()[0]) == 1000
