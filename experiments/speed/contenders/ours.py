"""This project's own contender: `GAN.fit` on the networks of the experiments."""

from collections.abc import Callable
from typing import Any

import gaussian
import keras
import mnist_networks
import numpy as np
import sine
import tensorflow as tf
import uniform_to_gaussian
from keras.optimizers import SGD
from numpy.typing import NDArray

from contenders.cases import Case
from contenders.contender import Arrays, Reference, Trainer
from contenders.keras_loops import rule
from gan_paper.algorithm1 import GAN
from gan_paper.layers import Dropout
from gan_paper.optimizers import RisingMomentum
from gan_paper.runs import training

NETWORKS: dict[str, Callable[[], tuple[keras.Sequential, keras.Sequential]]] = {
    "small": lambda: (gaussian.notebook_generator(1, 10), gaussian.notebook_discriminator(1)),
    "uniform_to_gaussian": lambda: (
        uniform_to_gaussian.make_generator(output_slope=1.0),
        uniform_to_gaussian.make_discriminator(hidden=64),
    ),
    "notebook": lambda: (gaussian.notebook_generator(), gaussian.notebook_discriminator()),
    "sine": lambda: (sine.make_generator(), sine.make_discriminator()),
    "mnist": lambda: (mnist_networks.paper_generator(np.full(784, 0.5)), mnist_networks.paper_discriminator()),
}
"""The experiments' own G and D, by case."""


class Ours(Trainer):
    """`GAN.fit`."""

    def __init__(self, case: Case, initial: Arrays | None, variant: str = "") -> None:
        if case.one_thread:
            training.one_thread()
        keras.utils.set_random_seed(0)
        self.case, self.chunk = case, case.chunk
        self.gan = GAN(*NETWORKS[case.name](), p_z=case.p_z)
        for layer in self.gan.discriminator.layers:
            if isinstance(layer, Dropout) and not any(spec.dropout for spec in case.discriminator):
                layer.rate = 0.0
        self.variables = self.gan.generator.trainable_variables + self.gan.discriminator.trainable_variables
        if initial is not None:
            for variable, array in zip(self.variables, initial, strict=True):
                variable.assign(array)
        # `mnist` takes its experiment's own rule. Its momentum rises by 0.0008 in 500 updates; that of others stays.
        sgd: Any = RisingMomentum if case.name == "mnist" else SGD
        self.gan.compile(
            rule(case, case.rule.d_rate, case.k, sgd), rule(case, case.rule.g_rate, 1, sgd), k=case.k,
            steps_per_execution=case.chunk,
        )  # fmt: skip

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches in one compiled call; the objectives are their means over the iterations, (2,)."""
        logs = tf.function(self.gan.train_step, jit_compile=True)((x, z, len(x)))
        return np.array([float(logs["d_loss"]), float(logs["g_loss"])])

    def weights(self) -> Arrays:
        """Copy the weights."""
        return [np.copy(variable) for variable in self.variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        self.gan.fit(self.case.p_data, batch_size=self.case.m, steps_per_epoch=iterations, verbose=0)

    @classmethod
    def reference(cls, case: Case, iterations: int) -> Reference:
        """Train in epochs of one iteration, without dropout; `check` compares one compiled call with this."""
        ours = cls(case.checked(), None)
        x, z = ours.gan.minibatches(case.p_data, case.m).draw(0, iterations)
        initial = ours.weights()
        rows = ours.gan.fit(case.p_data, batch_size=case.m, steps_per_epoch=1, epochs=iterations, verbose=0).history
        return Reference(initial, x, z, np.stack([rows["d_loss"], rows["g_loss"]], axis=1), ours.weights())

    @classmethod
    def check(cls, case: Case, reference: Reference, variant: str) -> dict[str, float]:
        """Compare as every trainer does, but the means of the objectives."""
        means = reference._replace(objectives=reference.objectives.mean(axis=0))
        return super().check(case, means, variant)
