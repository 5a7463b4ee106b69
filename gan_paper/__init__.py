"""Generative Adversarial Nets (Goodfellow et al., 2014) in Keras 3 and TensorFlow."""

import os
import sys
import tempfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gan_paper import interrupts

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN as GAN
    from gan_paper.callbacks import Diagnosis as Diagnosis
    from gan_paper.callbacks import SampleGrid as SampleGrid
    from gan_paper.distributions import Gaussian as Gaussian
    from gan_paper.distributions import GaussianMixture as GaussianMixture
    from gan_paper.distributions import Uniform as Uniform
    from gan_paper.layers import Dropout as Dropout
    from gan_paper.layers import Maxout as Maxout
    from gan_paper.optimizers import RisingMomentum as RisingMomentum

__version__ = "0.3.0.dev0"

_MODULES = {
    "GAN": "algorithm1",
    "Diagnosis": "callbacks",
    "SampleGrid": "callbacks",
    "Gaussian": "distributions",
    "GaussianMixture": "distributions",
    "Uniform": "distributions",
    "Dropout": "layers",
    "Maxout": "layers",
    "RisingMomentum": "optimizers",
}

__all__ = sorted([*_MODULES, "__version__"])

sys.unraisablehook = interrupts.again  # before the imports, which have many weak references


def __getattr__(name: str) -> Any:
    # Resolved on first use: what needs NumPy alone should not wait for TensorFlow.
    if name not in _MODULES:
        raise AttributeError(f"module 'gan_paper' has no attribute {name!r}")
    if "tensorflow" not in sys.modules:
        _import_tensorflow()
    # All: Keras loads a saved class only if that has been imported. But callbacks are not saved, and need Matplotlib.
    for module in sorted(set(_MODULES.values()) - {"callbacks"}):
        import_module(f"gan_paper.{module}")
    return getattr(import_module(f"gan_paper.{_MODULES[name]}"), name)


def _import_tensorflow() -> None:
    # Without its start-up messages. Some are written before it reads its variable, so the error stream is held back.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import_module("tensorflow")
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def __dir__() -> list[str]:
    return __all__
