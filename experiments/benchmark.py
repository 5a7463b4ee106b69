"""How fast is it? `python experiments/benchmark.py [--system scalar | notebook | sine | mnist]`.

Times `GAN.fit` against the loop it replaces on the same system, in turn, in one session, and prints the medians over
the rounds and their ratio. For `scalar` and `notebook` that is the published notebook's own loop (`fit`, `fit`,
`predict`, `fit` each iteration), in Keras; for `sine`, its document's loop, in PyTorch, eagerly. For `mnist` it is no
loop but a limit: the matrix products of an iteration alone, compiled as ours are. Compilation is left out; drawing the
random numbers is counted, but not in that limit.
"""

import importlib.util
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gan_paper import runs

Loop = Callable[[int], None]
Layers = list[tuple[int, int]]  # inputs and outputs of each
Product = tuple[tuple[int, int], tuple[int, int], dict[str, bool]]  # the factors' shapes, and which is transposed


@dataclass(frozen=True)
class Arguments:
    """Time Algorithm 1 against the loop it replaces."""

    system: Literal["scalar", "notebook", "sine", "mnist"] = "scalar"
    """`scalar`: x is one number, z ten. `notebook`: vectors of 1,000. `sine`, `mnist`: as their experiments."""
    rounds: int = 5
    """Pairs of timings, at least 1."""


def main(arguments: Arguments) -> None:
    """Time both and print the table.

    Raises:
        runs.Refused: if there are to be no rounds, or PyTorch is needed and not installed.
    """
    if arguments.rounds < 1:
        raise runs.Refused(f"--rounds must be at least 1, not {arguments.rounds}")
    if arguments.system == "sine" and importlib.util.find_spec("torch") is None:
        raise runs.Refused("--system sine needs PyTorch: pip install '.[benchmark]'")
    runs.quiet_tensorflow()
    contestants: dict[str, tuple[Loop, int]]
    if arguments.system == "sine":
        contestants = {"PyTorch, eager": (torch_loop(), 300), "GAN.fit": (sine_fit(), 2000)}
    elif arguments.system == "mnist":
        contestants = {"the matrix products alone": (products(), 100), "GAN.fit": (mnist_fit(), 100)}
    else:
        n, noise_size, ours, per_call = {"scalar": (1, 10, 10_000, 500), "notebook": (1000, 1000, 500, 10)}[
            arguments.system
        ]
        contestants = {
            "the notebook's loop": (notebooks_loop(n, noise_size), 20),
            "GAN.fit": (gaussian_fit(n, noise_size, per_call), ours),
        }

    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for run, iterations in contestants.values():
        run(min(iterations, 500))  # compiles
    for _ in range(arguments.rounds):
        for name, (run, iterations) in contestants.items():
            began = time.perf_counter()
            run(iterations)
            seconds[name].append((time.perf_counter() - began) / iterations)

    print(f"{platform.processor() or platform.machine()}, {arguments.system}, {arguments.rounds} rounds")
    rows = [
        (name, statistics.median(times) * 1e6, min(times) * 1e6, max(times) * 1e6, 1 / statistics.median(times))
        for name, times in seconds.items()
    ]
    print(runs.table([("", "us/iteration", "min", "max", "iterations/s"), *rows]))
    loop, fit = seconds.values()
    ratios = [a / b for a, b in zip(loop, fit, strict=True)]
    print(f"ratio: median {statistics.median(ratios):,.4g}, from {min(ratios):,.4g} to {max(ratios):,.4g}")


def gaussian_fit(n: int, noise_size: int, per_call: int) -> Loop:
    """Ours on a Gaussian: m = 100, k = 1, the notebook's networks."""
    from keras.optimizers import SGD

    from gan_paper import networks
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian, Uniform
    from gan_paper.training import minibatches

    gan = GAN(networks.notebook_generator(n, noise_size), networks.notebook_discriminator(n))
    gan.compile(SGD(), SGD())

    def run(iterations: int) -> None:
        stream = minibatches(gan, Gaussian(4, 1.25), Uniform(), m=100, seed=0, stop=iterations, per_call=per_call)
        gan.fit(stream, shuffle=False, verbose=0)

    return run


def notebooks_loop(n: int, noise_size: int) -> Loop:
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


def sine_fit() -> Loop:
    """Ours on the sine curve: m = 32, k = 1, dropout and Adam as in seed document 004."""
    import numpy as np
    from keras.optimizers import Adam

    from gan_paper import networks
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian, Points
    from gan_paper.training import minibatches

    x = np.random.default_rng(0).uniform(0, 2 * np.pi, (1024, 1))
    gan = GAN(networks.sine_generator(), networks.sine_discriminator())
    gan.compile(Adam(1e-3), Adam(1e-3))

    def run(iterations: int) -> None:
        points = Points(np.hstack([x, np.sin(x)]))
        stream = minibatches(gan, points, Gaussian(), m=32, seed=0, stop=iterations, per_call=100)
        gan.fit(stream, shuffle=False, verbose=0)

    return run


