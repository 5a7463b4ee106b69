"""Generative Adversarial Nets (Goodfellow et al., 2014) in Keras 3 and TensorFlow."""

import os
import sys
import tempfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gan_paper import interrupts

if TYPE_CHECKING:
    from gan_paper.algorithm1 import GAN
    from gan_paper.distributions import Gaussian, GaussianMixture, Uniform
    from gan_paper.layers import Dropout, Maxout

sys.unraisablehook = interrupts.again  # before the imports, which have many weak references

__version__ = "0.3.0.dev0"
__all__ = ["GAN", "Dropout", "Gaussian", "GaussianMixture", "Maxout", "Uniform", "__version__"]


def __getattr__(name: str) -> Any:
    # Resolved on first use: what needs NumPy alone should not wait for TensorFlow.
    if name not in __all__:
        raise AttributeError(f"module 'gan_paper' has no attribute {name!r}")
    if "tensorflow" not in sys.modules:
        _import_tensorflow()
    # All: Keras loads a saved class only if that has been imported.
    modules = [import_module(f"gan_paper.{module}") for module in ("algorithm1", "distributions", "layers")]
    return next(vars(module)[name] for module in modules if name in vars(module))


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
