"""The contenders of `benchmark.py`: Algorithm 1 in several frameworks, and the Parzen estimate in several libraries.

Each contender has a process of its own: `child` is the benchmark's end of it, `worker` is the contender's. A contender
that trains must prove that its arithmetic is ours before it is timed. The Keras notebook's loop cannot, since its D
does not move in Keras 3: only its first objectives are compared with ours. `presets` builds the experiments' own GANs,
`cases` describes them for every framework, and `contender` says what every contender offers. The other modules hold
the contenders themselves.
"""

from importlib import import_module
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A contender in the list.

    Attributes:
        label: Its name in tables.
        place: Its module in this package, and its class.
        package: What must be installed for it, beside this project's own requirements.
        differs: What it does otherwise by its nature.
    """

    label: str
    place: str
    package: str | None = None
    differs: str = ""

    def load(self) -> Any:
        """Import its module, and return its class."""
        module, name = self.place.split(":")
        return getattr(import_module(f"contenders.{module}"), name)


GAMES = {
    "ours": Entry("GAN.fit", "ours:Ours"),
    "notebook": Entry(
        "the notebook's loop",
        "notebook:Notebook",
        differs="D does not move in Keras 3, so only its first objectives are checked; "
        "fit() takes batches of 32, D's halves one by one; no averages",
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
"""The contenders that train by Algorithm 1, and the two parts of the limit."""

ESTIMATORS = {
    "ours": Entry("parzen.log_likelihood", "estimators:Blocks"),
    "kernel_density": Entry(
        "scikit-learn, KernelDensity",
        "estimators:ScikitLearn",
        "sklearn",
        differs="in float64; one leaf of all samples, since with its default leaves the answers are wrong here",
    ),
    "broadcast": Entry("NumPy, the published broadcast", "estimators:Broadcast"),
    "products": Entry("points @ samples.T alone", "estimators:Product", differs="no estimate: the limit"),
}
"""The contenders that give the Parzen-window log-likelihood, and its limit."""
