"""Users' own networks, optimizers and losses: they train as they should, or are refused by name."""

import warnings

from gan_paper import GAN
from tests.conftest import X, copies, descend, discriminator, equal, fit, generator, make_gan, weights

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.layers import Dense

SGD = keras.optimizers.SGD


def test_a_frozen_discriminator_is_said_to_be_frozen(tmp_path):
    D = discriminator()
    D.trainable = False  # as the usual recipe saves it
    D.save(tmp_path / "d.keras")
    D = keras.models.load_model(tmp_path / "d.keras")
    with pytest.warns(UserWarning, match="discriminator has no trainable variables"):
        gan = make_gan(D)
    before = weights(gan.discriminator), weights(gan.generator)
    fit(gan)
    assert equal(before[0], weights(gan.discriminator)) and not equal(before[1], weights(gan.generator))
    for layer in D.layers:
        layer.trainable = True
    with pytest.raises(ValueError, match="discriminator's layers were frozen or unfrozen"):
        fit(gan)


def test_logits_of_discriminators_that_end_in_any_sigmoid():
    x, inner = keras.Input((2,)), discriminator()
    exact = [
        keras.Model(x, inner(x)),
        keras.Model(x, keras.ops.sigmoid(Dense(1)(x))),
        discriminator(Dense(1), layers.Activation("sigmoid")),
        discriminator(layers.SpectralNormalization(Dense(1, "sigmoid"))),
    ]
    for D in exact:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            logits = GAN(generator(), D).logits
        assert np.allclose(tf.sigmoid(logits(X)), D(X), atol=1e-6)
        far = logits(1e4 * X)  # where the sigmoid rounds to 0 or 1, and its logarithm to infinity
        assert np.isfinite(far).all() and np.abs(far).max() > 100
    for clipped in (Dense(1, tf.nn.sigmoid), Dense(1, "hard_sigmoid")):
        with pytest.warns(UserWarning, match="probabilities are clipped"):
            gan = make_gan(discriminator(clipped))
        assert np.allclose(tf.sigmoid(gan.logits(X)), gan.discriminator(X), atol=1e-6)
        with pytest.raises(ValueError, match="from_logits must be left out"):
            GAN(generator(), gan.discriminator, from_logits=True)


def test_networks_that_are_refused_and_what_to_do():
    G, D = generator(), discriminator()
    for arguments, message in [
        ((G, discriminator(Dense(1))), "must answer with probabilities, .* pass from_logits=True"),
        ((G, discriminator(Dense(3, "sigmoid"))), r"must answer with shape \(m, 1\), not \(None, 3\)"),
        ((generator(shape=(5,)), D), r"shapes \[\(5,\)\], but discriminator takes \[\(2,\)\]"),
        ((keras.Sequential([Dense(2)]), D), "generator.* no known input shape. Begin a Sequential with keras.Input"),
        ((G, D, 3), "p_z must be a distribution with a method `sample`, not 3"),
        ((D, D), "must not share a layer"),
    ]:
        with pytest.raises(ValueError, match=message):
            GAN(*arguments)
    GAN(G, discriminator(Dense(1, kernel_initializer="zeros")), from_logits=True)  # answers of 0 are logits, too
    GAN(G, discriminator(layers.Lambda(tf.math.log1p), Dense(1, "sigmoid")))  # for positive numbers alone
    fit(make_gan(G=generator(activation=lambda x: np.float32([1, 2]) * tf.sigmoid(x))))  # of this layer's shape alone


def test_convolutions_train_and_are_not_compiled_by_xla_on_a_cpu():
    drawn = [Dense(48), layers.Reshape((4, 4, 3)), layers.Conv2DTranspose(1, 3, strides=2, padding="same")]
    inner = keras.Sequential([layers.SeparableConv2D(4, 3, strides=2), layers.Dropout(0.3), layers.Flatten()])
    D = keras.Sequential([keras.Input((8, 8, 1)), inner, Dense(1)])
    gan = GAN(keras.Sequential([keras.Input((5,)), *drawn]), D, from_logits=True)
    gan.compile(k=2)
    assert gan.jit_compile == bool(tf.config.list_physical_devices("GPU"))
    assert np.isfinite(fit(gan, np.ones((60, 8, 8, 1)), batch_size=10, epochs=2).history["d_loss"]).all()
    assert make_gan(jit_compile="auto").jit_compile


@pytest.mark.parametrize("owner", ["generator", "discriminator"])
def test_a_regulariser_counts_for_its_own_network(owner):
    """With SGD its gradient moves only its owner's kernel, and once, though D is called twice."""
    z, kernels = np.random.default_rng(1).normal(size=(20, 3)).astype("f"), []
    for scale in (0, 0.1):
        keras.utils.set_random_seed(0)
        gan = make_gan(optimizer=lambda: SGD(0.5))
        networks = {n.name: n.layers[-1] for n in (gan.generator, gan.discriminator)}
        networks[owner].kernel.regularizer = keras.regularizers.L2(scale)
        first = {name: np.copy(layer.kernel) for name, layer in networks.items()}
        gan.discriminator_step(X[:20], z)
        if owner == "generator":
            gan.generator_step(z)
        kernels.append({name: np.copy(layer.kernel) for name, layer in networks.items()})
    for name in first:
        expected = -0.5 * 0.2 * first[name] * (name == owner)
        assert np.allclose(kernels[1][name] - kernels[0][name], expected, atol=1e-6), name


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_networks_of_every_dtype_train(policy):
    normalised = layers.BatchNormalization(dtype=policy), Dense(1, "sigmoid", dtype=policy)
    gan = make_gan(discriminator(Dense(8, dtype=policy), *normalised), generator(dtype=policy))
    assert isinstance(gan.d_optimizer, keras.optimizers.LossScaleOptimizer) == (policy == "mixed_float16")
    before = weights(gan)
    assert np.isfinite(fit(gan, epochs=2).history["d_loss"]).all()
    assert not equal(before, weights(gan)) and gan.sample(3).shape == (3, 2)
    statistics = weights(gan.discriminator)
    gan.generator_step(np.zeros((20, 3), "float32"))
    assert equal(statistics, weights(gan.discriminator))  # BatchNormalization's among them


