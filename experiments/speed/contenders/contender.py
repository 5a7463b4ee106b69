"""What every contender offers, and the check that its arithmetic is ours (`Trainer.check`)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contenders.cases import Case
from gan_paper.runs import files

Arrays = Sequence[NDArray]

OBJECTIVES = 1e-3
"""The greatest distance of an iteration's objectives from ours, in nats."""
WEIGHTS = 2e-2
"""The greatest distance of the final weights from ours, as a share of the way that ours went.

In `mnist` float32 alone ends 0.006 of it away from float64, where rounding makes another piece of a unit the greatest.
"""


class Differs(Exception):
    """A contender does not do what ours does."""


class Unavailable(Exception):
    """A contender cannot run here."""


class Contender(ABC):
    """A contender is what is timed.

    Attributes:
        chunk: It is asked for multiples of so many iterations.
    """

    chunk: int = 1

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """List the ways in which it can run; the fastest on this machine is timed."""
        return ("",)

    @abstractmethod
    def run(self, iterations: int) -> None:
        """Make the iterations, and return when they are done; this is what is timed."""


class Reference(NamedTuple):
    """Our training on a few minibatches, without dropout.

    Attributes:
        initial: The weights before it: G's, then D's, each layer's kernel and bias.
        x: The examples, (T, k, m, ...).
        z: The noise, (T, k + 1, m, noise_size).
        objectives: The objectives of D, at its last update, and of G in each iteration, (T, 2).
        final: The weights after it.
    """

    initial: Arrays
    x: NDArray
    z: NDArray
    objectives: NDArray
    final: Arrays

    def save(self, path: Path) -> None:
        """Write an .npz file."""
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
    """A contender that trains; `learn` makes the same steps on given minibatches as `run` on its own.

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
        """Return the weights, in the order of a reference's."""

    @classmethod
    def check(cls, case: Case, reference: Reference, variant: str) -> dict[str, float]:
        """Train as the reference was trained, without dropout, and compare.

        Returns:
            `objectives`, their greatest difference in nats, and `weights`, their `distance`.

        Raises:
            Differs: if one of them is too great.
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
    """Split arrays into G's and D's."""
    split = 2 * len(case.generator)
    return arrays[:split], arrays[split:]


def distance(case: Case, weights: Arrays, reference: Reference) -> float:
    """Divide the weights' distance from a reference's by the way that those went; return the greater of G's and D's."""
    shares = []
    networks = (halves(case, arrays) for arrays in (weights, reference.final, reference.initial))
    for network in zip(*networks, strict=True):
        triples = list(zip(*network, strict=True))
        apart = sum(np.sum((w - final) ** 2) for w, final, _ in triples)
        gone = sum(np.sum((final - initial) ** 2) for _, final, initial in triples)
        shares.append(float(np.sqrt(apart / gone)))
    return max(shares)
