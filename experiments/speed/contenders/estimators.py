"""The Parzen-window log-likelihood: ours, scikit-learn's, the published code's, and the one product that it takes.

An iteration is one point under all the samples. Slow estimators are timed on some of the points, since their time is in
proportion to the number of points. scikit-learn's tree is built before the clock starts.
"""

from abc import abstractmethod

from contenders.cases import Estimation
from contenders.contender import Contender, Differs
from gan_paper import parzen

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

NATS = 0.02
"""The greatest distance from the exact log-likelihood of a point, which is some hundreds of nats."""


class Estimator(Contender):
    """A contender that gives points their log-likelihoods.

    Args:
        case: The numbers of points and samples, and the width.
        initial: None: only a trainer has initial weights.
        variant: One of `variants`.
    """

    def __init__(self, case: Estimation, initial: None, variant: str) -> None:
        rng = np.random.default_rng(0)
        self.points, self.samples = rng.random((2, case.count, case.size), np.float32)
        self.sigma = case.sigma

    @abstractmethod
    def log_likelihood(self, points: NDArray) -> NDArray:
        """Return that of each point, in nats."""

    def run(self, iterations: int) -> None:
        """Estimate for so many points; after the last point comes the first."""
        while iterations > 0:
            self.log_likelihood(self.points[:iterations])
            iterations -= len(self.points)

    @classmethod
    def check(cls, case: Estimation, variant: str) -> dict[str, float]:
        """Compare the first 20 points with the definition in float64.

        Raises:
            Differs: if one is too far off.
        """
        estimator = cls(case, None, variant)
        x, s = estimator.points[:20].astype(float), estimator.samples.astype(float)
        exponents = np.stack([-(((point - s) / case.sigma) ** 2).sum(axis=1) / 2 for point in x])
        exact = logsumexp(exponents, axis=1) - np.log(len(s)) - case.size * np.log(case.sigma * np.sqrt(2 * np.pi))
        apart = float(np.abs(estimator.log_likelihood(estimator.points[:20]) - exact).max())
        if not apart <= NATS:
            raise Differs(f"log-likelihoods differ by {apart:.2g} nats (at most {NATS:g})")
        return {"nats": apart}


class Blocks(Estimator):
    """Ours: `gan_paper.parzen`, which goes block by block."""

    def __init__(self, case: Estimation, initial: None, variant: str) -> None:
        super().__init__(case, initial, variant)
        self.chunk = case.count

    def log_likelihood(self, points: NDArray) -> NDArray:
        """Multiply in float32, about the samples' centre."""
        return parzen.log_likelihood(points, self.samples, self.sigma)


class ScikitLearn(Estimator):
    """`sklearn.neighbors.KernelDensity` with a tree of one leaf.

    With leaves of its default size its answers are off by hundreds of nats in so many dimensions (scikit-learn's issue
    7492 is similar).
    """

    def __init__(self, case: Estimation, initial: None, variant: str) -> None:
        from sklearn.neighbors import KernelDensity

        super().__init__(case, initial, variant)
        self.density = KernelDensity(kernel="gaussian", bandwidth=self.sigma, leaf_size=case.count).fit(self.samples)

    def log_likelihood(self, points: NDArray) -> NDArray:
        """Search the tree, in float64."""
        return self.density.score_samples(points)


class Broadcast(Estimator):
    """The authors' released Theano expression, in NumPy: it holds all differences between a batch and the samples."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Take 10 points in a batch, as released, or one, whose differences fit into a cache better."""
        return "10 points at once", "1 point at once"

    def __init__(self, case: Estimation, initial: None, variant: str) -> None:
        super().__init__(case, initial, variant)
        self.chunk = int(variant.split()[0])

    def log_likelihood(self, points: NDArray) -> NDArray:
        """Broadcast."""
        scale = self.samples.shape[1] * np.log(self.sigma * np.sqrt(2 * np.pi))
        result = []
        for begin in range(0, len(points), self.chunk):
            a = (points[begin : begin + self.chunk, None] - self.samples) / np.float32(self.sigma)
            exponents = -0.5 * (a**2).sum(2)
            greatest = exponents.max(1)
            mean = np.exp(exponents - greatest[:, None]).mean(1)
            result.append(greatest + np.log(mean) - scale)
        return np.concatenate(result)


class Product(Contender):
    """`points @ samples.T`, written into memory that is allocated beforehand."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Make the whole product, or as many rows at once as ours does."""
        return "whole", "in blocks"

    def __init__(self, case: Estimation, initial: None, variant: str) -> None:
        self.points, self.samples = np.random.default_rng(0).random((2, case.count, case.size), np.float32)
        self.chunk = case.count
        rows = case.count if variant == "whole" else parzen.BLOCK // case.count
        self.result = np.empty((rows, case.count), np.float32)

    def run(self, iterations: int) -> None:
        """Multiply."""
        rows = len(self.result)
        for _ in range(iterations // self.chunk):
            for begin in range(0, self.chunk, rows):
                block = self.points[begin : begin + rows]
                np.matmul(block, self.samples.T, out=self.result[: len(block)])
