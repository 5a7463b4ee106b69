from gan_paper import numpy_gan
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Gaussian, Uniform
from tests.conftest import equal, weights

import keras
import numpy as np
import pytest
import tensorflow as tf
import vectors

P_DATA, P_Z = Gaussian(4, 1.25), Uniform(0, 1)


def make_gan(k=1, generator_loss="non_saturating", learning_rate=0.05, momentum=0.0, n=2, noise_size=3, seed=0, **rest):
    keras.utils.set_random_seed(seed)
    gan = GAN(vectors.notebook_generator(n, noise_size), vectors.notebook_discriminator(n), P_Z)
    optimizers = (keras.optimizers.SGD(learning_rate, momentum=momentum) for _ in range(2))
    gan.compile(*optimizers, k=k, generator_loss=generator_loss, **rest)
    return gan


def fit(gan, iterations, m=16):
    return gan.fit(P_DATA, batch_size=m, steps_per_epoch=iterations, seed=3, verbose=0)


def drawn(gan, iterations, m=16):
    """The minibatches of `fit`, an iteration at a time."""
    return zip(*gan.minibatches(P_DATA, m, seed=3).draw(0, iterations), strict=True)


def oracles(gan):
    """The same networks in NumPy, G and D, from the same weights."""
    return [
        numpy_gan.Perceptron([numpy_gan.Layer(*weights(layer), layer.activation.__name__) for layer in network.layers])
        for network in (gan.generator, gan.discriminator)
    ]


def furthest(gan, G, D):
    """The largest difference between a GAN's weights and those of two oracles."""
    return max(np.abs(w - v).max() for w, v in zip(weights(gan), [*G.parameters, *D.parameters], strict=True))


@pytest.mark.parametrize(
    ("k", "generator_loss", "momentum"),
    [(1, "non_saturating", 0.5), (3, "saturating", 0.0)],
)
def test_same_weights_and_losses_as_the_numpy_oracle(k, generator_loss, momentum, float64):
    gan = make_gan(k, generator_loss, momentum=momentum, steps_per_execution=25, jit_compile=k == 1)
    G, D = oracles(gan)
    optimizers = [numpy_gan.SGD(0.05, momentum) for _ in range(2)]
    before = weights(gan)
    history = fit(gan, 50).history
    losses = [numpy_gan.iteration(G, D, x, z, *optimizers, generator_loss) for x, z in drawn(gan, 50)]
    assert (int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)) == (50 * k, 50)
    assert furthest(gan, G, D) < 1e-9
    assert max(np.abs(w - v).max() for w, v in zip(weights(gan), before, strict=True)) > 1e-3
    reported = [history[name][0] for name in ("d_loss", "g_loss", "value")]
    d_loss, g_loss = np.mean(losses, axis=0)
    assert reported == pytest.approx([d_loss, g_loss, -d_loss], rel=1e-9)


def test_the_averaged_networks():
    """Their weights are checked in `test_oracle.py`."""
    gan = make_gan(jit_compile=False)
    assert equal(weights(gan.averaged()), weights(gan))  # where none are kept
    gan.compile(*(keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9) for _ in range(2)), jit_compile=False)
    assert equal(weights(gan.averaged()), weights(gan))  # before the first update
    fit(gan, 10)
    now, averaged, z = weights(gan), gan.averaged(), P_Z.sample((8, 3), 0)
    assert equal(now, weights(gan)) and not np.allclose(averaged(z), gan(z))
    assert gan.averaged(averaged) is averaged  # brought up to date
    assert np.array_equal(gan.sample(5), averaged.sample(5))  # what is evaluated and saved is what is drawn


def test_building_DG_changes_nothing_about_D():
    keras.utils.set_random_seed(0)
    G, D = vectors.notebook_generator(2, 3), vectors.notebook_discriminator(2)
    before = [v.path for v in D.trainable_variables]
    GAN(G, D)
    assert D.trainable and [v.path for v in D.trainable_variables] == before and len(before) == 6


def test_DG_has_exactly_Gs_variables_and_gives_D_of_G():
    gan = make_gan()
    assert [id(v) for v in gan.combined.trainable_variables] == [id(v) for v in gan.generator.trainable_variables]
    assert [id(v) for v in gan.combined.variables] == [id(v) for v in gan.generator.variables]
    z = P_Z.sample((8, 3), 0)
    assert np.array_equal(gan.combined(z), gan.discriminator(gan.generator(z)))
    assert np.allclose(tf.sigmoid(gan.logits(gan(z))), gan.combined(z))


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")  # all that Keras says, at best
def test_the_classic_recipe_leaves_D_unmoved_in_keras_3():
    """Why this project exists: the notebook's recipe, which most old Keras GAN code follows, no longer trains D.

    In Keras 2, D kept the trainable weights that it had when it was compiled. In Keras 3 the flag counts at once.
    """
    keras.utils.set_random_seed(0)
    G, D = vectors.notebook_generator(2, 3), vectors.notebook_discriminator(2)
    D.compile(optimizer="SGD", loss="binary_crossentropy")
    D.trainable = False  # "only has effect when a model is compiled", the notebook says
    z = keras.Input((3,))
    DG = keras.Model(z, D(G(z)))
    DG.compile(optimizer="SGD", loss="binary_crossentropy")

    g, d = weights(G), weights(D)
    m = 100
    for iteration in range(3):
        D.fit(G(P_Z.sample((m, 3), iteration)), np.zeros(m), verbose=0)
        D.fit(P_DATA.sample((m, 2), iteration), np.ones(m), verbose=0)
        DG.fit(P_Z.sample((m, 3), 100 + iteration), np.ones(m), verbose=0)
    assert not equal(g, weights(G))
    assert equal(d, weights(D))  # nothing D was shown has moved it

    gan = make_gan(jit_compile=False)
    d = weights(gan.discriminator)
    fit(gan, 3, m=m)
    assert not equal(d, weights(gan.discriminator))  # ours does train


def test_every_update_has_a_minibatch_of_its_own(float64):
    """Change any one of an iteration's minibatches, and the weights come out different."""
    results = []
    for changed in range(8):
        gan = make_gan(k=3)
        ((x, z),) = drawn(gan, 1, m=4)
        assert len(np.unique(x)) == x.size and len(np.unique(z)) == z.size  # all fresh
        if changed < 3:
            x[changed] += 0.1
        elif changed < 7:
            z[changed - 3] += 0.1
        gan.iteration(x, z)
        results.append(np.concatenate([w.ravel() for w in weights(gan)]))
    assert len(np.unique(results, axis=0)) == 8


@pytest.mark.parametrize(
    ("network", "stop", "finite"),
    [("data", 7, []), ("learning rate", 1, ["discriminator"]), ("generator", 1, [])],
)
def test_stops_in_the_iteration_that_breaks(network, stop, finite):
    """Not finite: a minibatch, or G's learning rate, which leaves D finite, or a weight of G."""
    gan = make_gan()
    x, z = gan.minibatches(P_DATA, 4).draw(0, 10)
    if network == "data":
        x[6, 0, 0, 0] = np.nan
    elif network == "learning rate":
        gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(np.inf))
    else:
        kernel = gan.generator.layers[0].kernel
        kernel.assign(tf.tensor_scatter_nd_update(kernel.value, [[0, 0]], [np.inf]))
    tf.function(gan.train_step, autograph=False)((x, z, 10))
    assert int(gan.g_optimizer.iterations) == stop
    networks = [gan.discriminator, gan.generator]
    assert [n.name for n in networks if all(np.isfinite(w).all() for w in weights(n))] == finite
