"""The presets that are timed, the interface of a baseline, and the check that it trains as ours does."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from gan_paper import GAN, Dropout, Gaussian, Maxout, Uniform, run

import numpy as np
from keras.layers import BatchNormalization, Conv2D
from keras.optimizers import SGD, Adam, schedules
from numpy.typing import NDArray

Arrays = list[NDArray]
Trained = tuple[NDArray, list[Arrays]]
"""Losses of D, at its last update, and of G by iteration, in nats, (iterations, 2); and what `networks` returns."""
CONVOLUTIONAL = "dcgan", "cifar10-conv-small"
"""The presets with convolutions."""
SHORT = 20
"""Iterations of the short training in which baselines are checked."""
LOSSES = 1e-3
"""The greatest accepted difference of an iteration's losses, in nats."""
WEIGHTS = 2e-2
"""The greatest accepted distance of the final weights, as a share of the distance that training moved ours.

In `mnist-paper` float32 alone gives 0.006, against float64: rounding changes which piece of a maxout unit is greatest.
"""


class Preset:
    """A preset's training, made with its experiment's own functions.

    Args:
        name: An experiment, and after a hyphen its preset if that is not the default: "vectors-notebook".
        data: MNIST's or CIFAR-10's file [default: it is downloaded once].
        short: Whether to `shorten` the training.

    Attributes:
        gan: The compiled GAN, with its initial weights, which are the same in every process.
        p_data: The source of the examples, as `GAN.fit` takes it.
        m: The minibatch size.
        iterations: Iterations of the whole run, over which learning rates and momentum change.
        chunk: Iterations in one compiled call, for the baselines that compile several.

    Raises:
        ValueError: if the images cannot be read.
    """

    def __init__(self, name: str, data: Path | None = None, short: bool = False) -> None:
        experiment, _, preset = name.partition("-")
        module = run.load_experiment(experiment, Path(__file__).parent.parent)
        config = module.PRESETS[preset or next(iter(module.PRESETS))]
        config = replace(config, data=data) if hasattr(config, "data") else config
        self.gan, self.p_data, self.m = module.make_gan(config), module.data(config), config.m
        # As in the experiment's own runs, or about a second: 50 iterations on MNIST, 10 with convolutions.
        most = 10 if name in CONVOLUTIONAL else 50 if name.startswith("mnist") else config.record_every
        self.iterations, self.chunk = config.iterations, self.gan.minibatches(self.p_data, self.m).per_call(most)
        if short:
            shorten(self.gan, config.iterations)
            self.iterations, self.chunk = SHORT, 1

    def draw(self, first: int, count: int) -> Arrays:
        """Draw the minibatches on which `GAN.fit` trains in `count` iterations, the first of them number `first`.

        Returns:
            Examples, (count, k, m, dimensions), and noise, (count, k + 1, m, dimensions), or k where D and G are
            updated simultaneously.
        """
        return self.gan.minibatches(self.p_data, self.m).draw(first, count)


def shorten(gan: GAN, iterations: int) -> None:
    """Change a GAN so that `SHORT` iterations check all that a baseline does in a whole run of `iterations`.

    Learning rates and momentum change as in the whole run, and the EMAs forget a tenth in each update. There is no
    dropout, since each framework draws its own masks. Adam's epsilon is tiny, since frameworks add it in different
    places. With the preset's initial weights G moves by a few roundings of float32, so maxout layers and
    CIFAR-10's convolutions get three times these weights. With batch normalisation SGD replaces Adam, which makes whole
    steps even of gradients that are 0 but for rounding.
    """
    normalises = any(isinstance(layer, BatchNormalization) for layer in gan.generator.layers)
    for layer in (*gan.generator.layers, *gan.discriminator.layers):
        if isinstance(layer, Dropout):
            layer.rate = 0.0
        if isinstance(layer, Maxout) or (isinstance(layer, Conv2D) and not normalises):
            layer.kernel.assign(layer.kernel * 3)
    optimizers: list[Any] = []
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        config = {**optimizer.get_config(), "ema_momentum": 0.9}
        if isinstance(config["learning_rate"], dict):
            config["learning_rate"]["config"]["decay_steps"] *= SHORT / iterations
        if isinstance(optimizer, Adam) and normalises:
            names = "learning_rate", "use_ema", "ema_momentum"
            optimizer, config = SGD(), {**{name: config[name] for name in names}, "momentum": optimizer.beta_1}
        elif isinstance(optimizer, Adam):
            config["epsilon"] = 1e-12
        if "saturate" in config:  # of RisingMomentum
            config |= {"updates_per_epoch": 1, "saturate": SHORT}
        optimizers.append(type(optimizer).from_config(config))
    gan.compile(optimizers[0], optimizers[1], k=gan.k, generator_loss=gan.generator_loss, simultaneous=gan.simultaneous)


