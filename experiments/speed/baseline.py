"""What a baseline offers, and the check that it trains as ours does."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import presets
from numpy.typing import NDArray
from presets import Preset

Arrays = list[NDArray]

LOSSES = 1e-3
"""The greatest accepted difference of an iteration's losses, in nats."""
WEIGHTS = 2e-2
"""The greatest accepted distance of the final weights, as a share of the distance that training moved ours.

In `mnist-paper`, float32 alone ends 0.006 of it away from float64: rounding changes which piece of a maxout unit is the
greatest.
"""


class Differs(Exception):
    """A baseline does not train as ours does."""


class Trained(NamedTuple):
    """The result of a training.

    Attributes:
        losses: Of D, at its last update, and of G in each iteration, in nats, (iterations, 2).
        networks: The weights of G, of D, and of the EMAs of G and of D where they are kept.
    """

    losses: NDArray
    networks: list[Arrays]


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
    def check(cls, preset: Preset, variant: str, ours: Trained) -> dict[str, float]:
        """Train as ours was trained.

        Args:
            preset: A short training, just made.
            variant: One of `VARIANTS`.
            ours: What it came to.

        Returns:
            `losses`, their greatest difference in nats; `weights`, the greatest distance of a network's or an EMA's
            weights from ours, as a share of the distance that training moved ours.

        Raises:
            Differs: if one of them is too great.
        """
        before = presets.networks(preset.gan)
        theirs = cls(preset, variant).learn(*preset.draw(0, len(ours.losses)))
        losses = float(np.abs(theirs.losses - ours.losses).max())
        weights = max(
            distance(network, our) / distance(our, initial)
            for network, our, initial in zip(theirs.networks, ours.networks, before, strict=True)
        )
        if not (losses <= LOSSES and weights <= WEIGHTS):  # NaN is too great
            raise Differs(
                f"losses differ by {losses:.2g} nats (at most {LOSSES:g}), "
                f"weights by {weights:.2g} of the distance trained (at most {WEIGHTS:g})"
            )
        return {"losses": losses, "weights": weights}


def distance(a: Arrays, b: Arrays) -> float:
    """Return the Euclidean distance of two networks' weights."""
    return float(np.sqrt(sum(np.sum((p - q) ** 2) for p, q in zip(a, b, strict=True))))
