"""Generative Adversarial Nets (Goodfellow et al., 2014) in Keras 3 and TensorFlow."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN as GAN
    from gan_paper.distributions import Gaussian as Gaussian
    from gan_paper.distributions import GaussianMixture as GaussianMixture
    from gan_paper.distributions import Uniform as Uniform
    from gan_paper.layers import Dropout as Dropout
    from gan_paper.layers import Maxout as Maxout
    from gan_paper.optimizers import RisingMomentum as RisingMomentum

_MODULES = {
    "GAN": "algorithm1",
    "Gaussian": "distributions",
    "GaussianMixture": "distributions",
    "Uniform": "distributions",
    "Dropout": "layers",
    "Maxout": "layers",
    "RisingMomentum": "optimizers",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    # Resolved on first use: what needs NumPy alone should not wait for TensorFlow.
    if name in _MODULES:
        return getattr(import_module(f"gan_paper.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'gan_paper' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
