"""The presets that are timed, what a baseline offers, and the check that it trains as ours does."""

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from gan_paper import GAN, Dropout, Maxout, run

import numpy as np
from keras.layers import BatchNormalization, Conv2D
from keras.optimizers import SGD, Adam, schedules
from numpy.typing import NDArray

Arrays = list[NDArray]
Trained = tuple[NDArray, list[Arrays]]
"""The result of a training.

First the losses of D, at its last update, and of G in each iteration, in nats, (iterations, 2). Then the weights of G,
of D, and of the EMAs of G and of D where they are kept.
"""
CONVOLUTIONAL = "dcgan", "cifar10-conv-small"
"""The presets with convolutions."""
SHORT = 20
"""Iterations of the short training in which baselines are checked."""
LOSSES = 1e-3
"""The greatest accepted difference of an iteration's losses, in nats."""
WEIGHTS = 2e-2
"""The greatest accepted distance of the final weights, as a share of the distance that training moved ours.

In `mnist-paper`, float32 alone ends 0.006 of it away from float64: rounding changes which piece of a maxout unit is the
greatest.
"""


class Preset(NamedTuple):
    """A preset's training.

    Attributes:
        gan: The compiled GAN, with its initial weights, which are the same in every process.
        p_data: Where examples come from, as `GAN.fit` takes it.
        m: The minibatch size.
        iterations: Of the whole run, over which learning rates and momentum change.
        chunk: Iterations in one compiled call, for the baselines that compile several.
    """

    gan: GAN
    p_data: Any
    m: int
    iterations: int
    chunk: int

    def draw(self, first: int, count: int) -> tuple[NDArray, NDArray]:
        """Draw what `GAN.fit` trains on in iterations `first` and after.

        Returns:
            Examples, (count, k, m, dimensions), and noise, (count, k + 1, m, dimensions), or k where D and G are
            updated simultaneously.
        """
        x, z = self.gan.minibatches(self.p_data, self.m).draw(first, count)
        return x, z


def make(name: str, data: Path | None = None, short: bool = False) -> Preset:
    """Make a preset's training with its experiment's own functions.

    Args:
        name: An experiment, and after a hyphen its preset if that is not the default: "vectors-notebook".
        data: MNIST's file [default: it is downloaded once].
        short: Whether to `shorten` the training.

    Raises:
        ValueError: if the images cannot be read.
    """
    experiment, _, preset = name.partition("-")
    module = run.load_experiment(experiment, Path(__file__).parent.parent)
    config = module.PRESETS[preset or next(iter(module.PRESETS))]
    config = replace(config, data=data) if hasattr(config, "data") else config
    gan, p_data = module.make_gan(config), module.data(config)
    # As long as the experiment's own calls; on MNIST 50 iterations take a second, and with convolutions 10.
    most = 10 if name in CONVOLUTIONAL else 50 if name.startswith("mnist") else config.record_every
    chunk = gan.minibatches(p_data, config.m).per_call(most)
    if short:
        shorten(gan, config.iterations)
    return Preset(gan, p_data, config.m, SHORT if short else config.iterations, chunk)


def shorten(gan: GAN, iterations: int) -> None:
    """Change a GAN so that a training of `SHORT` iterations shows whether a baseline does all that a whole run needs.

    Learning rates and momentum change in these iterations as in the whole run's, and the EMAs forget a tenth in each
    update. There is no dropout, since each framework draws its own masks. Adam's epsilon is too small to matter, since
    frameworks add it in different places. Maxout layers are initialised with three times the weights, CIFAR-10's
    convolutions with ten times: with the preset's, G moves by a few roundings of float32. With batch normalisation SGD
    takes the place of Adam, which makes steps of one size even of gradients that are 0 but for rounding. `iterations`
    is the whole run's number.
    """
    normalises = any(isinstance(layer, BatchNormalization) for layer in gan.generator.layers)
    for layer in (*gan.generator.layers, *gan.discriminator.layers):
        if isinstance(layer, Dropout):
            layer.rate = 0.0
        if isinstance(layer, Maxout):
            layer.kernel.assign(layer.kernel * 3)
        if isinstance(layer, Conv2D) and not normalises:
            layer.kernel.assign(layer.kernel * 10)
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


