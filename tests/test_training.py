import resource
import shutil

from gan_paper import runs
from gan_paper.algorithm1 import GAN
from gan_paper.distributions import Gaussian, Images, Uniform
from gan_paper.algorithm1 import check_finite
from gan_paper.layers import Dropout, Maxout
from gan_paper.measure.recording import Recording
from gan_paper.optimizers import RisingMomentum
from gan_paper.runs import checkpoints, recordings, training
from tests.test_algorithm1 import equal, make_gan, weights

import gaussian
import keras
import numpy as np
import pytest
import tensorflow as tf

EDGES = np.linspace(-6, 14, 65)
P_DATA, P_Z = Gaussian(4, 1.25), Uniform(0, 1)


def run_in(folder, iterations, resume=False, seed=0):
    return runs.Run("test", runs.Settings("any", seed, iterations, folder, resume))


def train(run, momentum=0.5, rate=0.05):
    """Not compiled: that takes ten times as long as all the rest. `test_mnist_experiment.py` resumes a compiled run."""
    gan = make_gan(k=2, momentum=momentum, rate=rate, seed=run.settings.seed, jit_compile=False)
    recording = Recording({"entries": EDGES})
    with run:
        pace = training.train(gan, P_DATA, run, training.Recorder(run, recording, 100), batch_size=8, record_every=10)
    return gan, recording, pace


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 40 iterations that nothing stopped, with a checkpoint at every record: itself, and what it gave."""
    run = run_in(tmp_path_factory.mktemp("whole") / "run", 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints.Checkpoints, "is_due", lambda self: True)
        return run, *train(run)


def test_a_run_leaves_its_files(whole):
    run, gan, recording, pace = whole
    assert pace.iterations == 40 and pace.seconds > 0
    assert recording.iterations == [0, 10, 20, 30, 40]
    assert recordings.load(run.folder / "histograms.npz").moments == recording.moments
    assert [row["iteration"] for row in run.history] == [10, 20, 30, 40]
    assert all(row["value"] == pytest.approx(-row["d_loss"]) for row in run.history)
    header, *rows = (run.folder / "history.csv").read_text().splitlines()
    assert header == "iteration,d_fake,d_loss,d_real,g_loss,value" and len(rows) == 4
    for name, network in [("generator", gan.generator), ("discriminator", gan.discriminator)]:
        loaded = keras.models.load_model(run.folder / f"{name}.keras")
        assert equal(weights(loaded), weights(network))


def test_a_run_is_resumed_to_the_last_bit_from_the_checkpoint_before_a_damaged_one(whole, tmp_path, capsys):
    run, gan, recording, _ = whole
    shutil.copytree(run.folder, tmp_path / "run")
    path = next((tmp_path / "run" / "checkpoints" / "40").glob("weights.data*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    resumed, recording_of_resumed, pace = train(run_in(tmp_path / "run", 40, resume=True))
    assert pace.iterations == 10
    assert "going on from the checkpoint before it, of iteration 30" in capsys.readouterr().out
    assert equal(weights(gan), weights(resumed))
    assert equal([v.numpy() for v in gan.d_optimizer.variables], [v.numpy() for v in resumed.d_optimizer.variables])
    assert recording_of_resumed.iterations == recording.iterations and recording_of_resumed.moments == recording.moments
    for name in ("history.csv", "histograms.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (run.folder / name).read_bytes()
    again, recording_again, pace = train(run_in(tmp_path / "run", 40, resume=True))  # of what is finished
    assert pace.iterations == 0 and equal(weights(gan), weights(again))
    assert recording_again.iterations == recording.iterations
    for name in ("30", "40"):
        (tmp_path / "run" / "checkpoints" / name / "history.csv").write_bytes(b"")
    with pytest.raises(runs.Refused, match=r"--resume cannot go on: .*40/history.csv is damaged"):
        train(run_in(tmp_path / "run", 50, resume=True))


def test_a_grown_run_with_dropout_and_an_average_has_the_bits_of_a_longer_one(tmp_path):
    """With rising momentum; the state of Keras's own dropout, neither Keras nor TensorFlow would save."""
    images = Images(np.random.default_rng(0).integers(256, size=(50, 16), dtype=np.uint8))

    def train(folder, iterations, resume=False):
        keras.utils.set_random_seed(0)
        G = keras.Sequential([keras.Input((3,)), keras.layers.Dense(16)], name="generator")
        hidden = Dropout(0.2), Maxout(8, 2), keras.layers.Dropout(0.5), keras.layers.Dense(1, "sigmoid")
        gan = GAN(G, keras.Sequential([keras.Input((16,)), *hidden], name="discriminator"), P_Z)
        rules = RisingMomentum(0.05, updates_per_epoch=5), RisingMomentum(0.1, use_ema=True, ema_momentum=0.9)
        gan.compile(*rules, simultaneous=True, jit_compile=False)

        def measure(iteration):  # figures on the way
            return {"brightness": float(np.mean(gan.averaged().generator(np.ones((1, 3)))))}

        recording = Recording({"entries": EDGES}, keep=5)
        with run_in(tmp_path / folder, iterations, resume) as run:
            recorder = training.Recorder(run, recording, 5, measure)
            training.train(gan, images, run, recorder, batch_size=4, record_every=10)
        return gan, run, recording

    whole, run, recording = train("whole", 30)
    train("parts", 20)
    parts, run_of_parts, recording_of_parts = train("parts", 30, resume=True)
    assert equal(weights(whole), weights(parts)) and equal(weights(whole.averaged()), weights(parts.averaged()))
    assert run.history == run_of_parts.history and run.history[0]["brightness"] != run.history[1]["brightness"]
    assert np.array_equal(recording.samples, recording_of_parts.samples) and recording.samples[0].shape == (5, 16)


