"""What `benchmark.py` times: Algorithm 1 as several frameworks run it, the Parzen estimator as several libraries do.

Each contender lives in a process of its own (`worker`), which proves that its arithmetic is ours before it is timed.
`cases` says what is trained, `contender` what every contender offers; one module a framework follows.
"""

from importlib import import_module
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A contender in the list.

    Attributes:
        label: What tables call it.
        place: Its module in this package and its class.
        package: What it needs besides this project's own requirements.
        differs: What it does otherwise by its nature.
    """

    label: str
    place: str
    package: str | None = None
    differs: str = ""

    def load(self) -> Any:
        """Its class."""
        module, name = self.place.split(":")
        return getattr(import_module(f"contenders.{module}"), name)


GAMES = {
    "ours": Entry("GAN.fit", "keras_loops:Ours"),
    "notebook": Entry(
        "the notebook's loop",
        "keras_loops:Notebook",
        differs="D is frozen, as the recipe leaves it in Keras 3; fit() takes batches of 32, D's halves one by one",
    ),
    "train_on_batch": Entry("Keras, train_on_batch", "keras_loops:TrainOnBatch"),
    "train_step": Entry("Keras, fit with train_step", "keras_loops:TrainStep"),
    "torch": Entry("PyTorch, eager", "torch_loops:Eager", "torch"),
    "torch_compile": Entry("PyTorch, torch.compile", "torch_loops:Compiled", "torch"),
    "jax": Entry("JAX, jit and lax.scan", "jax_loops:Scan", "optax"),
    "jax_one_thread": Entry(
        "JAX, on one thread", "jax_loops:ScanOnOneThread", "optax", differs="XLA reads NPROC=1 from the environment"
    ),
    "numpy": Entry("NumPy, by hand", "numpy_loops:Oracle"),
    "products": Entry("matrix products alone", "limits:Products", differs="no training: a part of the limit"),
    "draws": Entry("random numbers alone", "limits:Draws", differs="no training: a part of the limit"),
}
"""What trains by Algorithm 1, and the two parts of the limit."""

ESTIMATORS = {
    "ours": Entry("parzen.log_likelihood", "estimators:Ours"),
    "kernel_density": Entry(
        "scikit-learn, KernelDensity",
        "estimators:ScikitLearn",
        "sklearn",
        differs="in float64; one leaf of all samples, since with its default leaves the answers are wrong here",
    ),
    "broadcast": Entry("NumPy, the published broadcast", "estimators:Broadcast"),
    "products": Entry("points @ samples.T alone", "estimators:Product", differs="no estimate: the limit"),
}
"""What gives the Parzen-window log-likelihood, and its limit."""