def schedule(optimizer: Any, updates: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Evaluate an optimizer's learning rate and momentum for each update, (updates,) each; Adam's momentum is 0.

    PyTorch and optax multiply the velocity by the present learning rate, Keras each gradient by that of its own update.
    The momentum is rescaled for this difference.
    """
    rate = optimizer.get_config()["learning_rate"]
    rate = schedules.deserialize(rate)(np.arange(updates)) if isinstance(rate, dict) else rate
    rates, momenta = np.broadcast_to(np.asarray(rate, np.float32), updates), np.zeros(updates)
    if getattr(optimizer, "momentum", 0):
        momenta += optimizer.momentum
        if hasattr(optimizer, "saturate"):  # RisingMomentum
            epochs = np.arange(updates) // optimizer.updates_per_epoch
            momenta += (optimizer.final - optimizer.momentum) * np.minimum(epochs / (optimizer.saturate - 1), 1)
        momenta[1:] *= rates[:-1] / rates[1:]
    return rates, momenta.astype(np.float32)


def networks(gan: GAN) -> list[Arrays]:
    """Copy the weights of G, of D, and of the EMAs of G and of D where its optimizers keep them."""
    found, averaged = [gan.generator, gan.discriminator], gan.averaged()
    found += [averaged.generator] if gan.g_optimizer.use_ema else []
    found += [averaged.discriminator] if gan.d_optimizer.use_ema else []
    return [[np.array(variable) for variable in network.trainable_variables] for network in found]


def rows(x: Any) -> NDArray[np.float32]:
    """Return the examples of a finite data set, (N, dimensions), as the networks take them; none of a distribution."""
    if isinstance(x, Gaussian | Uniform):
        return np.empty((0, 0), np.float32)
    return x.scaled(x.pixels) if hasattr(x, "scaled") else np.asarray(x, np.float32)


def drawn(x: Any, shape: tuple[int, ...], normal: Callable, uniform: Callable, choose: Callable) -> Any:
    """Draw an array with a framework's functions of a shape, which draw from N(0, 1), from U(0, 1), or rows of data."""
    if isinstance(x, Gaussian):
        return x.mean + x.std * normal(shape)
    if isinstance(x, Uniform):
        return x.low + (x.high - x.low) * uniform(shape)
    return choose(shape[:-1])


class Baseline(ABC):
    """One implementation of a preset's training.

    Attributes:
        VARIANTS: The ways in which it can run; the fastest is timed.
        chunk: It trains for multiples of this number of iterations.
        sources: p_data and p_z, each with the shape of what an iteration draws from it.
    """

    VARIANTS: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, preset: Preset, variant: str) -> None:
        self.preset, self.gan, self.variant, self.chunk = preset, preset.gan, variant, preset.chunk
        x, z = preset.draw(0, 1)
        self.sources = [(preset.p_data, x.shape[1:]), (self.gan.p_z, z.shape[1:])]

    @abstractmethod
    def run(self, iterations: int) -> None:
        """Train on random minibatches, and return when that is done. This is what is timed."""

    @abstractmethod
    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Make the same updates on given minibatches, as `Preset.draw` gives them."""

    @classmethod
    def check(cls, preset: Preset, variant: str, ours: Trained) -> None:
        """Train as ours was trained, and compare the losses, and the weights of the networks and of the EMAs.

        Raises:
            run.Refused: if they differ by more than `LOSSES` or `WEIGHTS`.
        """
        before = networks(preset.gan)
        their_losses, their_networks = cls(preset, variant).learn(*preset.draw(0, len(ours[0])))
        losses = float(np.abs(their_losses - ours[0]).max())
        triples = zip(their_networks, ours[1], before, strict=True)
        weights = max(distance(their, our) / distance(our, initial) for their, our, initial in triples)
        if not (losses <= LOSSES and weights <= WEIGHTS):  # NaN is too great
            raise run.Refused(
                f"{cls.__name__}: losses differ by {losses:.2g} nats (at most {LOSSES:g}), "
                f"weights by {weights:.2g} of the distance trained (at most {WEIGHTS:g})"
            )


def distance(a: Arrays, b: Arrays) -> float:
    """Return the Euclidean distance of two networks' weights."""
    return float(np.sqrt(sum(np.sum((p - q) ** 2) for p, q in zip(a, b, strict=True))))
