import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from gan_paper import checkpoints, figures, networks, runs, training
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Gaussian, GaussianMixture, Images, Points, Uniform
from gan_paper.histograms import Recording
from gan_paper.optimizers import RisingMomentum
from gan_paper.training import minibatches
from tests.test_algorithm1 import equal, make_gan, weights

EDGES = np.linspace(-6, 14, 65)
P_DATA, P_Z = Gaussian(4, 1.25), Uniform(0, 1)


def draw(gan, per_call, start=0, stop=30, seed=5, p_data=P_DATA, m=4):
    stream = minibatches(gan, p_data, P_Z, m=m, seed=seed, start=start, stop=stop, per_call=per_call)
    return [np.concatenate(parts) for parts in zip(*stream.as_numpy_iterator(), strict=True)]


@pytest.mark.parametrize("p_data", [P_DATA, GaussianMixture((0.5, 0.5), (0.0, 4.0), (1.0, 1.0))])
def test_a_minibatch_is_a_pure_function_of_seed_and_iteration(p_data):
    gan = make_gan(k=2)
    x, z = draw(gan, 30, p_data=p_data)
    assert x.shape == (30, 2, 4, 2) and z.shape == (30, 3, 4, 3)
    for per_call, start in [(1, 0), (7, 0), (10, 20), (3, 11)]:
        x_again, z_again = draw(gan, per_call, start, p_data=p_data)
        assert np.array_equal(x[start:], x_again) and np.array_equal(z[start:], z_again)


