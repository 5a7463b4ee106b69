"""Algorithm 1 in PyTorch on the CPU: eager, and with `torch.compile`.

Both evaluate D once on examples and samples together, and make samples for D without a graph. Each gradient is that of
one network alone. The fused kernels of `torch.optim` make the updates.
"""

import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch._inductor.config
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from contenders.cases import PIECES, Case, Layer, Source, finite
from contenders.contender import Arrays, Trainer, Unavailable, halves
from gan_paper.distributions import Gaussian, Uniform


class Eager(Trainer):
    """The training loop as PyTorch's users write it."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Use all threads, or one, on which small networks are faster."""
        return tuple(f"threads: {n}" for n in sorted({1, len(os.sched_getaffinity(0))}))

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.threads = int(variant.split()[-1])
        torch.manual_seed(0)
        self.case = case
        of_g, of_d = halves(case, initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d)
        self.g_parameters = list(self.G.parameters())
        self.d_rule, self.d_schedule = rule(case, self.D, case.rule.d_rate, case.k)
        self.g_rule, self.g_schedule = rule(case, self.G, case.rule.g_rate, 1)
        self.draw_x, self.draw_z = sampler(case.p_data), sampler(case.p_z)

    def use_threads(self) -> None:
        """Set the variant's number of threads, of which PyTorch keeps one for the whole process."""
        torch.set_num_threads(self.threads)

    def d_loss(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Return -V on examples and samples."""
        with torch.no_grad():
            samples = self.G(z)
        real, fake = self.D(torch.cat([x, samples])).chunk(2)
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def g_loss(self, z: torch.Tensor) -> torch.Tensor:
        """Return the non-saturating objective."""
        return functional.softplus(-self.D(self.G(z))).mean()

    def iteration(self, x: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Update D k times and G once; return the two objectives."""
        for step in range(self.case.k):
            self.d_rule.zero_grad()
            d_loss = self.d_loss(x[step], z[step])
            d_loss.backward()
            self.d_rule.step()
            self.d_schedule()
        self.g_rule.zero_grad()
        g_loss = self.g_loss(z[-1])
        g_loss.backward(inputs=self.g_parameters)
        self.g_rule.step()
        self.g_schedule()
        return d_loss, g_loss

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        self.use_threads()
        pairs = zip(torch.tensor(x), torch.tensor(z), strict=True)
        return np.array([[loss.item() for loss in self.iteration(x, z)] for x, z in pairs])

    def weights(self) -> Arrays:
        """Return the weights; a kernel is (inputs, outputs)."""
        arrays = [p.detach().numpy() for network in (self.G, self.D) for p in network.parameters()]
        return [a.T if a.ndim == 2 else a for a in arrays]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.use_threads()
        for _ in range(iterations):
            self.iteration(self.draw_x(*self.case.x_shape), self.draw_z(*self.case.z_shape))


class Compiled(Eager):
    """The same, but both objectives and their gradients are compiled; the updates are fused kernels already."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        if not shutil.which(os.environ.get("CXX", "g++")):
            raise Unavailable("torch.compile needs a C++ compiler on the CPU")
        super().__init__(case, initial, variant)
        self.d_loss = torch.compile(self.d_loss, fullgraph=True)  # type: ignore[method-assign]
        self.g_loss = torch.compile(self.g_loss, fullgraph=True)  # type: ignore[method-assign]

    def use_threads(self) -> None:
        """Set the number for the compiler too, which writes it into its code."""
        super().use_threads()
        torch._inductor.config.cpp.threads = self.threads


class Maxout(nn.Module):
    """A layer that takes the greatest of each unit's linear pieces."""

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        """Map (m, pieces * units) to (m, units)."""
        return a.unflatten(1, (PIECES, -1)).amax(1)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "sigmoid": nn.Sigmoid,
    "maxout": Maxout,
}


def sequential(layers: tuple[Layer, ...], weights: Arrays) -> nn.Sequential:
    """Build a network with these weights."""
    modules: list[nn.Module] = []
    for layer, kernel, bias in zip(layers, weights[::2], weights[1::2], strict=True):
        linear = nn.Linear(layer.inputs, layer.columns)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(kernel.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias))
        modules += [nn.Dropout(layer.dropout)] if layer.dropout else []
        modules += [linear]
        modules += [ACTIVATIONS[layer.activation]()] if layer.activation != "linear" else []
    return nn.Sequential(*modules)


def rule(case: Case, network: nn.Module, rate: float, updates: int) -> tuple[torch.optim.Optimizer, Callable[[], Any]]:
    """Make the optimizer, and the function that advances its schedule by one update."""
    how, optimizer = case.rule, None
    if how.kind == "adam":
        betas = (how.momentum, 0.999)
        optimizer = torch.optim.Adam(network.parameters(), rate, betas, how.epsilon, fused=True)
    else:
        optimizer = torch.optim.SGD(network.parameters(), rate, how.momentum, fused=True)
    if not how.decay:
        return optimizer, lambda: None
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + how.decay * t / updates))
    return optimizer, schedule.step


def sampler(source: Source) -> Callable[..., torch.Tensor]:
    """Return a function that draws an array of a shape."""
    if isinstance(source, Gaussian):
        return lambda *shape: torch.randn(shape).mul_(source.std).add_(source.mean)
    if isinstance(source, Uniform):
        return lambda *shape: torch.rand(shape).mul_(source.high - source.low).add_(source.low)
    array, scale = finite(source)
    rows = torch.from_numpy(array * scale)  # in float32: the images fit
    return lambda *shape: rows[torch.randint(len(rows), shape[:-1])]
