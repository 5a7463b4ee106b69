"""`GAN`'s training against NumPy in float64: Adam, the EMA of weights, maxout and batch normalisation.

The oracle has no backpropagation. A gradient is that of the paper's objective by complex steps, Im f(w + ih) / h with
h = 1e-30, which rounds only in the last digits (https://doi.org/10.1137/S003614459631241X).
"""

from gan_paper import GAN, Maxout, Uniform
from gan_paper.distributions import Gaussian

import keras
import numpy as np
import pytest
from keras.layers import Activation, BatchNormalization, Dense
from keras.optimizers import SGD, Adam

P_DATA, PIECES, MOMENTUM, EPSILON = Gaussian(4, 1.25), 2, 0.9, 1e-3
G_LAYERS, D_LAYERS = ("product", "norm", "elu", "dense"), ("maxout", "norm", "dense")


def networks():
    norm = {"momentum": MOMENTUM, "epsilon": EPSILON}
    # No bias before the normalisation, where it would have no gradient but rounding, which Adam makes large.
    g = [Dense(4, use_bias=False), BatchNormalization(**norm), Activation("elu"), Dense(2)]
    d = [Maxout(3, PIECES), BatchNormalization(**norm), Dense(1, "sigmoid")]
    return keras.Sequential([keras.Input((3,)), *g]), keras.Sequential([keras.Input((2,)), *d])


def apply(layers, weights, x, statistics=None):
    """A network's output in training; its moving means and variances, where given, move."""
    arrays, statistics = iter(weights), iter(() if statistics is None else statistics)
    for layer in layers:
        match layer:
            case "product":
                x = x @ next(arrays)
            case "dense":
                x = x @ next(arrays) + next(arrays)
            case "maxout":
                pieces = (x @ next(arrays) + next(arrays)).reshape(len(x), PIECES, -1)
                x = np.take_along_axis(pieces, pieces.real.argmax(1)[:, None], 1)[:, 0]
            case "elu":
                x = np.where(x.real > 0, x, np.exp(x) - 1)
            case "norm":
                mean = x.mean(0)
                variance = ((x - mean) ** 2).mean(0)
                for batch, moving in zip((mean, variance), statistics, strict=False):
                    moving += (1 - MOMENTUM) * (batch.real - moving)
                x = next(arrays) * (x - mean) / np.sqrt(variance + EPSILON) + next(arrays)
    return x


def gradients(objective, weights):
    for w in weights:
        slopes = np.empty(w.shape)
        for index in np.ndindex(w.shape):
            w[index] += 1e-30j
            slopes[index] = objective().imag / 1e-30
            w[index] = w[index].real
        yield slopes


def log_sigmoid(a):
    return -np.log1p(np.exp(-a))


class Updates:
    """Keras's optimizers: SGD with momentum, or Adam; and the EMA, which begins with the first update's weights."""

    def __init__(self, optimizer, weights):
        self.like, self.t, self.weights = optimizer, 0, weights
        self.first, self.second, self.ema = ([np.zeros(w.shape) for w in weights] for _ in range(3))

    def apply(self, gradients):
        self.t += 1
        rate, like = 0.01, self.like
        for w, m, v, ema, g in zip(self.weights, self.first, self.second, self.ema, list(gradients), strict=True):
            if isinstance(like, Adam):
                # Keras casts beta_2 to float32 before it raises it to a power.
                rest = [1 - float(np.float32(beta)) ** self.t for beta in (like.beta_1, like.beta_2)]
                m += (1 - like.beta_1) * (g - m)
                v += (1 - like.beta_2) * (g**2 - v)
                w -= rate * rest[1] ** 0.5 / rest[0] * m / (np.sqrt(v) + like.epsilon)
            else:
                m[...] = like.momentum * m - rate * g
                w += m
            decay = 0 if self.t == 1 else like.ema_momentum
            ema[...] = decay * ema + (1 - decay) * w.real


@pytest.mark.parametrize(
    ("optimizer", "k", "loss", "xla"),
    [
        (lambda: Adam(0.01, 0.5, 0.999, use_ema=True, ema_momentum=0.8), 2, "non_saturating", True),
        (lambda: Adam(0.01, 0.9, 0.99, use_ema=True, ema_momentum=0.9), 1, "saturating", False),
        (lambda: SGD(0.01, 0.5, use_ema=True, ema_momentum=0.8), 2, "saturating", False),
    ],
)
def test_weights_statistics_averages_and_losses(optimizer, k, loss, xla, float64):
    keras.utils.set_random_seed(0)
    gan = GAN(*networks(), Uniform(-1, 1))
    gan.compile(optimizer(), optimizer(), k=k, generator_loss=loss, jit_compile=xla)
    G, D = ([np.array(w, complex) for w in n.trainable_variables] for n in (gan.generator, gan.discriminator))
    of_G, of_D = ([np.array(w) for w in n.non_trainable_variables] for n in (gan.generator, gan.discriminator))
    g_updates, d_updates = Updates(gan.g_optimizer, G), Updates(gan.d_optimizer, D)
    before, losses = [w.copy() for w in G + D], []
    for x, z in zip(*gan.minibatches(P_DATA, 8).draw(0, 20), strict=True):
        for step in range(k):
            samples = apply(G_LAYERS, G, z[step])

            def d_loss(x=x[step], samples=samples, moving=None):
                real, fake = apply(D_LAYERS, D, x, moving), apply(D_LAYERS, D, samples, moving)
                return -log_sigmoid(real).mean() - log_sigmoid(-fake).mean()

            of_d = d_loss(moving=of_D).real
            d_updates.apply(gradients(d_loss, D))

        def g_loss(z=z[k], moving=None):
            a = apply(D_LAYERS, D, apply(G_LAYERS, G, z, moving))
            return log_sigmoid(-a).mean() if loss == "saturating" else -log_sigmoid(a).mean()

        of_g = g_loss(moving=of_G).real
        g_updates.apply(gradients(g_loss, G))
        losses.append([of_d, of_g])
    history = gan.fit(P_DATA, batch_size=8, steps_per_epoch=20, verbose=0).history
    averaged = gan.averaged()
    pairs = [
        (gan.generator.trainable_variables, G), (gan.discriminator.trainable_variables, D),
        (gan.generator.non_trainable_variables, of_G), (gan.discriminator.non_trainable_variables, of_D),
        (averaged.generator.trainable_variables, g_updates.ema),
        (averaged.discriminator.trainable_variables, d_updates.ema),
    ]  # fmt: skip
    for ours, right in pairs:
        assert max(np.abs(np.array(a) - b).max() for a, b in zip(ours, right, strict=True)) < 1e-13
    assert min(np.abs(w - old).max() for w, old in zip(G + D, before, strict=True)) > 1e-3
    assert [history["d_loss"][0], history["g_loss"][0]] == pytest.approx(np.mean(losses, axis=0), abs=1e-13)
