"""What every contender offers, and the check that its arithmetic is ours."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contenders.cases import Case
from gan_paper import files

Arrays = Sequence[NDArray]

OBJECTIVES = 1e-3
"""How far from ours the objectives of an iteration may be, in nats."""
WEIGHTS = 2e-2
"""How far from ours the weights may end, as a share of the way that ours have gone.

Float32 alone leads 0.006 of it away from float64 in `mnist`, by units of which another piece is the greatest."""


class Differs(Exception):
    """A contender does not do what ours does."""


class Unavailable(Exception):
    """A contender cannot run here."""


class Contender(ABC):
    """Something that is timed.

    Attributes:
        chunk: Iterations are asked of it in multiples of this.
    """

    chunk: int = 1

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Ways in which it may be run; the fastest on this machine is timed."""
        return ("",)

    @abstractmethod
    def run(self, iterations: int) -> None:
        """What is timed; returns when all is done."""


class Reference(NamedTuple):
    """Our training on a few minibatches, without dropout.

    Attributes:
        initial: The weights before it, G's and then D's, each layer's kernel and bias.
        x: Examples, (T, k, m, ...).
        z: Noise, (T, k + 1, m, noise_size).
        objectives: D's and G's in each iteration, (T, 2), D's last update's.
        final: The weights after it.
    """

    initial: Arrays
    x: NDArray
    z: NDArray
    objectives: NDArray
    final: Arrays

    def save(self, path: Path) -> None:
        """Write it as an .npz file."""
        lists = {f"{name}{i}": w for name in ("initial", "final") for i, w in enumerate(getattr(self, name))}
        np.savez(path, allow_pickle=False, x=self.x, z=self.z, objectives=self.objectives, **lists)

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """Read what `save` wrote."""
        arrays = files.read_arrays(path)
        count = sum(name.startswith("final") for name in arrays)
        initial, final = ([arrays[f"{name}{i}"] for i in range(count)] for name in ("initial", "final"))
        return cls(initial, arrays["x"], arrays["z"], arrays["objectives"], final)


class Trainer(Contender):
    """Trains a game; the step that `run` times is the one that `learn` runs on given minibatches.

    Args:
        case: The game.
        initial: The weights to begin with.
        variant: One of `variants`.
    """

    @abstractmethod
    def __init__(self, case: Case, initial: Arrays, variant: str) -> None: ...

    @abstractmethod
    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on these minibatches (T, k, m, ...) and (T, k + 1, m, noise_size).

        Returns:
            The objectives in each iteration, (T, 2).
        """

    @abstractmethod
    def weights(self) -> Arrays:
        """The weights now, in the order of a reference's."""

    @classmethod
    def check(cls, case: Case, reference: Reference, variant: str) -> dict[str, float]:
        """Train as the reference was trained, without dropout, and compare.

        Returns:
            The greatest difference of the objectives, and that of the weights.

        Raises:
            Differs: if one is too great.
        """
        trainer: Any = cls(case.checked(), reference.initial, variant)
        objectives = trainer.learn(reference.x, reference.z)
        of_objectives = float(np.abs(objectives - reference.objectives).max())
        of_weights = distance(case, trainer.weights(), reference)
        if not (of_objectives <= OBJECTIVES and of_weights <= WEIGHTS):  # NaN is too great
            raise Differs(
                f"objectives differ by {of_objectives:.2g} (at most {OBJECTIVES:g}), weights by {of_weights:.2g} of "
                f"the way they went (at most {WEIGHTS:g})"
            )
        return {"objectives": of_objectives, "weights": of_weights}


def halves(case: Case, arrays: Arrays) -> tuple[Arrays, Arrays]:
    """G's arrays and D's."""
    split = 2 * len(case.generator)
    return arrays[:split], arrays[split:]


def distance(case: Case, weights: Arrays, reference: Reference) -> float:
    """How far apart weights are from a reference's, over how far those went: the greater of G's and D's."""
    shares = []
    networks = (halves(case, arrays) for arrays in (weights, reference.final, reference.initial))
    for network in zip(*networks, strict=True):
        triples = list(zip(*network, strict=True))
        apart = sum(np.sum((w - final) ** 2) for w, final, _ in triples)
        gone = sum(np.sum((final - initial) ** 2) for _, final, initial in triples)
        shares.append(float(np.sqrt(apart / gone)))
    return max(shares)
