"""The published networks, each in its experiment."""

import itertools

import gaussian
import mnist_networks
import numpy as np
import pytest
import scipy.special
import scipy.stats
import sine
import uniform_to_gaussian


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (gaussian.notebook_generator(7, 3), (3, 50, 50, 7)),
        (gaussian.notebook_discriminator(7), (7, 50, 50, 1)),
        (gaussian.matched_generator(7, 3), (3, 50, 50, 7)),
        (gaussian.matched_discriminator(7), (7, 50, 50, 1)),
        (gaussian.matched_generator(7, 3, hidden=3, activation="tanh"), (3, 50, 50, 50, 7)),
        (gaussian.matched_discriminator(7, hidden=3), (7, 50, 50, 50, 1)),
        (uniform_to_gaussian.make_generator(), (1, 8, 16, 1)),
        (uniform_to_gaussian.make_discriminator(), (1, 8, 1)),
        (sine.make_generator(), (2, 16, 32, 2)),
        (sine.make_discriminator(), (2, 256, 128, 64, 1)),
        (mnist_networks.paper_generator(np.full(784, 0.1)), (100, 1200, 1200, 784)),
        (mnist_networks.dense_generator(), (100, 256, 512, 784)),
        (mnist_networks.dense_discriminator(), (784, 512, 256, 1)),
    ],
)
def test_sizes_are_the_published_ones(network, sizes):
    assert [w.shape for w in network.trainable_variables[::2]] == list(itertools.pairwise(sizes))
    output = network(np.full((4, sizes[0]), 100.0, "f"))
    assert output.shape == (4, sizes[-1])
    if network.name == "discriminator":
        assert np.all((output >= 0) & (output <= 1))


def test_the_papers_generator_starts_at_the_mean_image():
    means = np.random.default_rng(0).uniform(size=784)
    means[:2] = 0, 1  # a pixel that is always black, one that is always white
    generator = mnist_networks.paper_generator(means)
    for kernel in generator.get_weights()[::2]:
        assert scipy.stats.kstest(kernel.ravel(), scipy.stats.uniform(-0.05, 0.1).cdf).pvalue > 1e-3
    assert not any(bias.any() for bias in generator.get_weights()[1:5:2])
    assert np.allclose(scipy.special.expit(generator.get_weights()[-1]), np.clip(means, 1e-3, 1 - 1e-3), atol=1e-6)
    theirs = mnist_networks.paper_generator(means, 1e-7).get_weights()[-1]
    assert np.allclose(scipy.special.expit(theirs), np.clip(means, 1e-7, 1 - 1e-7), atol=1e-6) and theirs[0] < -16


def test_the_papers_discriminator_is_the_published_one():
    discriminator = mnist_networks.paper_discriminator()
    assert [w.shape for w in discriminator.trainable_variables] == [
        (784, 1200), (1200,), (240, 1200), (1200,), (240, 1), (1,),
    ]  # fmt: skip
    kinds = [type(layer).__name__ for layer in discriminator.layers]
    assert kinds == ["Dropout", "Maxout", "Dropout", "Maxout", "Dropout", "Dense"]
    assert [layer.rate for layer in discriminator.layers[::2]] == [0.2, 0.5, 0.5]
    for kernel in discriminator.get_weights()[::2]:
        if kernel.size > 1:
            assert np.abs(kernel).max() <= 0.005
    largest = [np.abs(layer.kernel).max() for layer in discriminator.layers[1::2]]
    assert min(largest) > 0.0049 * 0.95
