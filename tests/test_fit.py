"""`GAN.fit` as users of Keras use a model: data, epochs, callbacks, networks, saving, and what is refused."""

import subprocess
import sys

from gan_paper import GAN, Dropout, Gaussian, GaussianMixture, Maxout, Uniform
from tests.test_algorithm1 import equal, weights

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

X = np.random.default_rng(0).normal(4, 1.25, (200, 2)).astype("float32")
COLUMNS = {"d_loss", "g_loss", "d_real", "d_fake", "value"}


def network(inputs, outputs, name, *hidden, last=(), **kwargs):
    hidden = hidden or (layers.Dense(8, activation="relu"),)
    return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(outputs, **kwargs), *last], name=name)


def make_gan(d_hidden=(), g_hidden=(), seed=0, p_z=None, **rest):
    keras.utils.set_random_seed(seed)
    D = network(2, 1, "discriminator", *d_hidden, activation="sigmoid")
    gan = GAN(network(3, 2, "generator", *g_hidden), D, p_z)
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01), **{"jit_compile": False, **rest})
    return gan


def fit(gan, x=X, **kwargs):
    if isinstance(x, np.ndarray):
        kwargs = {"batch_size": 20, **kwargs}
    return gan.fit(x, **{"verbose": 0, **kwargs})


# Data


def test_an_array_is_gone_through_in_shuffled_passes():
    gan = make_gan(k=2)
    x, z = gan.minibatches(X, 20).draw(0, 15)  # three passes of 10 minibatches
    assert x.shape == (15, 2, 20, 2) and z.shape == (15, 3, 20, 3)
    passes = x.reshape(3, 200, 2)
    for one in passes:
        assert np.array_equal(np.sort(one, axis=0), np.sort(X, axis=0))
    assert not np.array_equal(passes[0], passes[1])
    assert len(fit(gan, epochs=3).history["d_loss"]) == 3 and int(gan.g_optimizer.iterations) == 3 * (200 // 40)


def test_a_distribution_gives_fresh_draws():
    gan = make_gan(k=2)
    x, _ = gan.minibatches(Gaussian(4, 1.25), 20).draw(0, 50)
    assert len(np.unique(x)) > 0.99 * x.size
    history = fit(gan, Gaussian(4, 1.25), batch_size=20, steps_per_epoch=7, epochs=2)
    assert history.epoch == [0, 1] and int(gan.d_optimizer.iterations) == 28


@pytest.mark.parametrize("remainder", [False, True])
def test_a_dataset_brings_its_own_minibatches(remainder):
    dataset = tf.data.Dataset.from_tensor_slices(X[:190]).batch(20, drop_remainder=remainder)
    gan = make_gan()
    x, _ = gan.minibatches(dataset).draw(0, 12)
    assert np.array_equal(x[:9, 0], X[:180].reshape(9, 20, 2)) and np.array_equal(x[9:, 0], x[:3, 0])
    fit(gan, dataset, epochs=2)
    assert int(gan.g_optimizer.iterations) == 2 * (9 if remainder else 10)
    endless = dataset.repeat()
    fit(gan, endless, steps_per_epoch=3)
    with pytest.raises(ValueError, match="steps_per_epoch must be given"):
        fit(gan, endless)


@pytest.mark.parametrize(
    ("x", "kwargs", "message"),
    [
        (X[:19], {}, "x has 0 full minibatches of 20"),
        (X[:, :1], {}, r"x must be of shape \(N, 2\), as the discriminator takes it, not \(200, 1\)"),
        (np.where(X > 5, np.nan, X), {}, "x holds values that are not finite"),
        (np.full((200, 2), "four"), {}, "x must be an array of numbers, .* of <U4"),
        ([[1.0], [1.0, 2.0]], {}, "x must be an array of numbers, .* not list"),
        (X, {"batch_size": 0}, "batch_size must be an integer of at least 1, not 0"),
        (X, {"batch_size": 10**9}, "batch_size 1000000000 with k = 1 makes minibatches of .* GB"),
        (X, {"steps_per_epoch": 0}, "steps_per_epoch must be an integer of at least 1, not 0"),
        (Gaussian(), {"batch_size": 20}, "steps_per_epoch must be given"),
        (tf.data.Dataset.from_tensor_slices(X), {}, r"x must be of shape \(m, 2\), .*; dataset.batch"),
        (tf.data.Dataset.from_tensor_slices((X, X)).batch(20), {}, "x must be a tf.data.Dataset of examples alone"),
        (tf.data.Dataset.from_tensor_slices(X).batch(20), {"batch_size": 20}, "batch_size must be left out"),
        (tf.data.Dataset.from_tensor_slices(X[:0]).batch(20), {}, "x gives no batch with an example"),
    ],
)
def test_data_that_do_not_fit_are_refused_by_name(x, kwargs, message):
    gan = make_gan()
    with pytest.raises(ValueError, match=message) as refusal:
        fit(gan, x, **kwargs)
    assert "\n" not in str(refusal.value) and int(gan.g_optimizer.iterations) == 0


# Epochs and callbacks


def test_epochs_are_epochs():
    """Ten epochs and ten more give the bits of twenty, with rows of means for each, however calls are cut."""
    whole, parts = make_gan(), make_gan(steps_per_execution=3)
    row = fit(whole, epochs=20).history
    assert set(row) == COLUMNS and all(len(column) == 20 for column in row.values())
    rows = [fit(parts, epochs=10).history, fit(parts, epochs=20, initial_epoch=10).history]
    assert equal(weights(whole), weights(parts))
    for name in COLUMNS:
        assert [*rows[0][name], *rows[1][name]] == pytest.approx(row[name], abs=1e-6)
    assert row["value"] == pytest.approx([-loss for loss in row["d_loss"]])
    fit(parts, epochs=1)  # and training goes on, on fresh minibatches
    assert int(parts.g_optimizer.iterations) == 210


def test_keras_callbacks_act_on_every_epoch(tmp_path):
    gan, epochs = make_gan(), []
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.TensorBoard(tmp_path / "board", histogram_freq=1),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append((epoch, set(logs)))),
    ]
    fit(gan, epochs=3, callbacks=callbacks)
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == ["1.keras", "2.keras", "3.keras"]
    assert equal(weights(keras.models.load_model(tmp_path / "3.keras")), weights(gan))
    assert epochs == [(epoch, COLUMNS) for epoch in range(3)]
    (board,) = (tmp_path / "board" / "train").glob("events*")
    logged = [
        (event.step, v.tag) for event in tf.compat.v1.train.summary_iterator(str(board)) for v in event.summary.value
    ]
    assert all([step for step, tag in logged if tag == f"epoch_{name}"] == [0, 1, 2] for name in COLUMNS)