# compile


@pytest.mark.parametrize("simultaneous", [False, True])
def test_loss_scaling_changes_no_update(simultaneous):
    """A power of 2 scales without rounding, so the weights are those without loss scaling."""
    plain = make_gan(simultaneous=simultaneous)
    scaled = make_gan(simultaneous=simultaneous, optimizer=lambda: keras.optimizers.LossScaleOptimizer(SGD(0.1)))
    for gan in (plain, scaled):
        fit(gan)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(weights(plain), weights(scaled), strict=True))


def test_what_compile_refuses():
    gan, one = GAN(generator(), discriminator()), SGD()
    with pytest.raises(ValueError, match="must call `compile"):
        gan.averaged()
    for arguments, message in [
        ({"d_optimizer": None}, "d_optimizer must be a keras.optimizers.Optimizer or its name, not None"),
        ({"d_optimizer": one, "g_optimizer": one}, "two objects"),
        ({"k": 2, "simultaneous": True}, "k must be 1, not 2"),
        ({"discriminator_loss": "bce"}, "discriminator_loss must be 'minimax', .*, not 'bce'"),
        ({"g_optimizer": make_gan().g_optimizer}, "g_optimizer was used to train other weights"),
    ]:
        with pytest.raises(ValueError, match=message):
            gan.compile(**arguments)
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope(), pytest.raises(ValueError, match="one device"):
        gan.compile()


# Losses


MSE, HINGE = keras.losses.MeanSquaredError(), keras.losses.Hinge()
LOSSES = {  # as Keras's own losses state them
    "least_squares": (
        lambda a, b: (MSE(tf.ones_like(a), a) + MSE(tf.zeros_like(b), b)) / 2,
        lambda b: MSE(tf.ones_like(b), b) / 2,
    ),
    "hinge": (lambda a, b: HINGE(tf.ones_like(a), a) + HINGE(-tf.ones_like(b), b), lambda b: -tf.reduce_mean(b)),
    "wasserstein": (lambda a, b: tf.reduce_mean(b) - tf.reduce_mean(a), lambda b: -tf.reduce_mean(b)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_other_losses_train_as_a_plain_keras_loop(name):
    d_loss, g_loss = LOSSES[name]
    ours = (d_loss, g_loss) if name == "wasserstein" else (name, name)
    losses = {"discriminator_loss": ours[0], "generator_loss": ours[1]}
    gan = make_gan(discriminator(Dense(1)), logits=True, optimizer=lambda: SGD(0.05), **losses)
    G, D = copies(gan)
    x, z = gan.minibatches(X, 20).draw(0, 10)
    history, losses = fit(gan).history, []
    for t in range(10):
        losses.append(descend(D, 0.05, lambda t=t: d_loss(D(x[t, 0]), D(G(z[t, 0])))))
        descend(G, 0.05, lambda t=t: g_loss(D(G(z[t, 1]))))
    for a, b in zip(weights(gan), [*weights(G), *weights(D)], strict=True):
        assert np.allclose(a, b, atol=1e-5)
    assert history["d_loss"] == pytest.approx([np.mean(losses)], rel=1e-4)


class WassersteinGP(GAN):
    """WGAN-GP (Gulrajani et al., 2017): the critic's loss has a penalty on its gradient between x and G(z)."""

    def compute_discriminator_loss(self, x, samples):
        loss, *logits = super().compute_discriminator_loss(x, samples)
        return loss + 10 * tf.reduce_mean((self.gradient_norm((x + samples) / 2) - 1) ** 2), *logits

    def gradient_norm(self, x):
        """The norm of the gradient of D's logits at each example."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            answers = self.logits(x, training=True)
        return tf.norm(tape.gradient(answers, x), axis=-1)


def test_a_loss_that_needs_more_than_logits_overrides_its_method():
    """With the penalty the norm of the critic's gradient stays near 1; without it, it is above 3."""
    keras.utils.set_random_seed(0)
    gan = WassersteinGP(generator(), discriminator(Dense(1)), from_logits=True)
    d_loss, g_loss = LOSSES["wasserstein"]
    adam = keras.optimizers.Adam(0.02)
    gan.compile(adam, SGD(0.0), discriminator_loss=d_loss, generator_loss=g_loss, jit_compile=False)
    fit(gan, epochs=30)
    norms = gan.gradient_norm(tf.constant((X + gan.sample(len(X))) / 2))
    assert np.mean(norms) == pytest.approx(1, abs=0.3)
