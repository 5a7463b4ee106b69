"""Networks, optimizers and losses that people bring: trained as they should be, or refused by name."""

import subprocess
import sys
import warnings

from gan_paper import GAN, Gaussian
from tests.test_algorithm1 import equal, weights

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

X = np.random.default_rng(0).normal(4, 1.25, (200, 2)).astype("float32")
SGD = keras.optimizers.SGD


def generator(z=3, n=2, **kwargs):
    return keras.Sequential([keras.Input((z,)), layers.Dense(n, **kwargs)])


def discriminator(*last, n=2, **kwargs):
    return keras.Sequential([keras.Input((n,)), layers.Dense(8, "relu"), *(last or [layers.Dense(1, **kwargs)])])


def fit(gan, x=X, **kwargs):
    return gan.fit(x, **{"batch_size": 20, "verbose": 0, **kwargs})


def compiled(D, optimizer=lambda: SGD(0.1), from_logits=False, G=None, **kwargs):
    gan = GAN(G or generator(), D, from_logits=from_logits)
    gan.compile(optimizer(), optimizer(), **{"jit_compile": False, **kwargs})
    return gan


# Frozen networks


def test_a_frozen_discriminator_is_said_to_be_frozen(tmp_path):
    D = discriminator(activation="sigmoid")
    D.trainable = False  # as the usual recipe saves it
    D.save(tmp_path / "d.keras")
    D = keras.models.load_model(tmp_path / "d.keras")
    with pytest.warns(UserWarning, match="discriminator has no trainable variables"):
        gan = compiled(D)
    before = weights(gan.discriminator), weights(gan.generator)
    fit(gan)
    assert equal(before[0], weights(gan.discriminator)) and not equal(before[1], weights(gan.generator))
    for layer in D.layers:
        layer.trainable = True
    with pytest.raises(ValueError, match="discriminator's layers were frozen or unfrozen since compile"):
        fit(gan)
    gan.compile(SGD(), SGD(), jit_compile=False)
    fit(gan)
    assert not equal(before[0], weights(gan.discriminator))
    for layer in gan.generator.layers:
        layer.trainable = False
    with pytest.raises(ValueError, match="generator's layers"):
        fit(gan)


# Discriminators


def test_logits_of_discriminators_that_end_in_any_sigmoid():
    x, inner = keras.Input((2,)), discriminator(activation="sigmoid")
    exact = [
        keras.Model(x, inner(x)),
        keras.Sequential([keras.Input((2,)), layers.Dense(4), discriminator(activation="sigmoid", n=4)]),
        keras.Model(x, layers.Dense(1, tf.nn.sigmoid)(x)),
        keras.Model(x, keras.ops.sigmoid(layers.Dense(1)(x))),
        discriminator(layers.Dense(1), layers.Activation(tf.nn.sigmoid)),
    ]
    for D in exact:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            logits = GAN(generator(), D).logits
        assert np.allclose(tf.sigmoid(logits(X)), D(X), atol=1e-6)
        far = logits(1e4 * X)  # where the sigmoid rounds to 0 or 1, and its logarithm to infinity
        assert np.isfinite(far).all() and np.abs(far).max() > 100
    clipped = [
        discriminator(layers.Dense(1, "sigmoid"), layers.Flatten()),
        discriminator(layers.SpectralNormalization(layers.Dense(1, "sigmoid"))),
        discriminator(activation="hard_sigmoid"),
    ]
    for D in clipped:
        with pytest.warns(UserWarning, match="probabilities are clipped"):
            gan = compiled(D)
        assert np.allclose(tf.sigmoid(gan.logits(X)), D(X), atol=1e-6)
        fit(gan)
    for D in (exact[0], clipped[2]):
        with pytest.raises(ValueError, match=r"from_logits is True, but .* between 0 and 1"):
            GAN(generator(), D, from_logits=True)


# Optimizers and dtypes


@pytest.mark.parametrize("simultaneous", [False, True])
def test_loss_scaling_changes_no_update(simultaneous):
    """A power of 2 scales without rounding: the weights are those of the optimizer without it."""
    trained = []
    makes = [
        lambda: SGD(0.1),
        lambda: SGD(0.1, loss_scale_factor=1024.0),
        lambda: keras.optimizers.LossScaleOptimizer(SGD(0.1)),
    ]
    for make in makes:
        keras.utils.set_random_seed(0)
        gan = compiled(discriminator(activation="sigmoid"), make, simultaneous=simultaneous)
        fit(gan)
        trained.append(weights(gan))
    for scaled in trained[1:]:
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(trained[0], scaled, strict=True))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float16", "float64"])
def test_networks_of_every_dtype_train(policy):
    D = keras.Sequential(
        [keras.Input((2,)), *(layers.Dense(8, dtype=policy), layers.BatchNormalization(dtype=policy))]
        + [layers.Dense(1, "sigmoid", dtype=policy)]
    )
    gan = compiled(D, G=generator(dtype=policy))
    assert isinstance(gan.d_optimizer, keras.optimizers.LossScaleOptimizer) == (policy in ("mixed_float16", "float16"))
    before = weights(gan)
    assert np.isfinite(fit(gan, epochs=2).history["d_loss"]).all()
    assert not equal(before, weights(gan)) and gan.sample(3).shape == (3, 2)
    statistics = weights(gan.discriminator)
    gan.generator_step(np.zeros((20, 3), "float32"))
    assert equal(statistics, weights(gan.discriminator))  # BatchNormalization's among them


