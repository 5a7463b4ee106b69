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

sys.unraisablehook = interrupts.raise_again  # set before the imports, whose many weak references swallow a Ctrl-C

__version__ = "0.3.0.dev0"
__all__ = ["GAN", "Dropout", "Gaussian", "GaussianMixture", "Maxout", "Uniform", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported on first use: a script that needs only NumPy does not wait for TensorFlow.
    if name not in __all__:
        raise AttributeError(f"module 'gan_paper' has no attribute {name!r}")
    if "tensorflow" not in sys.modules:
        _import_tensorflow()
    # All three modules: Keras loads a saved class only if its module has been imported.
    modules = [import_module(f"gan_paper.{module}") for module in ("algorithm1", "distributions", "layers")]
    return next(vars(module)[name] for module in modules if name in vars(module))


def _import_tensorflow() -> None:
    # Hides its start-up messages. It writes some before it reads the variable, so stderr is redirected, too.
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
