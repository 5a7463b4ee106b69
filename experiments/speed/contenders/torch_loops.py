"""Algorithm 1 in PyTorch on the CPU: eager, and with `torch.compile`.

Both evaluate D once on examples and samples together, and make samples for D without a graph. Each gradient is that of
one network alone. The fused kernels of `torch.optim` make the updates.
"""

import os
import shutil
from collections.abc import Callable
from typing import Any

from contenders.cases import Activation, Case, Dense, Dropout, Layers, Rescaling, Rule, Source, affine, finite
from contenders.contender import Arrays, OneByOne, Unavailable
from gan_paper.distributions import Gaussian, Uniform

import numpy as np
import torch
import torch._inductor.config
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Eager(OneByOne):
    """The training loop as PyTorch's users write it."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """Use all threads, or one, on which small networks are faster."""
        return tuple(f"threads: {n}" for n in sorted({1, len(os.sched_getaffinity(0))}))

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        self.threads = int(variant.split()[-1])
        torch.manual_seed(0)
        self.case = case
        of_g, of_d, *_ = case.split(initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d)
        self.g_parameters = list(self.G.parameters())
        self.d_rule, self.g_rule = Learner(case.d_rule, self.D), Learner(case.g_rule, self.G)
        self.draw_x, self.draw_z = sampler(case.p_data), sampler(case.p_z)

    def use_threads(self) -> None:
        """Set the variant's number of threads, of which PyTorch keeps one for the whole process."""
        torch.set_num_threads(self.threads)

    def samples(self, z: torch.Tensor) -> torch.Tensor:
        """Return G(z)."""
        return self.G(z)

    def d_loss(self, x: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Return -V on examples and samples."""
        real, fake = self.D(torch.cat([x, samples])).chunk(2)
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()

    def g_loss(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the non-saturating objective."""
        return functional.softplus(-self.D(samples)).mean()

    def iteration(self, x: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Update D k times and G once; return the two objectives."""
        together = self.case.simultaneous
        for step in range(self.case.k):
            with torch.set_grad_enabled(together):
                samples = self.samples(z[step])
            self.d_rule.optimizer.zero_grad()
            d_loss = self.d_loss(x[step], samples.detach())
            d_loss.backward()
            if not together:
                self.d_rule.step()
        self.g_rule.optimizer.zero_grad()
        g_loss = self.g_loss(samples if together else self.samples(z[-1]))
        g_loss.backward(inputs=self.g_parameters)
        if together:
            self.d_rule.step()
        self.g_rule.step()
        return d_loss, g_loss

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        self.use_threads()
        pairs = zip(torch.tensor(x), torch.tensor(z), strict=True)
        return np.array([[loss.item() for loss in self.iteration(*pair)] for pair in pairs])

    def weights(self) -> Arrays:
        """Return the weights and the averages; a kernel is (inputs, outputs)."""
        networks = [self.G, self.D, self.g_rule.average, self.d_rule.average]
        arrays = [p.detach().numpy() for network in networks if network is not None for p in network.parameters()]
        return [a.T if a.ndim == 2 else a for a in arrays]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.use_threads()
        super().run(iterations)


class Compiled(Eager):
    """The same, but G, both objectives and their gradients are compiled; the updates are fused kernels already."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        if not shutil.which(os.environ.get("CXX", "g++")):
            raise Unavailable("torch.compile needs a C++ compiler on the CPU")
        super().__init__(case, initial, variant)
        for name in ("samples", "d_loss", "g_loss"):
            setattr(self, name, torch.compile(getattr(self, name), fullgraph=True))

    def use_threads(self) -> None:
        """Set the number for the compiler too, which writes it into its code."""
        super().use_threads()
        torch._inductor.config.cpp.threads = self.threads


class Apply(nn.Module):
    """A layer without weights: a function of its input and of some numbers."""

    def __init__(self, function: Callable[..., torch.Tensor], *numbers: float) -> None:
        super().__init__()
        self.function, self.numbers = function, numbers

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        """Return the function's value."""
        return self.function(a, *self.numbers)


ACTIVATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "elu": lambda a, _: functional.elu(a),
    "relu": lambda a, _: functional.relu(a),
    "leaky_relu": functional.leaky_relu,
    "sigmoid": lambda a, _: torch.sigmoid(a),
    "tanh": lambda a, _: torch.tanh(a),
    "maxout": lambda a, pieces: a.unflatten(1, (pieces, -1)).amax(1),
}


def sequential(layers: Layers, weights: Arrays) -> nn.Sequential:
    """Build a network with these weights."""
    modules, arrays = nn.Sequential(), iter(weights)
    for layer in layers:
        match layer:
            case Dense():
                linear = nn.Linear(layer.inputs, layer.units)
                with torch.no_grad():
                    linear.weight.copy_(torch.from_numpy(next(arrays).T.copy()))
                    linear.bias.copy_(torch.from_numpy(next(arrays)))
                modules.append(linear)
            case Dropout():
                modules.append(nn.Dropout(layer.rate))
            case Rescaling():
                modules.append(Apply(lambda a, factor, offset: a * factor + offset, layer.factor, layer.offset))
            case Activation():
                modules.append(Apply(ACTIVATIONS[layer.kind], layer.number))
    return modules


class Learner:
    """An optimizer with its schedules, and the average of the iterates if one is kept."""

    def __init__(self, rule: Rule, network: nn.Module) -> None:
        self.rule, self.network, self.updates = rule, network, 0
        parameters, first, momentum = network.parameters(), rule.rate.first, rule.momentum.first
        if rule.kind == "adam":
            betas = (momentum, rule.beta_2)
            self.optimizer: Any = torch.optim.Adam(parameters, first, betas, rule.epsilon, fused=True)
        else:
            self.optimizer = torch.optim.SGD(parameters, first, momentum, fused=True)
        decay = rule.average
        self.average = None if decay is None else AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))

    def step(self) -> None:
        """Make one update."""
        group, rule, t = self.optimizer.param_groups[0], self.rule, self.updates
        if rule.rate.kind != "constant":
            group["lr"] = float(rule.rate(t))
        if rule.momentum.kind != "constant":
            # PyTorch multiplies the velocity by the rate of today, not of its own time.
            group["momentum"] = float(rule.momentum(t) * rule.rate(t - 1) / rule.rate(t))
        self.optimizer.step()
        self.updates += 1
        if self.average is not None:
            self.average.update_parameters(self.network)


def sampler(source: Source) -> Callable[[tuple[int, ...]], torch.Tensor]:
    """Return a function that draws an array of a shape."""
    if isinstance(source, Gaussian | Uniform):
        draw = torch.randn if isinstance(source, Gaussian) else torch.rand
        factor, offset = affine(source)
        return lambda shape: draw(shape).mul_(factor).add_(offset)
    array, scale, low = finite(source)
    rows = torch.from_numpy(array * scale + low)  # in float32: the images fit
    return lambda shape: rows[torch.randint(len(rows), shape[:-1])]