def test_iterations_are_the_models_own(tmp_path):
    """Compiled again, or loaded and compiled, it goes on with minibatches that it has not seen."""
    gan = compiled(discriminator(activation="sigmoid"))
    fit(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    for model in (gan, loaded):
        model.compile(SGD(0.1), SGD(0.1), jit_compile=False)
        assert int(model.iterations) == 10 and int(model.g_optimizer.iterations) == 0
        fit(model)
    assert equal(weights(gan), weights(loaded)) and int(gan.iterations) == 20


def test_what_compile_refuses():
    gan = GAN(generator(), discriminator(activation="sigmoid"))
    with pytest.raises(ValueError, match="must call `compile"):
        gan.averaged()
    for arguments, message in [
        ({"d_optimizer": None}, "d_optimizer must be a keras.optimizers.Optimizer or its name, not None"),
        ({"k": True}, "k must be an integer of at least 1, not True"),
        ({"steps_per_execution": -1}, "steps_per_execution must be an integer of at least 1, not -1"),
        ({"discriminator_loss": "bce"}, "discriminator_loss must be 'minimax', .*, not 'bce'"),
    ]:
        with pytest.raises(ValueError, match=message):
            gan.compile(**arguments)
    gan.compile(k=np.int64(2), jit_compile=False)
    assert fit(gan, batch_size=np.int32(20), steps_per_epoch=np.int64(3)).epoch == [0]
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope(), pytest.raises(ValueError, match="one device"):
        gan.compile()


def test_convolutions_are_not_compiled_by_xla_on_a_cpu():
    convolve = keras.Sequential([layers.SeparableConv2D(2, 3), layers.Flatten()])
    D = keras.Sequential([keras.Input((4, 4, 1)), convolve, layers.Dense(1, "sigmoid")])
    gan = GAN(keras.Sequential([keras.Input((3,)), layers.Dense(16), layers.Reshape((4, 4, 1))]), D)
    gan.compile()
    assert gan.jit_compile == bool(tf.config.list_physical_devices("GPU"))
    gan = GAN(generator(), discriminator(activation="sigmoid"))
    gan.compile()
    assert gan.jit_compile


def test_other_backends_are_refused_when_imported():
    done = subprocess.run(
        [sys.executable, "-c", "from gan_paper import GAN"], capture_output=True, text=True, timeout=300,
        env={"KERAS_BACKEND": "jax", "PATH": ""},
    )  # fmt: skip
    assert "set KERAS_BACKEND=tensorflow" in done.stderr.splitlines()[-1]


# Keras's other methods


class Halves:
    """A prior of somebody's own, that Keras cannot save."""

    def sample(self, shape, seed, dtype="float32"):
        return np.random.default_rng(seed).integers(0, 2, shape).astype(dtype) / 2


def test_a_prior_of_ones_own_is_saved_or_said_not_to_be(tmp_path):
    gan = GAN(generator(), discriminator(activation="sigmoid"), Halves())
    gan.compile(SGD(), SGD(), jit_compile=False)
    with pytest.warns(UserWarning, match="p_z, .*Halves.*, is not saved"):
        fit(gan, callbacks=[keras.callbacks.ModelCheckpoint(tmp_path / "gan.keras")])
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    with pytest.raises(ValueError, match=r"p_z was not saved with this GAN: set gan.p_z"):
        loaded.sample(5)
    loaded.p_z = gan.p_z
    assert np.array_equal(loaded.sample(5), gan.sample(5))


def test_keras_methods(tmp_path):
    gan = compiled(discriminator(activation="sigmoid"))
    history = fit(gan, epochs=2, validation_data=X[:50]).history
    z = np.zeros((50, 3), "float32")
    assert gan.predict(z, verbose=0).shape == (50, 2) and gan.steps_per_execution == 1
    evaluated, samples = gan.evaluate(X[:50]), gan.sample(50)
    real, fake = (gan.discriminator(x).numpy().astype(float) for x in (X[:50], samples))
    assert evaluated["value"] == pytest.approx(np.log(real).mean() + np.log(1 - fake).mean(), rel=1e-4)
    assert (evaluated["d_real"], evaluated["d_fake"]) == pytest.approx((real.mean(), fake.mean()), rel=1e-4)
    assert all(history[f"val_{name}"][-1] == value for name, value in evaluated.items())
    assert gan.evaluate(Gaussian(4, 1.25), count=30).keys() == evaluated.keys()
    gan.export(tmp_path / "saved", verbose=False)
    assert np.allclose(tf.saved_model.load(tmp_path / "saved").serve(z), gan(z))
    for refused, message in [
        (lambda: gan.save(tmp_path / "gan.h5"), r"filepath must end in .keras"),
        (lambda: gan.sample(0), "count must be an integer of at least 1, not 0"),
        (lambda: gan.sample(16, seed=None), "seed must be an integer of at least 0, not None"),
        (lambda: gan.sample(2, c=[1, 2]), r"c must be given to a conditional GAN, .* and to no other"),
        (lambda: fit(gan, seed=-1), "seed must be an integer of at least 0, not -1"),
        (lambda: gan.evaluate(X[:, :1]), r"x must be of shape \(N, 2\), .*not \(200, 1\)"),
        (lambda: gan.evaluate(Gaussian()), "count must be an integer of at least 1, not None"),
    ]:
        with pytest.raises(ValueError, match=message):
            refused()
    with pytest.raises(NotImplementedError, match="no train_on_batch"):
        gan.train_on_batch(X)
    assert not (tmp_path / "gan.h5").exists()


def test_one_learning_rate_for_callbacks_that_know_one_optimizer():
    """As W&B's logger reads it; and the names that Keras's callbacks log."""
    gan = compiled(discriminator(activation="sigmoid"))
    assert float(gan.optimizer.learning_rate) == pytest.approx(0.1)
    rows = fit(gan, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.05)]).history
    assert rows["learning_rate_d"] == rows["learning_rate_g"] == pytest.approx([0.05])


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
    keras.utils.set_random_seed(0)
    gan = GAN(generator(), discriminator(), from_logits=True)
    G, D = map(keras.models.clone_model, (gan.generator, gan.discriminator))
    G.set_weights(weights(gan.generator)), D.set_weights(weights(gan.discriminator))
    ours = (d_loss, g_loss) if name == "wasserstein" else (name, name)
    gan.compile(SGD(0.05), SGD(0.05), discriminator_loss=ours[0], generator_loss=ours[1], jit_compile=False)
    x, z = gan.minibatches(X, 20).draw(0, 10)
    history, losses = fit(gan).history, []
    for t in range(10):
        with tf.GradientTape() as tape:
            losses.append(d_loss(D(x[t, 0]), D(G(z[t, 0]))))
        SGD(0.05).apply(tape.gradient(losses[-1], D.trainable_variables), D.trainable_variables)
        with tf.GradientTape() as tape:
            loss = g_loss(D(G(z[t, 1])))
        SGD(0.05).apply(tape.gradient(loss, G.trainable_variables), G.trainable_variables)
    for a, b in zip(weights(gan), [*weights(G), *weights(D)], strict=True):
        assert np.allclose(a, b, atol=1e-5)
    assert history["d_loss"] == pytest.approx([np.mean(losses)], rel=1e-4)


