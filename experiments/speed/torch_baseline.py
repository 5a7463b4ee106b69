"""Algorithm 1 in PyTorch, eager, on the CPU, with the fused kernels of `torch.optim`."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from gan_paper.layers import Dropout, Maxout

import keras
import numpy as np
import presets
import torch
from keras import layers
from numpy.typing import NDArray
from presets import Baseline, Preset, Trained
from torch import nn
from torch.nn.functional import softplus
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}


class Eager(Baseline):
    """The training loop as a user of PyTorch writes it.

    D sees examples and samples as one batch, unless it has batch normalisation. The samples for D's updates are made
    without a graph. In simultaneous updates they have one, and D sees them twice, as in PyTorch's own example of a GAN.
    """

    VARIANTS = tuple(f"threads: {n}" for n in sorted({1, len(os.sched_getaffinity(0))}))

    def __init__(self, preset: Preset, variant: str) -> None:
        super().__init__(preset, variant)
        gan = preset.gan
        self.G, self.D = sequential(gan.generator), sequential(gan.discriminator)[:-1]  # without the sigmoid
        self.d_learner = Learner(self.D, gan.d_optimizer, preset.iterations * gan.k)
        self.g_learner = Learner(self.G, gan.g_optimizer, preset.iterations)
        self.normalises = any(isinstance(module, nn.BatchNorm2d) for module in self.D)
        self.chunk, rows = 1, torch.tensor(presets.rows(preset.p_data))
        self.choose = lambda shape: rows[torch.randint(len(rows), shape)]

    def run(self, iterations: int) -> None:
        """Train on random minibatches, drawn with PyTorch."""
        torch.set_num_threads(int(self.variant.split()[-1]))
        for _ in range(iterations):
            self.iteration(*(presets.drawn(*source, torch.randn, torch.rand, self.choose) for source in self.sources))

    def learn(self, x: NDArray, z: NDArray) -> Trained:
        """Train on given minibatches."""
        pairs = zip(torch.tensor(x), torch.tensor(z), strict=True)
        losses = np.array([[loss.item() for loss in self.iteration(*pair)] for pair in pairs])
        networks = [self.G, self.D, self.g_learner.ema, self.d_learner.ema]
        return losses, [[as_keras(p.detach()).numpy() for p in network.parameters()] for network in networks if network]

    def iteration(self, x: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Update D k times and G once; return the losses."""
        together = self.gan.simultaneous
        for step in range(self.gan.k):
            with torch.set_grad_enabled(together):
                samples = self.G(z[step])
            self.d_learner.optimizer.zero_grad()
            both = x[step], samples.detach()
            real, fake = map(self.D, both) if self.normalises else self.D(torch.cat(both)).chunk(2)
            d_loss = softplus(-real).mean() + softplus(fake).mean()
            d_loss.backward()
            if not together:
                self.d_learner.step()
        self.g_learner.optimizer.zero_grad()
        g_loss = softplus(-self.D(samples if together else self.G(z[-1]))).mean()
        g_loss.backward(inputs=list(self.G.parameters()))
        if together:
            self.d_learner.step()
        self.g_learner.step()
        return d_loss, g_loss


class Learner:
    """The same optimizer as Keras's, with its schedules, and the EMA of its network's weights if one is kept."""

    def __init__(self, network: nn.Module, like: keras.optimizers.Optimizer, updates: int) -> None:
        self.network, self.made = network, 0
        self.rates, self.momenta = presets.schedule(like, updates)
        if isinstance(like, keras.optimizers.Adam):
            betas = like.beta_1, like.beta_2
            self.optimizer: Any = torch.optim.Adam(network.parameters(), 1.0, betas, like.epsilon, fused=True)
        else:
            self.optimizer = torch.optim.SGD(network.parameters(), 1.0, float(self.momenta[0]), fused=True)
        average = get_ema_multi_avg_fn(like.ema_momentum)
        self.ema = AveragedModel(network, multi_avg_fn=average) if like.use_ema else None

    def step(self) -> None:
        """Make one update. After the run's end, the last learning rate and momentum are kept."""
        group, t = self.optimizer.param_groups[0], min(self.made, len(self.rates) - 1)
        group["lr"] = float(self.rates[t])
        if "momentum" in group:
            group["momentum"] = float(self.momenta[t])
        self.optimizer.step()
        self.made += 1
        if self.ema is not None:
            self.ema.update_parameters(self.network)