def test_blocks_of_iterations_are_drawn_once_and_show_nowhere(monkeypatch):
    gan, sample, seeds = make_gan(k=2), Gaussian.sample, []

    def counted(self, shape, seed, dtype):
        seeds.append(seed)
        return sample(self, shape, seed, dtype)

    monkeypatch.setattr(Gaussian, "sample", counted)
    monkeypatch.setattr(training, "_BLOCK", 250)  # numbers, of which an iteration has 52: blocks of four
    x, z = draw(gan, 30)
    blocks = [(5, first, 0) for first in range(0, 30, 4)]
    assert seeds == blocks
    for per_call, start in [(1, 0), (3, 0), (4, 0), (7, 5), (30, 3)]:
        seeds.clear()
        x_again, z_again = draw(gan, per_call, start)
        assert np.array_equal(x[start:], x_again) and np.array_equal(z[start:], z_again)
        assert seeds == blocks[start // 4 :]
    monkeypatch.setattr(training, "_BLOCK", 50)  # fewer than an iteration has
    x, z = draw(gan, 10)
    assert all(np.array_equal(x[t], sample(P_DATA, (1, 2, 4, 2), (5, t, 0))[0]) for t in range(30))
    assert all(np.array_equal(z[t], P_Z.sample((1, 3, 4, 3), (5, t, 1))[0]) for t in range(30))


def test_tensorflow_takes_minibatches_without_a_copy(monkeypatch):
    aligned, made = training._aligned, []

    def recorded(*arguments):
        made.append(aligned(*arguments))
        return made[-1]

    monkeypatch.setattr(training, "_aligned", recorded)
    for m in (1, 3, 64):  # arrays of all sizes: those of some are aligned by chance
        made.clear()
        stream = minibatches(make_gan(k=2), P_DATA, P_Z, m=m, seed=0, stop=30, per_call=7)
        taken = [np.asarray(memoryview(tensor)).ctypes.data for call in list(stream) for tensor in call]
        assert taken == [array.ctypes.data for array in made]


def test_seeds_and_iterations_differ():
    gan = make_gan(k=2)
    draws = [draw(gan, 30, seed=seed) for seed in (0, 1, 5)]
    for values in zip(*draws, strict=True):
        assert len(np.unique(values)) > 0.999 * np.size(values)  # float32 uniforms may coincide by chance


def test_the_stream_follows_its_distributions():
    x, z = draw(make_gan(k=2), 100, stop=500, m=20)
    assert scipy.stats.kstest(x.ravel(), P_DATA.cdf).pvalue > 1e-3
    assert scipy.stats.kstest(z.ravel(), P_Z.cdf).pvalue > 1e-3
    # no entry tells anything of its neighbour, of another update's, or of the next iteration's
    for a, b in [
        (x[:, :, :, 0], x[:, :, :, 1]),
        (x[:, 0], x[:, 1]),
        (x[1:], x[:-1]),
        (z[:, 0], z[:, 2]),
        (z[1:], z[:-1]),
    ]:
        assert abs(scipy.stats.pearsonr(a.ravel(), b.ravel()).statistic) < 4 / np.sqrt(a.size)


def run_in(folder, iterations, resume=False, seed=0):
    return runs.Run("test", runs.Settings("any", seed, iterations, folder, resume))


def train(run, momentum=0.5, rate=0.05, recording=None):
    gan = make_gan(k=2, momentum=momentum, rate=rate, seed=run.settings.seed)
    recording = recording or Recording({"entries": EDGES})
    with run:
        pace = training.train(gan, run, recording, p_data=P_DATA, p_z=P_Z, m=8, record_every=10, record_samples=100)
    return gan, recording, pace


def test_a_run_leaves_its_files(tmp_path):
    run = run_in(tmp_path / "run", 40)
    gan, recording, pace = train(run)
    assert pace.iterations == 40 and pace.seconds > 0
    assert recording.iterations == [0, 10, 20, 30, 40]
    assert Recording.load(run.folder / "histograms.npz").moments == recording.moments
    assert [row["iteration"] for row in run.history] == [10, 20, 30, 40]
    assert all(row["value"] == -row["d_loss"] for row in run.history)
    header, *rows = (run.folder / "history.csv").read_text().splitlines()
    assert header == "iteration,value,d_fake,d_loss,d_real,g_loss" and len(rows) == 4
    z = P_Z.sample((8, 3), 0)
    for name, network in [("generator", gan.generator), ("discriminator", gan.discriminator)]:
        loaded = keras.models.load_model(run.folder / f"{name}.keras")
        assert equal(weights(loaded), weights(network))
    assert keras.models.load_model(run.folder / "generator.keras")(z).shape == (8, 2)


def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(tmp_path):
    whole, recording, _ = train(run_in(tmp_path / "whole", 40))
    train(run_in(tmp_path / "parts", 20))
    resumed_run = run_in(tmp_path / "parts", 40, resume=True)
    parts, recording_of_parts, pace = train(resumed_run)
    assert pace.iterations == 20
    assert equal(weights(whole), weights(parts))
    assert equal([v.numpy() for v in whole.d_optimizer.variables], [v.numpy() for v in parts.d_optimizer.variables])
    assert recording_of_parts.iterations == recording.iterations and recording_of_parts.moments == recording.moments
    for name in ("history.csv", "histograms.npz"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def keras_dropout():
    """A discriminator whose masks Keras draws, with generators whose state neither it nor TensorFlow would save."""
    layers = [keras.Input((2,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.5)]
    return keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")], name="discriminator")


@pytest.mark.parametrize("discriminator", [networks.sine_discriminator, keras_dropout])
def test_a_run_with_dropout_and_epochs_resumes_to_the_last_bit(tmp_path, discriminator):
    points = Points(np.random.default_rng(0).normal(size=(50, 2)))

    def train(folder, iterations, resume=False):
        keras.utils.set_random_seed(0)
        gan = GAN(networks.sine_generator(), discriminator())
        # Not compiled: that takes ten times as long as all the rest.
        gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), jit_compile=False)
        recording = Recording({"x": EDGES, "residual": EDGES}, keep=5)
        with run_in(tmp_path / folder, iterations, resume) as run:
            training.train(gan, run, recording, p_data=points, p_z=Gaussian(), m=32, record_every=10, record_samples=50)
        return gan, recording

    whole, recording = train("whole", 40)
    train("parts", 20)
    parts, recording_of_parts = train("parts", 40, resume=True)
    assert equal(weights(whole), weights(parts))
    assert np.array_equal(recording.samples, recording_of_parts.samples)
    assert recording.samples[0].shape == (5, 2)


def test_a_run_of_the_papers_networks_resumes_to_the_last_bit(tmp_path):
    """Maxout, dropout, rising momentum, an average of the iterates, and figures measured on the way."""
    images = Images(np.random.default_rng(0).integers(256, size=(50, 16), dtype=np.uint8))

    def train(folder, iterations, resume=False):
        keras.utils.set_random_seed(0)
        gan = GAN(networks.paper_generator(np.full(16, 0.5)), networks.paper_discriminator(16))
        rules = RisingMomentum(0.05), RisingMomentum(0.1, use_ema=True, ema_momentum=0.9)
        gan.compile(*rules, simultaneous=True, jit_compile=False)
        recording = Recording({"entries": EDGES}, keep=5)
        with run_in(tmp_path / folder, iterations, resume) as run:
            training.train(
                gan, run, recording, p_data=images, p_z=P_Z, m=4, record_every=10, record_samples=5,
                measure=lambda iteration: {"brightness": float(np.mean(gan.averaged().generator(np.ones((1, 100)))))},
            )  # fmt: skip
        return gan, run

    whole, run = train("whole", 30)
    assert [row["iteration"] for row in run.history] == [10, 20, 30]
    train("parts", 20)
    parts, run_of_parts = train("parts", 30, resume=True)
    assert equal(weights(whole), weights(parts))
    assert equal(weights(whole.averaged()), weights(parts.averaged()))
    assert run.history == run_of_parts.history and run.history[0]["brightness"] != run.history[1]["brightness"]


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    first, *_ = train(run_in(tmp_path / "run", 20))
    again, recording, pace = train(run_in(tmp_path / "run", 20, resume=True))
    assert pace.iterations == 0 and equal(weights(first), weights(again)) and recording.iterations == [0, 10, 20]


@pytest.mark.parametrize("damage", ["weights.index", "weights.data-00000-of-00001", "histograms.npz", "history.csv"])
def test_the_checkpoint_before_a_damaged_one_is_used_and_said_so(tmp_path, damage, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "SECONDS", 0)
    monkeypatch.setattr(checkpoints.Checkpoints, "is_due", lambda self: True)
    whole, recording, _ = train(run_in(tmp_path / "run", 40))
    path = tmp_path / "run" / "checkpoints" / "40" / damage
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    resumed, recording_of_resumed, pace = train(run_in(tmp_path / "run", 40, resume=True))
    assert (
        pace.iterations == 10 and "going on from the checkpoint before it, of iteration 30" in capsys.readouterr().out
    )
    assert equal(weights(whole), weights(resumed)) and recording.moments == recording_of_resumed.moments


def test_a_run_without_a_whole_checkpoint_is_not_resumed(tmp_path):
    train(run_in(tmp_path / "run", 10))
    for path in (tmp_path / "run" / "checkpoints").glob("*/history.csv"):
        path.write_bytes(b"")
    with pytest.raises(runs.Refused, match=r"--resume cannot go on: .*10/history.csv is damaged"):
        train(run_in(tmp_path / "run", 20, resume=True))


def test_weights_of_other_networks_are_refused(tmp_path):
    train(run_in(tmp_path / "run", 10))
    with (
        run_in(tmp_path / "run", 20, resume=True) as run,
        pytest.raises(runs.Refused, match="are not those of these networks") as refusal,
    ):
        training.train(
            make_gan(n=3, k=2), run, Recording({"entries": EDGES}),
            p_data=P_DATA, p_z=P_Z, m=8, record_every=10, record_samples=100,
        )  # fmt: skip
    assert "\n" not in str(refusal.value)


def test_a_run_that_has_no_checkpoint_yet_begins(tmp_path, capsys):
    run_in(tmp_path / "run", 10).close()
    _, recording, pace = train(run_in(tmp_path / "run", 10, resume=True))
    assert pace.iterations == 10 and recording.iterations == [0, 10]
    assert "no checkpoint yet" in capsys.readouterr().out


def test_divergence_stops_at_once_and_keeps_the_last_good_checkpoint(tmp_path):
    run = run_in(tmp_path / "run", 1000)
    with pytest.raises(
        runs.Diverged, match=r"diverged at iteration \d+: the (generator|discriminator)'s weights are"
    ) as stop:
        train(run, rate=1e6)
    assert "\n" not in str(stop.value)
    kept = tf.train.load_checkpoint(str(run.checkpoints.newest()[1] / "weights"))
    for name, shape in kept.get_variable_to_shape_map().items():
        assert not shape or np.isfinite(kept.get_tensor(name)).all(), name


@pytest.mark.parametrize(("loss", "network"), [(0, "discriminator"), (1, "generator")])
def test_a_loss_that_is_not_finite_stops_training_too(tmp_path, monkeypatch, loss, network):
    iterate = GAN.iteration

    def iteration(gan, x, z):
        metrics = list(iterate(gan, x, z))
        metrics[loss] /= tf.cast(gan.g_optimizer.iterations != 17, metrics[loss].dtype)
        return tuple(metrics)

    monkeypatch.setattr(GAN, "iteration", iteration)
    with pytest.raises(runs.Diverged, match=f"at iteration 17: the {network}'s loss is"):
        train(run_in(tmp_path / "run", 1000))


def test_the_iteration_that_breaks_is_named(tmp_path, monkeypatch):
    draw = Gaussian.sample

    def sample(self, shape, seed, dtype):
        x = draw(self, shape, seed, dtype)
        if len(shape) == 4:  # minibatches of a block of iterations, the first of which is 0
            x[16] = np.nan
        return x

    monkeypatch.setattr(Gaussian, "sample", sample)
    with pytest.raises(runs.Diverged, match="at iteration 17: the discriminator's weights"):
        train(run_in(tmp_path / "run", 1000))


def test_what_would_not_fit_into_memory_is_refused_and_leaves_no_folder(tmp_path):
    gan, recording = make_gan(k=2), Recording({"entries": EDGES}, keep=100)
    flags = {"p_data": P_DATA, "p_z": P_Z, "record_samples": 100}
    with (
        pytest.raises(runs.Refused, match=r"--m 100000000 .*minibatches of .* GB"),
        run_in(tmp_path / "run", 10) as run,
    ):
        training.train(gan, run, recording, m=100_000_000, record_every=10, **flags)
    with (
        pytest.raises(runs.Refused, match=r"--record-every 1 .*records of .* GB"),
        run_in(tmp_path / "run", 10**8) as run,
    ):
        training.train(gan, run, recording, m=8, record_every=1, **flags)
    assert not any(tmp_path.iterdir())


def test_a_call_takes_bounded_memory_and_ends_at_every_record():
    gan = make_gan(k=2)  # 13 numbers an example of the minibatches: 52 bytes
    assert training.iterations_per_call(gan, 8, 100) == 100
    assert training.iterations_per_call(gan, 100_000, 100) == 10  # 12 would fit, and do not divide 100
    assert training.iterations_per_call(gan, 10_000_000, 7) == 1
    assert training.iterations_per_call(gan, 8) == 1000
    assert training.iterations_per_call(gan, 100_000) == 12
    stream = minibatches(gan, P_DATA, P_Z, m=8, seed=0, stop=1500)
    assert [len(x) for x, _ in stream.as_numpy_iterator()] == [1000, 500]


def test_operations_have_one_thread_where_that_is_asked_for_in_time():
    """In a process of its own, since what comes after TensorFlow's first operation is too late."""
    code = (
        "from gan_paper import training; import tensorflow as tf; training.one_thread(); tf.zeros(());"
        "training.one_thread(); print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_kerass_own_callbacks_work(tmp_path):
    pytest.importorskip("tensorboard")
    gan = make_gan(k=2)
    stream = minibatches(gan, P_DATA, P_Z, m=8, seed=0, stop=30, per_call=10)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    board = keras.callbacks.TensorBoard(tmp_path / "board", histogram_freq=1, update_freq="batch")
    gan.fit(stream, shuffle=False, verbose=0, callbacks=[log, board])
    header, row = (tmp_path / "log.csv").read_text().splitlines()
    logged = dict(zip(header.split(","), row.split(","), strict=True))
    assert all(np.isfinite(float(logged[name])) for name in ("d_fake", "d_loss", "d_real", "g_loss"))
    assert {"batch_d_loss", "epoch_g_loss", "generator/dense/kernel"} & set(events(tmp_path / "board" / "train"))


def events(folder):
    """The steps of each tag that TensorBoard finds."""
    found = {}
    for path in sorted(folder.glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    settings = runs.FitSettings("any", iterations=40, output=tmp_path / "run", tensorboard=True)
    recording = Recording({"entries": EDGES})
    with runs.Run("test", settings) as run:
        training.train(
            make_gan(k=2), run, recording, p_data=P_DATA, p_z=P_Z, m=8, record_every=2, record_samples=100,
            picture=lambda: figures.log_likelihood([0, 1], {"G": [100.0, 200]}),
        )  # fmt: skip
    found = events(run.folder / "tensorboard")
    assert set(found) == {"value", "d_loss", "g_loss", "d_real", "d_fake", "samples", "picture"}
    assert found["value"] == found["samples"] == list(range(2, 41, 2)) and found["picture"] == list(range(4, 41, 4))
    assert not figures.plt.get_fignums()


def test_play_measures_the_game_on_fresh_draws():
    gan = make_gan(n=1)
    samples, game = training.play(gan, P_DATA, P_Z, samples=25_000, seed=0)
    assert samples.shape == (25_000, 1)
    expected = np.mean(gan.discriminator(P_DATA.sample((25_000, 1), 123)))
    assert game["discriminator"]["real"] == pytest.approx(expected, abs=0.01)
    assert game["discriminator"]["fake"] == pytest.approx(np.mean(gan.discriminator(samples)), abs=1e-5)
    again, _ = training.play(gan, P_DATA, P_Z, samples=25_000, seed=0)
    other, _ = training.play(gan, P_DATA, P_Z, samples=25_000, seed=1)
    assert np.array_equal(samples, again) and not np.isin(samples[:100], other[:100]).any()
    trained_on = np.concatenate([z.ravel() for _, z in [draw(gan, 30, seed=0)]])
    assert not np.isin(np.ravel(training._noise(gan, P_Z, 10, 0)), trained_on).any()