class WassersteinGP(GAN):
    """WGAN-GP (Gulrajani et al., 2017): the critic's loss has a penalty on its gradient between x and G(z)."""

    def compute_discriminator_loss(self, x, samples):
        loss, *logits = super().compute_discriminator_loss(x, samples)
        between = (x + samples) / 2
        with tf.GradientTape() as tape:
            tape.watch(between)
            answers = self.logits(between, training=True)
        norm = tf.norm(tape.gradient(answers, between), axis=-1)
        return loss + 10 * tf.reduce_mean((norm - 1) ** 2), *logits


def test_a_loss_that_needs_more_than_logits_overrides_its_method():
    """The penalty holds the norm of the critic's gradient near 1; without it, it is far from 1."""
    norms = []
    for kind in (GAN, WassersteinGP):
        keras.utils.set_random_seed(0)
        gan = kind(generator(), discriminator(), from_logits=True)
        d_loss, g_loss = LOSSES["wasserstein"]
        gan.compile(keras.optimizers.Adam(0.02), SGD(0.0), discriminator_loss=d_loss, generator_loss=g_loss)
        fit(gan, epochs=30)
        between = tf.constant((X + gan.sample(len(X))) / 2)
        with tf.GradientTape() as tape:
            tape.watch(between)
            answers = gan.logits(between)
        norms.append(np.linalg.norm(tape.gradient(answers, between), axis=-1).mean())
    assert norms[0] > 3 and norms[1] == pytest.approx(1, abs=0.3)
