"""The Keras notebook's loop (https://github.com/ronvree/GAN_Intro), in the Keras of today.

It freezes D in order to compile G with it. In Keras 3 that D stays frozen, so D does not learn: this loop's weights
cannot come to ours, and `Notebook.check` compares the objectives of the initial weights alone.
"""

import warnings

from contenders import presets
from contenders.cases import Case
from contenders.contender import OBJECTIVES, Arrays, Differs, OneByOne, Reference, Unavailable
from contenders.ours import Ours
from gan_paper import objective

import keras
import numpy as np
from numpy.typing import NDArray


class Notebook(OneByOne):
    """The published loop: `predict` and `fit`, called once for every minibatch. It keeps no averages of the iterates.

    It is timed on the notebook's own networks alone: `gaussian` has the same layers.
    """

    def __init__(self, case: Case, initial: Arrays, variant: str) -> None:
        if case.name not in ("gaussian", "gaussian-notebook"):
            raise Unavailable("it is timed on its own networks")
        warnings.filterwarnings("ignore", "The model does not have any trainable weights")  # the frozen D
        super().__init__(case, initial, variant)
        gan = presets.load(presets.build(case.name, case.checked)[0], initial)
        self.G, self.D = gan.generator, gan.discriminator
        self.variables = self.G.trainable_variables + self.D.trainable_variables

        def compiled(model: keras.Model, rule: keras.optimizers.Optimizer) -> keras.Model:
            rule = type(rule).from_config({**rule.get_config(), "use_ema": False})
            model.compile(optimizer=rule, loss="binary_crossentropy")
            return model

        compiled(self.D, gan.d_optimizer)
        compiled(self.G, gan.g_optimizer)
        self.D.trainable = False
        z = keras.Input(self.G.input_shape[1:])
        self.DG = compiled(keras.Model(z, self.D(self.G(z))), gan.g_optimizer)

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

    def weights(self) -> Arrays:
        """Copy the weights."""
        return [np.copy(variable) for variable in self.variables]

    @classmethod
    def check(cls, reference: Reference, variant: str) -> dict[str, float]:
        """Compare both objectives of the initial weights; then G must have moved, and D not.

        Raises:
            Differs: if one of this does not hold.
        """
        case = reference.checked
        loop, ours = cls(case, reference.initial, variant), Ours(case, reference.initial)
        x, z = reference.x[0], reference.z[0]
        before, of_g = loop.weights(), loop.DG.evaluate(z[-1], np.ones(case.m), verbose=0)
        of_d, _ = loop.iteration(x, z)  # the last update's, but the first has changed nothing
        real, fake, last = (ours.gan.logits(batch) for batch in (x[-1], ours.gan(z[-2]), ours.gan(z[-1])))
        apart = max(
            abs(of_d - float(objective.discriminator_loss(real, fake))),
            abs(of_g - float(objective.non_saturating_generator_loss(last))),
        )
        changes = [a - b for a, b in zip(loop.weights(), before, strict=True)]
        split = len(loop.G.trainable_variables)
        moved_g, moved_d = changes[:split], changes[split:]
        learns = all(np.isfinite(change).all() and change.any() for change in moved_g)
        if not (apart <= OBJECTIVES and learns) or any(change.any() for change in moved_d):
            raise Differs(f"objectives differ by {apart:.2g} (at most {OBJECTIVES:g}), or G does not move, or D does")
        return {"objectives": apart}