def mnist_fit() -> Loop:
    """Ours on images: the paper's networks and dropout, m = 100, k = 1, the released learning rule."""
    import numpy as np

    from gan_paper import networks
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Images, Uniform
    from gan_paper.optimizers import RisingMomentum
    from gan_paper.training import minibatches

    pixels = np.random.default_rng(0).integers(256, size=(50_000, 784), dtype=np.uint8)
    gan = GAN(networks.paper_generator(np.full(784, 0.5)), networks.paper_discriminator())
    gan.compile(RisingMomentum(0.05), RisingMomentum(0.1))

    def run(iterations: int) -> None:
        p_z = Uniform(-(3**0.5), 3**0.5)
        stream = minibatches(gan, Images(pixels), p_z, m=100, seed=0, stop=iterations, per_call=50)
        gan.fit(stream, shuffle=False, verbose=0)

    return run


def products() -> Loop:
    """The matrix products of one iteration of Algorithm 1 with the paper's networks, and nothing else.

    A layer's product, m x inputs by inputs x outputs, runs forwards; backwards, one gives the gradient of its weights,
    and one that of its inputs, where they are not the data.
    """
    import tensorflow as tf

    m = 100
    G, D = [(100, 1200), (1200, 1200), (1200, 784)], [(784, 1200), (240, 1200), (240, 1)]

    def forwards(layers: Layers) -> list[Product]:
        return [((m, i), (i, o), {}) for i, o in layers]

    def of_weights(layers: Layers) -> list[Product]:
        return [((m, i), (m, o), {"transpose_a": True}) for i, o in layers]

    def of_inputs(layers: Layers) -> list[Product]:
        return [((m, o), (i, o), {"transpose_b": True}) for i, o in layers]

    of_d_step = forwards(G) + 2 * (forwards(D) + of_weights(D) + of_inputs(D[1:]))
    of_g_step = forwards(G) + forwards(D) + of_inputs(D) + of_weights(G) + of_inputs(G[1:])
    all_of_them = of_d_step + of_g_step
    # The left factors change with t, so that no product can be made once for all iterations.
    left = [tf.random.normal((50, *shape)) for shape, _, _ in all_of_them]
    right = [tf.random.normal(shape) for _, shape, _ in all_of_them]

    def multiply(t: tf.Tensor) -> list[tf.Tensor]:
        return [tf.matmul(a[t % 50], b, **how) for a, b, (_, _, how) in zip(left, right, all_of_them, strict=True)]

    @tf.function(jit_compile=True)
    def loop(iterations: tf.Tensor) -> tf.Tensor:
        first = tf.constant(0)
        _, results = tf.while_loop(
            lambda t, _: t < iterations, lambda t, _: (t + 1, multiply(t)), (first, multiply(first))
        )
        return sum(tf.reduce_sum(result) for result in results)

    def run(iterations: int) -> None:
        loop(tf.constant(iterations)).numpy()

    return run


def torch_loop() -> Loop:
    """The loop of seed document 004: a data loader, binary cross-entropy, two Adams, nothing compiled."""
    import torch
    from torch import nn

    x = 2 * torch.pi * torch.rand(1024, 1)
    points = torch.utils.data.TensorDataset(torch.cat([x, torch.sin(x)], dim=1))
    loader = torch.utils.data.DataLoader(points, batch_size=32, shuffle=True)
    G = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
    hidden = [
        layer
        for inputs, units in ((2, 256), (256, 128), (128, 64))
        for layer in (nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(0.3))
    ]
    D = nn.Sequential(*hidden, nn.Linear(64, 1), nn.Sigmoid())
    loss = nn.BCELoss()
    d_optimizer, g_optimizer = (torch.optim.Adam(network.parameters(), lr=1e-3) for network in (D, G))
    ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)

    def run(iterations: int) -> None:
        done = 0
        while done < iterations:
            for (examples,) in loader:
                D.zero_grad()
                both = torch.cat([examples, G(torch.randn(32, 2))])
                loss(D(both), torch.cat([ones, zeros])).backward()
                d_optimizer.step()

                G.zero_grad()
                loss(D(G(torch.randn(32, 2))), ones).backward()
                g_optimizer.step()
                done += 1
                if done == iterations:
                    break

    return run


if __name__ == "__main__":
    with runs.exit_statuses():
        main(runs.cli(Arguments, description=__doc__))