def test_backup_and_restore(tmp_path):
    whole = make_gan()
    fit(whole, epochs=6)

    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(make_gan(), epochs=6, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup"), Killed()])
    gan = make_gan(seed=1)  # another process: what it begins with is replaced
    history = fit(gan, epochs=6, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    assert history.epoch == [4, 5] and equal(weights(gan), weights(whole))


def test_callbacks_that_set_a_learning_rate_set_both():
    gan = make_gan()
    fit(gan, epochs=3, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)])
    assert [float(o.learning_rate) for o in gan.optimizer.optimizers] == pytest.approx([0.01 / 8] * 2)


# Networks


def batch_norm():
    return layers.Dense(8), layers.BatchNormalization(), layers.ReLU()


def test_batch_normalisation():
    gan = make_gan(batch_norm(), batch_norm())
    statistics = {n.name: [np.copy(v) for v in n.non_trainable_variables] for n in (gan.generator, gan.discriminator)}
    everything = weights(gan.discriminator)
    gan.generator_step(np.random.default_rng(0).normal(size=(20, 3)).astype("float32"))
    assert equal(everything, weights(gan.discriminator))
    assert not equal(statistics["generator"], gan.generator.non_trainable_variables)
    everything = weights(gan.generator)
    gan.discriminator_step(X[:20], np.random.default_rng(1).normal(size=(20, 3)).astype("float32"))
    assert equal(everything, weights(gan.generator))
    assert not equal(statistics["discriminator"], gan.discriminator.non_trainable_variables)
    fit(gan, epochs=2)


@pytest.mark.parametrize("kind", ["activation", "functional", "logits"])
def test_ways_for_a_discriminator_to_end(kind):
    x, last = keras.Input((2,)), [] if kind == "logits" else [layers.Activation("sigmoid")]
    D = network(2, 1, "discriminator", last=last)
    if kind == "functional":
        D = keras.Model(x, layers.Activation("sigmoid")(layers.Dense(1)(layers.Dense(8, activation="relu")(x))))
    gan = GAN(network(3, 2, "generator"), D, from_logits=kind == "logits")
    assert np.allclose(gan.logits(X) if kind == "logits" else tf.sigmoid(gan.logits(X)), D(X), atol=1e-6)
    gan.compile(jit_compile=False)
    fit(gan)


class Subclassed(keras.Model):
    def __init__(self, outputs):
        super().__init__()
        self.layer = layers.Dense(outputs)

    def call(self, x):
        return self.layer(x)


