"""Draws the figures of guide/settings.md: `python docs/settings.py [SETTING...]`.

GANs are trained on eight Gaussians on a ring, with one setting changed at a time. Each setting has a figure in
`figures/settings`, with the samples of the first seed and the results of all seeds.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

from gan_paper import GAN, Gaussian
from gan_paper.plots import GENERATOR, SMALL, STYLE

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras.layers import Dense
from keras.optimizers import Adam

SEEDS = 100, 101
ITERATIONS = 3_000
USUAL = {
    "k": 1,
    "d_learning_rate": 1e-3,
    "g_learning_rate": 1e-3,
    "beta_1": 0.5,
    "ema_momentum": 0.999,
    "noise_size": 8,
    "m": 128,
    "generator_loss": "non_saturating",
}
VALUES: dict[str, tuple[Any, ...]] = {
    "k": (1, 2, 5),
    "d_learning_rate": (1e-5, 1e-3, 1e-2),
    "g_learning_rate": (1e-4, 1e-3, 1e-2),
    "beta_1": (0.0, 0.5, 0.9),
    "ema_momentum": (0.0, 0.999, 0.9999),
    "noise_size": (1, 2, 8),
    "m": (8, 32, 128),
    "generator_loss": ("saturating", "non_saturating", "least_squares"),
}
ANGLES = 2 * np.pi * np.arange(8) / 8
CENTRES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
STD = 0.05


def ring(count: int, seed: int) -> np.ndarray:
    """Draw points, (count, 2), from eight Gaussians on a ring."""
    rng = np.random.default_rng(seed)
    return CENTRES[rng.integers(8, size=count)] + rng.normal(0, STD, (count, 2))


@cache
def samples(seed: int, settings: tuple[tuple[str, Any], ...]) -> np.ndarray:
    """Train a GAN with these settings; return samples, (10000, 2)."""
    s = dict(settings)
    keras.utils.set_random_seed(seed)
    G = keras.Sequential([keras.Input((s["noise_size"],)), Dense(32, "relu"), Dense(32, "relu"), Dense(2)])
    D = keras.Sequential([keras.Input((2,)), Dense(64, "relu"), Dense(64, "relu"), Dense(1, "sigmoid")])
    gan = GAN(G, D, Gaussian(0, 1))
    ema = {"use_ema": s["ema_momentum"] > 0, "ema_momentum": s["ema_momentum"]}
    loss = s["generator_loss"]
    gan.compile(
        d_optimizer=Adam(s["d_learning_rate"], s["beta_1"]),
        g_optimizer=Adam(s["g_learning_rate"], s["beta_1"], **ema),
        k=s["k"],
        generator_loss=loss,
        discriminator_loss=loss if loss == "least_squares" else "minimax",
    )
    gan.fit(ring(50_000, seed), batch_size=s["m"], epochs=1, steps_per_epoch=ITERATIONS, seed=seed, verbose=0)
    return gan.sample(10_000)


def count_modes(points: np.ndarray) -> tuple[int, float]:
    """Count the modes with at least a quarter of their share; measure the share of points within 4 STD of a mode."""
    distances = np.linalg.norm(points[:, None] - CENTRES, axis=2)
    near = distances.min(axis=1) < 4 * STD
    shares = np.bincount(distances.argmin(axis=1)[near], minlength=8) / len(points)
    return int((shares >= 1 / 32).sum()), float(near.mean())


def draw_setting(setting: str) -> None:
    """Draw the figure of a setting, with a panel for each of its values."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(5.5, 2.3), sharex=True, sharey=True, layout="constrained")
        for value, ax in zip(VALUES[setting], axes, strict=True):
            runs = [samples(seed, tuple({**USUAL, setting: value}.items())) for seed in SEEDS]
            measured = [count_modes(points) for points in runs]
            ax.plot(*ring(1_000, 0).T, ".", color="0.8", markersize=3, markeredgewidth=0, label="data")
            ax.plot(*runs[0][:1_000].T, ".", color=GENERATOR["color"], markersize=2, markeredgewidth=0, label="samples")
            ax.set(
                title=f"{setting} = {value}", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=[], yticks=[]
            )
            modes, near = zip(*measured, strict=True)
            shares = ", ".join(f"{share:.0%}" for share in near)
            ax.set_xlabel(f"modes {', '.join(map(str, modes))} of 8\nnear {shares}", size=SMALL)
        figure.savefig(Path(__file__).parent.parent / "figures" / "settings" / f"{setting}.png", dpi=200)
        plt.close(figure)


if __name__ == "__main__":
    for name in sys.argv[1:] or VALUES:
        draw_setting(name)
