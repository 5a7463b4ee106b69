"""The experiments on MNIST, on a small synthetic image set."""

from dataclasses import replace

from gan_paper import parzen, run
from gan_paper.distributions import Gaussian, Uniform
from gan_paper.layers import Dropout
from tests.conftest import EXPERIMENTS, equal, trained

import keras
import mnist
import numpy as np
import pytest
import scipy.stats
from image_classifier import load_classifier
from scipy.special import expit

NORMAL = ("mnist_dense", "dcgan", "mnist_conditional")
PRIORS = {"mnist": Uniform(-(3**0.5), 3**0.5)} | dict.fromkeys(NORMAL, Gaussian(0, 1))
DRAWN = {"samples", "interpolations", "quality", "training", "classes"}


@pytest.mark.parametrize("name", PRIORS)
def test_a_run_leaves_its_files(name, images, tmp_path):
    figures = DRAWN if name == "mnist_conditional" else set()
    folder = trained(name, tmp_path / "run", figures=bool(figures), record_every=5, evaluate_every=2, ema=0.5).path
    assert {path.stem for path in folder.glob("*.png")} == figures
    history = run.read_history(folder)
    per_epoch = 500 // run.load_experiment(name, EXPERIMENTS).Config().m  # of 500 training images
    assert list(history["epoch"]) == [iteration / per_epoch for iteration in (5, 10, 15, 20)]
    for measure in ("log_likelihood", "sigma", "precision", "recall"):
        assert list(history["iteration"][~np.isnan(history[f"last_iterate_{measure}"])]) == [10, 20]
    # the metrics are those of the EMA and of the last iterate, by the estimator, on the test images
    metrics, of, weights = run.read_metrics(folder), images["mnist"], []
    for file, prefix in (("generator", ""), ("generator-last", "last_iterate_")):
        generator = keras.saving.load_model(folder / f"{file}.keras")
        weights.append([np.array(weight) for weight in generator.trainable_weights])
        z, c = PRIORS[name].sample((200, 100), (0, 1, 9)), np.arange(200) % 10
        samples = generator.predict([z, c] if name == "mnist_conditional" else z, verbose=0)
        samples = samples if name == "mnist" else (samples + 1) / 2
        sigma = parzen.validate(of.validation / 255, samples).sigma
        assert sigma == metrics[f"{prefix}sigma"]
        expected = parzen.log_likelihood(of.test / 255, samples, sigma).mean()
        assert metrics[f"{prefix}log_likelihood"] == pytest.approx(expected, rel=1e-4)
        if name == "mnist_conditional":
            classifier = load_classifier(mnist.Config())
            named = classifier.predict(samples, verbose=0)[1].argmax(axis=1) == c
            assert metrics[f"{prefix}named_as_asked"] == named.mean()
            assert metrics[f"{prefix}worst_class"] == named.reshape(20, 10).mean(axis=0).min()
    assert not equal(*weights)


def test_learning_rates_and_dropout_as_published(images):
    """The authors' released settings: both learning rates are divided by 1.000004 after every minibatch."""
    gan = mnist.make_gan(mnist.PRESETS["released"])
    for optimizer, first in ((gan.d_optimizer, 0.05), (gan.g_optimizer, 0.1)):
        for iteration in (0, 75_000, 150_000):
            optimizer.iterations.assign(iteration)
            assert float(optimizer.learning_rate) == pytest.approx(first * 1.000004**-iteration, rel=1e-4)
    dropped = [layer.rate for layer in gan.discriminator.layers if isinstance(layer, Dropout)]
    assert dropped == [0.2, 0.5, 0.5] and gan.simultaneous


def test_sharp_starts_from_the_last_iterates_of_another_run(images, tmp_path):
    before = trained("mnist", tmp_path / "short-seed3", "crisp", seed=3).path
    sharp = replace(mnist.PRESETS["sharp"], seed=3, start="short", output=tmp_path / "new")
    gan = mnist.make_gan(sharp)
    for network, name in ((gan.generator, "generator-last"), (gan.discriminator, "discriminator")):
        assert equal(network.get_weights(), keras.saving.load_model(before / f"{name}.keras").get_weights())
    (before / "metrics.json").unlink()
    with pytest.raises(ValueError, match=r"--start needs a finished run in .*short-seed3"):
        mnist.make_gan(sharp)


def test_the_authors_networks_and_the_mean_image_to_which_g_is_initialised():
    means = np.random.default_rng(0).uniform(size=784)
    means[:2] = 0, 1  # a pixel that is always black, one that is always white
    for clip in (1e-3, 1e-7):
        *layers, bias = mnist.make_generator(means, clip).get_weights()
        assert np.allclose(expit(bias), np.clip(means, clip, 1 - clip), rtol=1e-3)
    assert [kernel.shape for kernel in layers[::2]] == [(100, 1200), (1200, 1200), (1200, 784)]
    kernels = [layer.kernel.shape for layer in mnist.make_discriminator().layers if hasattr(layer, "kernel")]
    assert kernels == [(784, 1200), (240, 1200), (240, 1)]
    for kernel in layers[::2]:
        assert scipy.stats.kstest(kernel.ravel(), scipy.stats.uniform(-0.05, 0.1).cdf).pvalue > 1e-3
    with pytest.raises(ValueError, match="clip_means must be"):
        mnist.make_generator(means, 0)