class Apply(nn.Module):
    """A function as a module; the module's weights are the function's other arguments."""

    def __init__(self, function: Callable[..., torch.Tensor], *weights: torch.Tensor) -> None:
        super().__init__()
        self.function, self.weights = function, nn.ParameterList(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the function."""
        return self.function(x, *self.weights)


def as_keras(weights: torch.Tensor) -> torch.Tensor:
    """Return weights with Keras's axes: (inputs, outputs) of a dense layer, (height, width, ...) of a convolution."""
    return weights.permute(2, 3, 1, 0) if weights.ndim == 4 else weights.mT if weights.ndim == 2 else weights


def weighted(layer: Any) -> nn.Module:
    """Build a dense layer, a convolution or a batch normalisation with the same weights, without its activation."""
    first, *bias = (torch.tensor(np.array(weights)) for weights in layer.trainable_weights)
    padding = (layer.kernel_size[0] - layer.strides[0]) // 2 if getattr(layer, "padding", "") == "same" else 0
    match layer:
        case layers.Dense():
            module: Any = nn.Linear(*first.shape, bias=layer.use_bias)
        case layers.Conv2D():
            module = nn.Conv2d(*first.shape[2:], layer.kernel_size, layer.strides, padding, bias=layer.use_bias)
        case layers.Conv2DTranspose():
            outputs, inputs = first.shape[2:]
            module = nn.ConvTranspose2d(inputs, outputs, layer.kernel_size, layer.strides, padding, bias=layer.use_bias)
        case _:
            kind = nn.BatchNorm1d if len(layer.input.shape) == 2 else nn.BatchNorm2d
            module = kind(len(first), layer.epsilon, 1 - layer.momentum)
    first = first.permute(3, 2, 0, 1) if first.ndim == 4 else first.T if first.ndim == 2 else first
    for parameter, weights in zip(module.parameters(), [first, *bias], strict=True):
        parameter.data = weights.contiguous()
    return module


def sequential(network: keras.Model) -> nn.Sequential:
    """Build the same network with the same weights. Its images have their channels first."""
    modules = nn.Sequential()
    for layer in network.layers:
        if isinstance(layer, layers.Dense | layers.Conv2D | layers.Conv2DTranspose | layers.BatchNormalization):
            modules.append(weighted(layer))
        if hasattr(layer, "pieces"):
            modules.extend([nn.Unflatten(1, (layer.pieces, -1)), Apply(lambda pieces: pieces.amax(1))])
        match layer:
            case Maxout() | layers.BatchNormalization():  # Maxout is a Dense, too
                pass
            case layers.Dense() | layers.Conv2D() | layers.Conv2DTranspose():
                modules.append(ACTIVATIONS[layer.activation.__name__]())
            case layers.Reshape():
                modules.extend([nn.Unflatten(1, layer.target_shape), Apply(lambda x: x.permute(0, 3, 1, 2))])
            case layers.Flatten():
                modules.extend([Apply(lambda x: x.permute(0, 2, 3, 1)), nn.Flatten()])
            case layers.ZeroPadding2D():
                modules.append(nn.ZeroPad2d(layer.padding[0][0]))
            case keras.Layer(pieces=_, size=size, stride=stride):  # MaxoutPooling of cifar10.py
                modules.append(nn.MaxPool2d(size, stride, ceil_mode=True))
            case keras.Layer(bias=bias):  # Bias of cifar10.py
                modules.append(Apply(torch.add, torch.tensor(np.array(bias))))
            case layers.ReLU():
                modules.append(nn.ReLU())
            case layers.LeakyReLU():
                modules.append(nn.LeakyReLU(layer.negative_slope))
            case layers.Rescaling():
                modules.append(Apply(partial(torch.add, torch.tensor(layer.offset), alpha=layer.scale)))
            case Dropout():
                modules.append(nn.Dropout(layer.rate))
            case _:
                raise ValueError(f"PyTorch's baseline does not have the layer {layer!r}")
    return modules
