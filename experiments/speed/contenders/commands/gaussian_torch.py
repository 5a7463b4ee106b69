"""The default run of `gaussian.py` as a PyTorch user writes it; prints the Wasserstein-1 distance, in deviations."""

import math
import sys

import numpy as np
import torch
from scipy.stats import norm, wasserstein_distance
from torch import nn
from torch.nn.functional import softplus
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

ITERATIONS, M, K, NOISE = 8_000, 128, 4, 30


def network(inputs: int, scale: float) -> nn.Sequential:
    """Two hidden layers of 50 ELU units and a linear output; `scale` is of the first layer's initial weights."""
    net = nn.Sequential(nn.Linear(inputs, 50), nn.ELU(), nn.Linear(50, 50), nn.ELU(), nn.Linear(50, 1))
    for w in net[0].parameters():
        nn.init.uniform_(w, -scale * inputs**-0.5, scale * inputs**-0.5)
    for layer in (net[2], net[4]):
        nn.init.uniform_(layer.bias, -(50**-0.5), 50**-0.5)
        nn.init.uniform_(layer.weight, -(50**-0.5), 50**-0.5)
    return net


def learning(net: nn.Module, rate: float, updates: int) -> tuple[torch.optim.Adam, LambdaLR, AveragedModel]:
    """Adam whose rate falls along a cosine, and an average over a tenth of the run, for `updates` an iteration."""
    rule = torch.optim.Adam(net.parameters(), rate, betas=(0.5, 0.999), eps=1e-7)
    total = ITERATIONS * updates
    falling = LambdaLR(rule, lambda t: (1 + math.cos(math.pi * t / total)) / 2)
    decay = DECAY ** (1 / updates)
    return rule, falling, AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(decay))


DECAY = 1 - 1 / (0.1 * ITERATIONS)

torch.manual_seed(int(sys.argv[1]))
G, D = network(NOISE, 2), network(1, 3)
d_rule, d_falling, d_average = learning(D, 3e-3, K)
g_rule, g_falling, g_average = learning(G, 4e-4, 1)


def noise(count: int) -> torch.Tensor:
    """Draws of p_z."""
    return 2 * torch.rand(count, NOISE) - 1


for _ in range(ITERATIONS):
    for _ in range(K):
        with torch.no_grad():
            samples = G(noise(M))
        d_loss = softplus(-D(4 + 1.25 * torch.randn(M, 1))).mean() + softplus(D(samples)).mean()
        d_rule.zero_grad()
        d_loss.backward()
        d_rule.step()
        d_falling.step()
        d_average.update_parameters(D)
    g_loss = softplus(-D(G(noise(M)))).mean()
    g_rule.zero_grad()
    g_loss.backward()
    g_rule.step()
    g_falling.step()
    g_average.update_parameters(G)

with torch.no_grad():
    drawn = g_average(noise(1_000_000)).numpy().ravel()
exact = norm(4, 1.25).ppf((np.arange(drawn.size) + 0.5) / drawn.size)
print(f"match wasserstein  {wasserstein_distance(drawn, exact) / 1.25:.4g}")