def test_networks_that_are_refused_and_what_to_do():
    G, D = network(3, 2, "generator"), network(2, 1, "discriminator", activation="sigmoid")
    z = keras.Input((3,))
    z1 = keras.Input((1,))
    two = keras.Model([z, z1], layers.Dense(2)(z))
    three = keras.Model([z, z1, keras.Input((1,))], layers.Dense(2)(z))
    shapeless = keras.Sequential([layers.Dense(2)])
    cases = [
        (
            lambda: GAN(G, network(2, 1, "d")),
            "discriminator must answer with probabilities; .* pass from_logits=True",
        ),
        (
            lambda: GAN(G, D, from_logits=True),
            "from_logits is True, but .* answers lie between 0 and 1",
        ),
        (lambda: GAN(G, network(2, 3, "d", activation="sigmoid")), r"must answer with shape \(m, 1\), not \(None, 3\)"),
        (lambda: GAN(network(3, 5, "g"), D), r"samples of shape \(5,\), but discriminator takes \(2,\)"),
        (lambda: GAN(two, D), r"must take the same c, not \(1,\) and no second input"),
        (lambda: GAN(three, D), "must have one input or, to be conditional, two, not 3"),
        (lambda: GAN(shapeless, D), "generator has no known input shape. Begin a Sequential with keras.Input"),
        (lambda: GAN(Subclassed(2), D), "put a subclassed model into one"),
        (lambda: GAN(G, "D"), "discriminator must be a keras.Model, not str"),
        (lambda: GAN(G, D, p_z=3), "p_z must be a distribution with a method `sample`, not 3"),
        (lambda: GAN(D, D), "must not share a layer"),
    ]
    for make, message in cases:
        with pytest.raises(ValueError, match=message):
            make()


def test_convolutions():
    drawn = [layers.Dense(48), layers.Reshape((4, 4, 3)), layers.Conv2DTranspose(1, 3, strides=2, padding="same")]
    seen = [layers.Conv2D(4, 3, strides=2), layers.LeakyReLU(), layers.Dropout(0.3), layers.Flatten(), layers.Dense(1)]
    D = keras.Sequential([keras.Input((8, 8, 1)), *seen])
    gan = GAN(keras.Sequential([keras.Input((5,)), *drawn]), D, from_logits=True)
    gan.compile(k=2)  # by XLA
    images = np.random.default_rng(0).random((60, 8, 8, 1))
    assert np.isfinite(fit(gan, images, batch_size=10, epochs=2).history["d_loss"]).all()
    assert gan.sample(7).shape == (7, 8, 8, 1)


@pytest.mark.parametrize("owner", ["generator", "discriminator"])
def test_a_regulariser_counts_for_its_own_network(owner):
    """By SGD: its gradient moves its owner's kernel alone, and once, though D answers twice."""
    z, kernels = np.random.default_rng(1).normal(size=(20, 3)).astype("f"), []
    for scale in (0, 0.1):
        keras.utils.set_random_seed(0)
        penalty = {owner: {"kernel_regularizer": keras.regularizers.L2(scale)}}
        G = network(3, 2, "generator", **penalty.get("generator", {}))
        D = network(2, 1, "discriminator", activation="sigmoid", **penalty.get("discriminator", {}))
        gan, first = GAN(G, D), {n.name: np.copy(n.layers[-1].kernel) for n in (G, D)}
        gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.5))
        gan.discriminator_step(X[:20], z)
        if owner == "generator":
            gan.generator_step(z)
        kernels.append({n.name: np.copy(n.layers[-1].kernel) for n in (G, D)})
    for name in first:
        expected = -0.5 * 0.2 * first[name] * (name == owner)
        assert np.allclose(kernels[1][name] - kernels[0][name], expected, atol=1e-6), name


# The model as Keras's


@pytest.mark.parametrize("p_z", [GaussianMixture((0.5, 0.5), (0, 1), (1, 1)), None])
def test_saving_brings_the_whole_model_back(tmp_path, p_z):
    gan = make_gan(p_z=p_z, k=2, generator_loss="saturating")
    fit(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.p_z == (p_z or Gaussian()) and (loaded.k, loaded.generator_loss) == (2, "saturating")
    assert equal(weights(gan), weights(loaded)) and np.array_equal(gan.sample(5), loaded.sample(5))
    for model in (gan, loaded):
        fit(model, epochs=2, initial_epoch=1)
    assert equal(weights(gan), weights(loaded))


def test_importing_the_library_is_light_chooses_nothing_and_registers_its_classes(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a script that ran in this process has set it
    make_gan(d_hidden=[Maxout(4, 2), Dropout(0.5)]).save(tmp_path / "gan.keras")
    light = (
        "import sys; sys.modules['fcntl'] = None; import gan_paper; print(dir(gan_paper), 'keras' in sys.modules); "
        "import matplotlib; from gan_paper.plots import histograms; print(matplotlib.rcParams._get_backend_or_none()); "
        f"from gan_paper import GAN; import keras; print(keras.models.load_model({str(tmp_path / 'gan.keras')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", light], capture_output=True, text=True, timeout=300)
    assert "'GAN', 'Gaussian'" in done.stdout and "] False\nNone\n<GAN name=" in done.stdout, done.stderr


def test_samples():
    gan = make_gan(p_z=Uniform(0, 1))
    a = gan.sample(25_000, seed=3)
    assert a.shape == (25_000, 2) and np.array_equal(a, gan.sample(25_000, seed=3))
    assert not np.isin(a, gan.sample(25_000, seed=4)).all()
    assert np.array_equal(a[:10_000], gan.sample(10_000, seed=3))
