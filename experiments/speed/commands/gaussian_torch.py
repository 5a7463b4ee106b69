"""The default run of `gaussian.py` as a PyTorch user writes it: `python gaussian_torch.py SEED`.

It prints the Wasserstein-1 distance of a million samples from the data, in standard deviations.
"""

import sys

import numpy as np
import torch
from scipy.stats import norm, wasserstein_distance
from torch import nn
from torch.nn.functional import softplus
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

ITERATIONS, M, K = 8_000, 128, 4
DECAY = 1 - 1 / (0.1 * ITERATIONS)  # of the EMA, in an iteration


class Learner:
    """A network of two hidden layers of 50 ELU units, its optimizer and its EMA."""

    def __init__(self, inputs: int, scale: float, learning_rate: float, updates: int) -> None:
        self.net = nn.Sequential(nn.Linear(inputs, 50), nn.ELU(), nn.Linear(50, 50), nn.ELU(), nn.Linear(50, 1))
        for first in self.net[0].parameters():
            first.data *= scale
        self.adam = torch.optim.Adam(self.net.parameters(), learning_rate, betas=(0.5, 0.999), eps=1e-7)
        self.schedule = CosineAnnealingLR(self.adam, ITERATIONS * updates)
        self.ema = AveragedModel(self.net, multi_avg_fn=get_ema_multi_avg_fn(DECAY ** (1 / updates)))

    def descend(self, loss: torch.Tensor) -> None:
        """Make one update."""
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.schedule.step()
        self.ema.update_parameters(self.net)


def noise(count: int = M) -> torch.Tensor:
    """Draw from p_z, (count, 30)."""
    return 2 * torch.rand(count, 30) - 1


torch.manual_seed(int(sys.argv[1]))
G, D = Learner(30, 2, 4e-4, 1), Learner(1, 3, 3e-3, K)
for _ in range(ITERATIONS):
    for _ in range(K):
        with torch.no_grad():
            samples = G.net(noise())
        D.descend(softplus(-D.net(4 + 1.25 * torch.randn(M, 1))).mean() + softplus(D.net(samples)).mean())
    G.descend(softplus(-D.net(G.net(noise()))).mean())

with torch.no_grad():
    drawn = G.ema(noise(1_000_000)).numpy().ravel()
exact = norm(4, 1.25).ppf((np.arange(drawn.size) + 0.5) / drawn.size)
print(f"wasserstein  {wasserstein_distance(drawn, exact) / 1.25:.4g}")
