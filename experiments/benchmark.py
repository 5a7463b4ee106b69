"""How fast is it? `python experiments/benchmark.py [--system scalar | notebook]`.

Times `GAN.fit` on a Gaussian system against the published notebook's own loop (`fit`, `fit`, `predict`, `fit` each
iteration) on the same system, in turn, in one session, and prints the medians over the rounds and their ratio.
Compilation is left out on both sides; drawing the random numbers is counted on both.
"""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gan_paper import runs

PER_CALL = 50  # iterations in one call of train_step


@dataclass(frozen=True)
class Arguments:
    """Time Algorithm 1 against the loop it replaces."""

    system: Literal["scalar", "notebook"] = "scalar"
    """`scalar`: x is one number, z ten. `notebook`: both are vectors of 1,000. m = 100 and k = 1 in both."""
    rounds: int = 5
    """Pairs of timings."""


def main(arguments: Arguments) -> None:
    """Time both and print the table."""
    n, noise_size = {"scalar": (1, 10), "notebook": (1000, 1000)}[arguments.system]
    contestants = {
        "the notebook's loop": (notebooks_loop(n, noise_size), 20),
        "GAN.fit": (gan_fit(n, noise_size), {"scalar": 10_000, "notebook": 500}[arguments.system]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for run, _ in contestants.values():
        run(PER_CALL)  # compiles
    for _ in range(arguments.rounds):
        for name, (run, iterations) in contestants.items():
            began = time.perf_counter()
            run(iterations)
            seconds[name].append((time.perf_counter() - began) / iterations)
    print(
        f"{platform.processor() or platform.machine()}, {arguments.system}, m = 100, k = 1, {arguments.rounds} rounds"
    )
    rows = [
        (name, statistics.median(times) * 1e6, min(times) * 1e6, max(times) * 1e6, 1 / statistics.median(times))
        for name, times in seconds.items()
    ]
    print(runs.table([("", "us/iteration", "min", "max", "iterations/s"), *rows]))
    loop, ours = seconds.values()
    ratios = [a / b for a, b in zip(loop, ours, strict=True)]
    print(f"ratio: median {statistics.median(ratios):,.0f}, from {min(ratios):,.0f} to {max(ratios):,.0f}")


def gan_fit(n: int, noise_size: int) -> Callable[[int], None]:
    """Ours: as the experiment trains."""
    from keras.optimizers import SGD

    from gan_paper import networks
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian, Uniform
    from gan_paper.training import minibatches

    gan = GAN(networks.notebook_generator(n, noise_size), networks.notebook_discriminator(n))
    gan.compile(SGD(), SGD())

    def run(iterations: int) -> None:
        stream = minibatches(gan, Gaussian(4, 1.25), Uniform(), m=100, seed=0, stop=iterations, per_call=PER_CALL)
        gan.fit(stream, shuffle=False, verbose=0)

    return run


def notebooks_loop(n: int, noise_size: int) -> Callable[[int], None]:
    """The loop of seed document 001, in the Keras of today (where its discriminator does not train)."""
    import keras
    import numpy as np

    from gan_paper import networks

    G, D = networks.notebook_generator(n, noise_size), networks.notebook_discriminator(n)
    G.compile(optimizer="SGD", loss="binary_crossentropy")
    D.compile(optimizer="SGD", loss="binary_crossentropy")
    D.trainable = False
    z = keras.Input((noise_size,))
    DG = keras.Model(z, D(G(z)))
    DG.compile(optimizer="SGD", loss="binary_crossentropy")
    m, rng = 100, np.random.default_rng(0)

    def run(iterations: int) -> None:
        for _ in range(iterations):
            samples = G.predict(rng.uniform(size=(m, noise_size)), verbose=0)
            D.fit(samples, np.zeros(m), verbose=0)
            D.fit(rng.normal(4, 1.25, size=(m, n)), np.ones(m), verbose=0)
            DG.fit(rng.uniform(size=(m, noise_size)), np.ones(m), verbose=0)

    return run


if __name__ == "__main__":
    with runs.exit_statuses():
        arguments = runs.cli(Arguments, description=__doc__)
        runs.quiet_tensorflow()
        main(arguments)
