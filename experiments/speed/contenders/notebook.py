"""The Keras notebook's loop (https://github.com/ronvree/GAN_Intro), in the Keras of today.

It freezes D in order to compile G with it. In Keras 3 that D stays frozen, so D does not learn: this loop's weights
cannot come to ours, and `Notebook.check` compares the objectives of the initial weights alone.
"""

import warnings

import keras
import numpy as np
from numpy.typing import NDArray

from contenders.cases import Case, numpy_sampler
from contenders.contender import OBJECTIVES, Arrays, Differs, Reference, Trainer, halves
from contenders.keras_loops import rule, sequential
from contenders.ours import Ours
from gan_paper import objective


class Notebook(Trainer):
    """The published loop: `predict` and `fit`, called once for every minibatch."""

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        warnings.filterwarnings("ignore", "The model does not have any trainable weights")  # the frozen D
        self.case = case
        of_g, of_d = halves(case, initial)
        self.G, self.D = sequential(case.generator, of_g), sequential(case.discriminator, of_d, "sigmoid")
        self.variables = self.G.trainable_variables + self.D.trainable_variables
        self.D.compile(optimizer=rule(case, case.rule.d_rate, case.k), loss="binary_crossentropy")
        self.G.compile(optimizer=rule(case, case.rule.g_rate, 1), loss="binary_crossentropy")
        self.D.trainable = False
        z = keras.Input((case.generator[0].inputs,))
        self.DG = keras.Model(z, self.D(self.G(z)))
        self.DG.compile(optimizer=rule(case, case.rule.g_rate, 1), loss="binary_crossentropy")
        rng = np.random.default_rng(0)
        self.draw_x, self.draw_z = numpy_sampler(case.p_data, rng), numpy_sampler(case.p_z, rng)

    def iteration(self, x: NDArray, z: NDArray) -> tuple[float, float]:
        """Make one pass of the published loop; return the objectives of D and of G."""
        ones, zeros = np.ones(self.case.m), np.zeros(self.case.m)
        for step in range(self.case.k):
            samples = self.G.predict(z[step], verbose=0)
            fake = self.D.fit(samples, zeros, verbose=0)
            real = self.D.fit(x[step], ones, verbose=0)
        g = self.DG.fit(z[-1], ones, verbose=0)
        (d_loss, *_), (of_real, *_), (g_loss, *_) = (h.history["loss"] for h in (fake, real, g))
        return d_loss + of_real, g_loss

    def learn(self, x: NDArray, z: NDArray) -> NDArray:
        """Train on given minibatches."""
        return np.array([self.iteration(*pair) for pair in zip(x, z, strict=True)])

    def weights(self) -> Arrays:
        """Copy the weights."""
        return [np.copy(variable) for variable in self.variables]

    def run(self, iterations: int) -> None:
        """Train on minibatches of its own."""
        for _ in range(iterations):
            self.iteration(self.draw_x(self.case.x_shape), self.draw_z(self.case.z_shape))

    @classmethod
    def check(cls, case: Case, reference: Reference, variant: str) -> dict[str, float]:
        """Compare both objectives of the initial weights; then G must have moved, and D not.

        Raises:
            Differs: if one of this does not hold.
        """
        loop, ours = cls(case.checked(), reference.initial, variant), Ours(case, reference.initial)
        x, z = reference.x[0], reference.z[0]
        before, of_g = loop.weights(), loop.DG.evaluate(z[-1], np.ones(case.m), verbose=0)
        of_d, _ = loop.iteration(x, z)  # the last update's, but the first has changed nothing
        real, fake, last = (ours.gan.logits(batch) for batch in (x[-1], ours.gan(z[-2]), ours.gan(z[-1])))
        apart = max(
            abs(of_d - float(objective.discriminator_loss(real, fake))),
            abs(of_g - float(objective.non_saturating_generator_loss(last))),
        )
        moved_g, moved_d = halves(case, [a - b for a, b in zip(loop.weights(), before, strict=True)])
        learns = all(np.isfinite(change).all() and change.any() for change in moved_g)
        if not (apart <= OBJECTIVES and learns) or any(change.any() for change in moved_d):
            raise Differs(f"objectives differ by {apart:.2g} (at most {OBJECTIVES:g}), or G does not move, or D does")
        return {"objectives": apart}