def learning_rates(optimizer: Any, updates: int) -> NDArray[np.float32]:
    """Evaluate an optimizer's learning rate for each update, (updates,)."""
    rate = optimizer.get_config()["learning_rate"]
    rate = schedules.deserialize(rate)(np.arange(updates)) if isinstance(rate, dict) else rate
    return np.broadcast_to(np.asarray(rate, np.float32), updates)


def momenta(optimizer: Any, updates: int) -> NDArray[np.float32]:
    """Evaluate the momentum of SGD for each update, (updates,), as PyTorch and optax apply it.

    They multiply the velocity by the present learning rate, Keras each gradient by that of its time.
    """
    momenta = np.full(updates, optimizer.momentum)
    if hasattr(optimizer, "saturate"):  # RisingMomentum
        epochs = np.arange(updates) // optimizer.updates_per_epoch
        momenta += (optimizer.final - optimizer.momentum) * np.minimum(epochs / (optimizer.saturate - 1), 1)
    rates = learning_rates(optimizer, updates)
    momenta[1:] *= rates[:-1] / rates[1:]
    return momenta.astype(np.float32)


def networks(gan: GAN) -> list[Arrays]:
    """Copy the weights of G, of D, and of the EMAs of G and of D where its optimizers keep them."""
    found, averaged = [gan.generator, gan.discriminator], gan.averaged()
    found += [averaged.generator] if gan.g_optimizer.use_ema else []
    found += [averaged.discriminator] if gan.d_optimizer.use_ema else []
    return [[np.array(variable) for variable in network.trainable_variables] for network in found]


def rows(x: Any) -> NDArray[np.float32]:
    """Return the examples of a finite data set, (N, dimensions), on the networks' scale."""
    return x.scaled(x.pixels) if hasattr(x, "scaled") else np.asarray(x, np.float32)


class Baseline(ABC):
    """One implementation of a preset's training.

    Attributes:
        VARIANTS: The ways in which it can run, of which the fastest is timed.
        chunk: It is asked for multiples of so many iterations.
    """

    VARIANTS: ClassVar[tuple[str, ...]] = ("",)
    chunk: int = 1

    def __init__(self, preset: Preset, variant: str) -> None:
        self.preset, self.gan, self.variant = preset, preset.gan, variant

    @abstractmethod
    def run(self, iterations: int) -> None:
        """Train on random minibatches, and return when that is done. This is what is timed."""

    @abstractmethod
    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Make the same updates on given minibatches, as `Preset.draw` gives them."""

    @classmethod
    def check(cls, preset: Preset, variant: str, ours: Trained) -> None:
        """Train as ours was trained, and compare the losses and the weights of the networks and of the EMAs.

        Raises:
            run.Refused: if they differ by more than `LOSSES` or `WEIGHTS`.
        """
        before = networks(preset.gan)
        their_losses, their_networks = cls(preset, variant).learn(*preset.draw(0, len(ours[0])))
        losses = float(np.abs(their_losses - ours[0]).max())
        weights = max(
            distance(network, our) / distance(our, initial)
            for network, our, initial in zip(their_networks, ours[1], before, strict=True)
        )
        if not (losses <= LOSSES and weights <= WEIGHTS):  # NaN is too great
            raise run.Refused(
                f"{cls.__name__}: losses differ by {losses:.2g} nats (at most {LOSSES:g}), "
                f"weights by {weights:.2g} of the distance trained (at most {WEIGHTS:g})"
            )


def distance(a: Arrays, b: Arrays) -> float:
    """Return the Euclidean distance of two networks' weights."""
    return float(np.sqrt(sum(np.sum((p - q) ** 2) for p, q in zip(a, b, strict=True))))
