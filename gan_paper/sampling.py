"""Sampling from a GAN, and evaluating it."""

from collections.abc import Iterator
from typing import Any

from gan_paper import objective
from gan_paper.distributions import FRESH_EXAMPLES, FRESH_NOISE
from gan_paper.examples import Part, array
from gan_paper.minibatches import integer
from gan_paper.model import AdversarialModel, keeps_ema
from gan_paper.networks import check_classes, has_convolution, one_or_all

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_CHUNK = 10_000  # samples whose noise is drawn at once


class SamplingModel(AdversarialModel):
    """Two networks and a prior, which sample and are evaluated; see `algorithm1.GAN` for the arguments."""

    def sample(self, count: int, seed: int = 0, *, c: Any = None) -> NDArray[np.floating]:
        """Draw samples, by noise that training never draws.

        They are those of G or, where `g_optimizer` has `use_ema=True`, of the EMA of G's weights.

        Args:
            count: How many, at least 1.
            seed: Another one gives other samples.
            c: For a conditional GAN, (count, ...); or one c, for all samples.

        Returns:
            (count, ...).

        Raises:
            ValueError: naming the argument, if one does not fit.
        """
        integer("count", count)
        integer("seed", seed, 0)
        return np.concatenate([samples for _, samples in self._samples(self._to_evaluate(), count, seed, c)])

    def evaluate(
        self, x: Any, c: Any = None, *, count: int | None = None, seed: int = 0, verbose: Any = 0
    ) -> dict[str, float]:
        """V(D, G), mean D(x) and mean D(G(z)) on held-out examples, and on as many samples, as `sample` draws them.

        Where optimizers keep an EMA of the weights, it is what is evaluated.

        Args:
            x: An array (N, ...), or a distribution.
            c: For a conditional GAN, (N, ...): of the examples, and of the samples.
            count: How many examples are drawn, where x is a distribution.
            seed: Of the draws.
            verbose: Accepted as by `keras.Model.evaluate`; nothing is shown.

        Returns:
            `value` in nats, `d_real` and `d_fake`.

        Raises:
            ValueError: naming the argument, if one does not fit.
        """
        self._assert_compile_called("evaluate")
        integer("seed", seed, 0)
        model, is_array = self._to_evaluate(), not hasattr(x, "sample") or hasattr(x, "__array__")
        if is_array:
            x = array(x, Part("x", self.discriminator.inputs[0].shape[1:], keras.config.floatx()))
        count = len(x) if is_array else integer("count", count)
        real: list[Any] = []
        fake: list[Any] = []
        begin = 0
        for index, (of_chunk, samples) in enumerate(self._samples(model, count, seed, c)):
            shape, end = (len(samples), *self.discriminator.inputs[0].shape[1:]), begin + len(samples)
            draw = (seed, index, FRESH_EXAMPLES)
            examples = x[begin:end] if is_array else x.sample(shape, draw, keras.config.floatx())
            for answers, of in ((real, examples), (fake, samples)):
                answers += self._in_batches(model.logits, [of, *of_chunk])
            begin = end
        real, fake = tf.concat(real, axis=0), tf.concat(fake, axis=0)
        d_real, d_fake, value = map(float, objective.seen(real, fake))
        return {"value": value, "d_real": d_real, "d_fake": d_fake}

    def _validation(self, data: Any) -> keras.callbacks.Callback:
        """Adds `evaluate`'s results on held-out x, or (x, c), to each epoch's row."""
        held_out = data if isinstance(data, tuple) else (data,)

        def add(_: int, logs: dict[str, float]) -> None:
            logs |= {f"val_{name}": value for name, value in self.evaluate(*held_out).items()}

        return keras.callbacks.LambdaCallback(on_epoch_end=add)

    def _to_evaluate(self) -> Any:
        """This model, or where an optimizer keeps the EMA of a network's weights, a copy with these."""
        if not (self.compiled and (keeps_ema(self.d_optimizer) or keeps_ema(self.g_optimizer))):
            return self
        self._untracked.evaluated = self.averaged(self._untracked.evaluated)
        return self._untracked.evaluated

    def _samples(self, model: Any, count: int, seed: int, c: Any) -> Iterator[tuple[list[NDArray], NDArray]]:
        """Samples of a model in chunks, each with the list of its c, which is empty where the GAN has none."""
        conditions: list[NDArray] = []
        if (c is None) != (self.condition is None):
            raise ValueError("c must be given to a conditional GAN, whose networks have two inputs, and to no other")
        if self.condition:
            rows = np.broadcast_to(c, (count, *np.shape(c))) if np.shape(c) == self.condition.shape else c
            conditions = [array(rows, self.condition)]
            if len(conditions[0]) != count:
                raise ValueError(f"c must have a row for each of {count} samples, or be one for all, not {len(rows)}")
            check_classes(c, self.generator, self.discriminator)
        for index, begin in enumerate(range(0, count, _CHUNK)):
            shape = (min(_CHUNK, count - begin), *self.generator.inputs[0].shape[1:])
            of_chunk = [values[begin : begin + shape[0]] for values in conditions]
            z = self.p_z.sample(shape, (seed, index, FRESH_NOISE), keras.config.floatx())
            yield of_chunk, np.concatenate(self._in_batches(model.generator, [z, *of_chunk]))

    def _in_batches(self, network: Any, inputs: list[NDArray]) -> list[Any]:
        """A network's answers, in batches whose activations fit into memory."""
        size = 500 if has_convolution(self.generator) or has_convolution(self.discriminator) else _CHUNK
        batches = ([values[i : i + size] for values in inputs] for i in range(0, len(inputs[0]), size))
        return [network(one_or_all(batch)) for batch in batches]

    def test_on_batch(self, x: Any, c: Any = None) -> dict[str, float]:
        """As `evaluate`."""
        return self.evaluate(x, c)
