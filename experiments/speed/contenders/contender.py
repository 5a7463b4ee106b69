"""What every contender offers, and the check that its arithmetic is ours (`Trainer.check`)."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from contenders.cases import Case, numpy_sampler

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray]

OBJECTIVES = 1e-3
"""The greatest distance of an iteration's objectives from ours, in nats."""
WEIGHTS = 2e-2
"""The greatest distance of the final weights from ours, as a share of the way that ours went.

In `mnist-paper` float32 alone ends 0.006 of it away from float64, where rounding makes another piece of a unit the
greatest.
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

    def facts(self) -> dict[str, float]:
        """Return what else is to be kept in the file."""
        return {}


class Reference(NamedTuple):
    """Our training on a few minibatches, as `presets.hasten` changes it.

    Attributes:
        case: The game that is timed.
        checked: The game in which contenders are compared.
        initial: The weights before it, in the order of `Case.split`.
        x: The examples, (T, k, m, ...).
        z: The noise, (T, k + 1, m, noise_size), or k where updates are simultaneous.
        objectives: The objectives of D, at its last update, and of G in each iteration, (T, 2).
        final: The weights after it.
    """

    case: Case
    checked: Case
    initial: Arrays
    x: NDArray
    z: NDArray
    objectives: NDArray
    final: Arrays


class Trainer(Contender):
    """A contender that trains; `learn` makes the same steps on given minibatches as `run` on its own.

    Args:
        case: The game.
        initial: The weights to begin with, in the order of `Case.split`.
        variant: One of `variants`.
    """

    @abstractmethod
    def __init__(self, case: Case, initial: Arrays, variant: str) -> None: ...

    @abstractmethod
    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on these minibatches (T, k, m, ...) and (T, k + 1, m, noise_size); return the objectives, (T, 2)."""

    @abstractmethod
    def weights(self) -> Arrays:
        """Return the weights and the averages, in the order of `Case.split`."""

    @classmethod
    def check(cls, reference: Reference, variant: str) -> dict[str, float]:
        """Train as the reference was trained, and compare.

        Returns:
            `objectives`, their greatest difference in nats, and `weights`, their `distance`.

        Raises:
            Differs: if one of them is too great.
        """
        trainer = cls(reference.checked, reference.initial, variant)
        objectives = trainer.learn(reference.x, reference.z)
        of_objectives = float(np.abs(objectives - reference.objectives).max())
        of_weights = distance(trainer.weights(), reference)
        if not (of_objectives <= OBJECTIVES and of_weights <= WEIGHTS):  # NaN is too great
            raise Differs(
                f"objectives differ by {of_objectives:.2g} (at most {OBJECTIVES:g}), weights by {of_weights:.2g} of "
                f"the way they went (at most {WEIGHTS:g})"
            )
        return {"objectives": of_objectives, "weights": of_weights}


class OneByOne(Trainer):
    """A trainer that draws the minibatches of an iteration, and makes it, one after the other."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        rng, self.case = np.random.default_rng(0), case
        self.draw_x: Callable[..., Any] = numpy_sampler(case.p_data, rng)
        self.draw_z: Callable[..., Any] = numpy_sampler(case.p_z, rng)

    @abstractmethod
    def iteration(self, x: Any, z: Any) -> tuple[Any, Any]:
        """Train on one iteration's minibatches; return the objectives of D and of G."""

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        return np.array([self.iteration(*pair) for pair in zip(x, z, strict=True)])

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations):
            self.iteration(self.draw_x(self.case.x_shape), self.draw_z(self.case.z_shape))


def distance(weights: Arrays, reference: Reference) -> float:
    """Divide the weights' distance from a reference's by the way that those went.

    Returns:
        The greatest of G's, of D's, and of those of the averages that are kept.
    """
    shares = []
    networks = (reference.checked.split(arrays) for arrays in (weights, reference.final, reference.initial))
    for network in zip(*networks, strict=True):
        triples = list(zip(*network, strict=True))
        apart = sum(np.sum((w - final) ** 2) for w, final, _ in triples)
        gone = sum(np.sum((final - initial) ** 2) for _, final, initial in triples)
        shares.append(float(np.sqrt(apart / gone)))
    return max(shares)


def seconds_per_iteration(run: Callable[[int], None], chunk: int, at_least: float) -> float:
    """Compile, then time ever more iterations, in multiples of a chunk, until they take long enough."""
    run(chunk)
    iterations = chunk
    while True:
        began = time.perf_counter()
        run(iterations)
        elapsed = time.perf_counter() - began
        if elapsed >= at_least:
            return elapsed / iterations
        iterations *= 2