def test_epochs_end_at_multiples_though_a_run_goes_on_from_between_two():
    assert list(training.stretches(25, 58, 10)) == [(5, 1), (10, 2), (8, 1)]
    assert list(training.stretches(0, 40, 10)) == [(10, 4)]
    assert list(training.stretches(25, 28, 10)) == [(3, 1)] and not list(training.stretches(40, 40, 10))


def test_weights_that_cannot_be_written_are_told_as_any_file(tmp_path):
    """TensorFlow writes them, and has errors of its own."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        with pytest.raises(OSError, match="File too large") as error:
            train(run_in(tmp_path / "run", 10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value) and not list(tmp_path.rglob("*.partial*"))


def test_weights_of_other_networks_are_refused(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "run")
    with (
        run_in(tmp_path / "run", 50, resume=True) as run,
        pytest.raises(runs.Refused, match="are not those of these networks") as refusal,
    ):
        recorder = training.Recorder(run, Recording({"entries": EDGES}), 100)
        training.train(make_gan(n=3, k=2), P_DATA, run, recorder, batch_size=8, record_every=10)
    assert "\n" not in str(refusal.value)


def test_a_run_that_has_no_checkpoint_yet_begins(tmp_path, capsys):
    run_in(tmp_path / "run", 10).close()
    _, recording, pace = train(run_in(tmp_path / "run", 10, resume=True))
    assert pace.iterations == 10 and recording.iterations == [0, 10]
    assert "no checkpoint yet" in capsys.readouterr().out


def test_divergence_stops_at_once_and_keeps_the_last_good_checkpoint(tmp_path):
    run = run_in(tmp_path / "run", 1000)
    with pytest.raises(
        FloatingPointError, match=r"diverged at iteration \d+: the (generator|discriminator)'s weights are"
    ) as stop:
        train(run, rate=1e6)
    assert "\n" not in str(stop.value)
    kept = tf.train.load_checkpoint(str(run.checkpoints.newest()[1] / "weights"))
    for name, shape in kept.get_variable_to_shape_map().items():
        assert not shape or np.isfinite(kept.get_tensor(name)).all(), name


def test_what_is_not_finite_is_named():
    fine, broken, nan = [np.ones(2)], [np.ones(2), np.array([1, np.nan])], np.nan
    for arguments, what in [
        ((nan, nan, broken, broken), "discriminator's weights are"),
        ((nan, nan, fine, broken), "generator's weights are"),
        ((nan, nan, fine, fine), "discriminator's loss is"),
        ((1.0, nan, fine, fine), "generator's loss is"),
    ]:
        with pytest.raises(FloatingPointError, match=f"at iteration 17: the {what}"):
            check_finite(17, *arguments)
    check_finite(17, 1.0, 1.0, fine, fine)


def test_what_would_not_fit_into_memory_is_refused_and_leaves_no_folder(tmp_path):
    gan, recording = make_gan(k=2), Recording({"entries": EDGES}, keep=100)
    for message, m, iterations, every in [
        (r"--m .*batch_size 100000000 .*minibatches of .* GB", 100_000_000, 10, 10),
        (r"--record-every 1 .*records of .* GB", 8, 10**8, 1),
    ]:
        with pytest.raises(runs.Refused, match=message), run_in(tmp_path / "run", iterations) as run:
            recorder = training.Recorder(run, recording, 100)
            training.train(gan, P_DATA, run, recorder, batch_size=m, record_every=every)
    assert not any(tmp_path.iterdir())


def test_what_is_recorded_is_what_is_judged_and_saved(tmp_path):
    """The average of the iterates, still far from the last one."""
    keras.utils.set_random_seed(0)
    gan = GAN(gaussian.notebook_generator(1, 3), gaussian.notebook_discriminator(1), P_Z)
    average = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.99)
    gan.compile(keras.optimizers.Adam(0.01), average, jit_compile=False)
    recording = Recording({"entries": EDGES}, keep=100)
    with run_in(tmp_path / "run", 50) as run:
        recorder = training.Recorder(run, recording, 1000)
        training.train(gan, P_DATA, run, recorder, batch_size=100, record_every=10)
        samples, _ = training.play(gan, P_DATA, samples=1000, seed=run.settings.seed)
    saved = keras.models.load_model(tmp_path / "run" / "generator.keras")
    judged = saved(recorder.noise).numpy()
    assert np.allclose(recording.samples[-1], judged[:100], atol=1e-5)
    assert recording.moments["mean"][-1] == pytest.approx(judged.mean(), abs=1e-5)
    assert samples.mean() == pytest.approx(judged.mean(), abs=0.05)
    assert abs(gan.generator(recorder.noise).numpy().mean() - judged.mean()) > 0.3  # the last iterate is another


def test_play_measures_the_game_on_fresh_draws():
    gan = make_gan(n=1)
    samples, game = training.play(gan, P_DATA, samples=25_000, seed=0)
    assert samples.shape == (25_000, 1)
    expected = np.mean(gan.discriminator(P_DATA.sample((25_000, 1), 123)))
    assert game["discriminator"]["real"] == pytest.approx(expected, abs=0.01)
    assert game["discriminator"]["fake"] == pytest.approx(np.mean(gan.discriminator(samples)), abs=1e-5)
    other, _ = training.play(gan, P_DATA, samples=25_000, seed=1)
    assert np.array_equal(samples, gan.sample(25_000, seed=0)) and not np.isin(samples[:100], other[:100]).any()
