"""Generative Adversarial Nets (Goodfellow et al., 2014) in Keras 3 and TensorFlow."""

from importlib import import_module
from typing import Any

_HOME = {
    "GAN": "algorithm1",
    "Gaussian": "distributions",
    "GaussianMixture": "distributions",
    "Points": "distributions",
    "Uniform": "distributions",
    "load": "saved",
    "minibatches": "training",
    "train": "training",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Resolved on first use: the NumPy side and a script's --help should not wait for TensorFlow.
    if name in _HOME:
        return getattr(import_module(f"gan_paper.{_HOME[name]}"), name)
    raise AttributeError(f"module 'gan_paper' has no attribute {name!r}")
