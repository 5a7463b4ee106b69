"""`GAN.fit` as users of Keras use a model: data, epochs, callbacks, saving, evaluating, and what is refused."""

import subprocess
import sys
from unittest.mock import Mock

from gan_paper import GAN, Dropout, Gaussian, GaussianMixture, Maxout, Uniform
from tests.conftest import X, discriminator, equal, fit, generator, make_gan, weights

import keras
import numpy as np
import pytest
import tensorflow as tf
from image_data import Images
from keras import layers

COLUMNS = {"d_loss", "g_loss", "d_real", "d_fake", "value"}
slices = tf.data.Dataset.from_tensor_slices


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


def test_a_dataset_brings_its_own_minibatches():
    gan, dataset = make_gan(), slices(X[:190]).batch(20, drop_remainder=True)
    x, _ = gan.minibatches(dataset).draw(0, 12)
    assert np.array_equal(x[:9, 0], X[:180].reshape(9, 20, 2)) and np.array_equal(x[9:, 0], x[:3, 0])
    fit(gan, dataset, epochs=2)
    assert int(gan.g_optimizer.iterations) == 2 * 9


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
    """Callbacks that know one optimizer, as W&B's logger, read one learning rate and set both."""
    gan, epochs = make_gan(), []
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append((epoch, set(logs)))),
    ]
    assert float(gan.optimizer.learning_rate) == pytest.approx(0.1)
    history = fit(gan, epochs=3, callbacks=callbacks).history
    assert history["learning_rate_d"] == history["learning_rate_g"] == pytest.approx([0.05, 0.025, 0.0125])
    assert [float(o.learning_rate) for o in gan.optimizer.optimizers] == pytest.approx([0.0125] * 2)
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == ["1.keras", "2.keras", "3.keras"]
    assert equal(weights(keras.models.load_model(tmp_path / "3.keras")), weights(gan))
    assert [epoch for epoch, _ in epochs] == [0, 1, 2] and all(logs >= COLUMNS for _, logs in epochs)


def test_backup_and_restore(tmp_path):
    whole = make_gan()
    fit(whole, epochs=6)

    killed = keras.callbacks.LambdaCallback(on_epoch_begin=Mock(side_effect=[None] * 4 + [KeyboardInterrupt]))
    with pytest.raises(KeyboardInterrupt):
        fit(make_gan(), epochs=6, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup"), killed])
    gan = make_gan(seed=1)  # another process: its first weights are replaced
    history = fit(gan, epochs=6, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    assert history.epoch == [4, 5] and equal(weights(gan), weights(whole))


# The model as Keras's


def test_saving_brings_the_whole_model_back(tmp_path):
    p_z = GaussianMixture((0.5, 0.5), (0, 1), (1, 1))
    gan = make_gan(p_z=p_z, k=2, generator_loss="saturating", optimizer=lambda: keras.optimizers.Adam(0.01))
    fit(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.p_z == p_z and (loaded.k, loaded.generator_loss) == (2, "saturating")
    assert equal(weights(gan), weights(loaded)) and np.array_equal(gan.sample(5), loaded.sample(5))
    for model in (gan, loaded):
        fit(model, epochs=2, initial_epoch=1)
    assert equal(weights(gan), weights(loaded))


def test_a_prior_of_ones_own_is_said_not_to_be_saved(tmp_path):
    gan = make_gan(p_z=Images(np.eye(3, dtype="uint8")))
    with pytest.warns(UserWarning, match="(?s)p_z, Images.*, is not saved"):
        fit(gan, callbacks=[keras.callbacks.ModelCheckpoint(tmp_path / "gan.keras")])
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    with pytest.raises(ValueError, match=r"p_z was not saved with this GAN: set gan.p_z"):
        loaded.sample(5)
    loaded.p_z = gan.p_z
    assert np.array_equal(loaded.sample(5), gan.sample(5))


def test_iterations_are_the_models_own(tmp_path):
    """Compiled again, or loaded and compiled, it goes on with minibatches that it has not seen."""
    gan = make_gan()
    fit(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    for model in (gan, loaded):
        model.compile("sgd", "sgd", jit_compile=False)
        assert int(model.iterations) == 10 and int(model.g_optimizer.iterations) == 0
        fit(model)
    assert equal(weights(gan), weights(loaded)) and int(gan.iterations) == 20


def test_importing_the_library_is_light_chooses_nothing_and_registers_its_classes(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a script that ran in this process has set it
    make_gan(discriminator(Maxout(4, 2), Dropout(0.5), layers.Dense(1, "sigmoid"))).save(tmp_path / "gan.keras")
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


def test_keras_methods(tmp_path):
    gan = make_gan()
    history = fit(gan, epochs=2, validation_data=X[:50]).history
    z = np.zeros((50, 3), "float32")
    assert gan.predict(z, verbose=0).shape == (50, 2)
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
        (lambda: gan.sample(2, c=[1, 2]), r"c must be given to a conditional GAN, .* and to no other"),
        (lambda: gan.evaluate(X[:, :1]), r"x of evaluate must be of shape \(N, 2\), .*not \(200, 1\)"),
        (lambda: gan.evaluate(Gaussian()), "count must be an integer of at least 1, not None"),
        (lambda: fit(gan, epochs=1.5), "epochs must be an integer"),
        (lambda: fit(gan, validation_data=slices(X).batch(20)), "validation_data must be an array of numbers"),
        (lambda: fit(gan, validation_data=(X, None, X)), "validation_data must be x or"),
        (lambda: fit(gan, validation_data=(X, X)), "c must be given to a conditional GAN, .* and to no other"),
    ]:
        with pytest.raises(ValueError, match=message):
            refused()
    assert int(gan.iterations) == 20


class Weighted(GAN):
    """A GAN with an argument of its own, in a place where others have p_z."""

    def __init__(self, generator, discriminator, weight=10.0, **kwargs):
        super().__init__(generator, discriminator, **kwargs)


def test_the_ema_is_what_is_sampled_exported_and_kept_when_layers_are_frozen(tmp_path):
    gan, z, rows = Weighted(generator(), discriminator()), np.ones((50, 3), "float32"), []
    gan.compile(*(keras.optimizers.SGD(0.1, use_ema=True) for _ in range(2)))
    gan.predict(z, verbose=0)
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: rows.append(len(gan.predict(z, verbose=0))))
    fit(gan, epochs=2, callbacks=[count])
    assert rows == [50, 50]
    expected, samples = gan.averaged().generator(z), gan.sample(50)
    assert not np.allclose(gan.generator(z), expected)
    gan.export(tmp_path / "saved", verbose=False)
    assert np.allclose(tf.saved_model.load(tmp_path / "saved").serve(z), expected)
    gan._evaluated, gan.generator.layers[0].trainable = None, False
    assert np.array_equal(gan.sample(50), samples)
    gan.generator.layers[0].trainable = True
    with pytest.raises(ValueError, match="must not have restore_best_weights=True"):
        fit(gan, callbacks=keras.callbacks.EarlyStopping("value", restore_best_weights=True))
