"""This project's own contender: `GAN.fit` on an experiment's own GAN."""

from contenders import presets
from contenders.cases import Case
from contenders.contender import Arrays, Reference, Trainer

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


class Ours(Trainer):
    """`GAN.fit`."""

    def __init__(self, case: Case, initial: Arrays, variant: str = "") -> None:
        self.case, self.chunk = case, case.chunk
        self.gan = presets.load(presets.build(case.name, case.checked)[0], initial)

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches in one compiled call; the objectives are their means over the iterations, (2,)."""
        logs = tf.function(self.gan.train_step, jit_compile=True)((x, z, len(x)))
        return np.array([float(logs["d_loss"]), float(logs["g_loss"])])

    def weights(self) -> Arrays:
        """Copy the weights."""
        return presets.weights(self.gan)

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own, a call an epoch."""
        steps, epochs = self.chunk, iterations // self.chunk
        self.gan.fit(self.case.p_data, batch_size=self.case.m, steps_per_epoch=steps, epochs=epochs, verbose=0)

    @classmethod
    def reference(cls, name: str, iterations: int) -> Reference:
        """Train by `fit`, line by line in Python, in epochs of one iteration; `check` compares a compiled call."""
        case, checked = presets.describe(name), presets.describe(name, checked=True)
        ours = cls(checked, [])
        ours.gan.run_eagerly = True
        x, z = ours.gan.minibatches(case.p_data, case.m).draw(0, iterations)
        initial = ours.weights()
        rows = ours.gan.fit(case.p_data, batch_size=case.m, steps_per_epoch=1, epochs=iterations, verbose=0).history
        objectives = np.stack([rows["d_loss"], rows["g_loss"]], axis=1)
        return Reference(case, checked, initial, x, z, objectives, ours.weights())

    @classmethod
    def check(cls, reference: Reference, variant: str) -> dict[str, float]:
        """Compare as every trainer does, but the means of the objectives."""
        return super().check(reference._replace(objectives=reference.objectives.mean(axis=0)), variant)
