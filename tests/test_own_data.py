"""`GAN.fit` on users' data: data sets, DataFrames, Keras sequences, own distributions; and what is refused."""

import contextlib
import itertools
import signal
import time

from gan_paper import Gaussian, Uniform
from tests.conftest import X, discriminator, fit, generator, make_gan

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

NUMBERS = np.arange(380, dtype="float32").reshape(190, 2)
slices = tf.data.Dataset.from_tensor_slices


class Batches(keras.utils.PyDataset):
    """Batches of 20 of `NUMBERS`, the last of 10, changed by the function `form`."""

    def __init__(self, form=lambda x: x):
        super().__init__()
        self.form, self.begun, self.ended = form, 0, 0

    @property
    def num_batches(self):
        return 10

    def __getitem__(self, index):
        return self.form(NUMBERS[20 * index :][:20])

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def first_numbers(x, count, *batch_size):
    """The first number of every example in the minibatches of `count` iterations, (count, m)."""
    return make_gan().minibatches(x, *batch_size).draw(0, count)[0][:, 0, :, 0]


def test_m_is_the_length_of_most_batches():
    short_first = slices(NUMBERS[:10]).batch(20).concatenate(slices(NUMBERS[10:]).batch(20))
    labelled = slices((NUMBERS, NUMBERS[:, 0])).batch(20)
    for dataset in (short_first, labelled, labelled.map(lambda x, y: (x, 0))):  # a label of a batch, at last
        seen = first_numbers(dataset, 9)
        assert seen.shape == (9, 20) and len(np.unique(seen)) == 180


@pytest.mark.parametrize("form", [lambda x: x, lambda x: (x, x[:, 0])])
def test_a_py_dataset_gives_each_batch_once_a_pass(form):
    x = Batches(form)
    passes = first_numbers(x, 30).reshape(3, 10, 20)
    assert x.begun == x.ended == 3 and make_gan().minibatches(x).steps == 10
    for one in passes:  # nine of 20, and one again in place of that of 10
        assert len(np.unique(one)) == 180
    assert not np.array_equal(passes[0], passes[1])
    again = make_gan().minibatches(Batches(form)).draw(11, 19)[0]  # whatever was drawn before
    assert np.array_equal(again[:, 0, :, 0], passes.reshape(30, 20)[11:])


def test_a_py_dataset_says_which_items_it_leaves_out():
    with pytest.warns(UserWarning, match="item 2 of x is left out: it has not m = 20"):
        first_numbers(Batches(lambda x: x[:7] if x[0, 0] == NUMBERS[40, 0] else x), 10)


def of_passes(*passes):
    """A dataset whose passes, again and again, have batches of these lengths."""
    left = itertools.cycle(passes)
    batches = lambda: (NUMBERS[:length] for length in next(left))  # noqa: E731
    return tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec((None, 2)))


def test_a_dataset_that_has_no_minibatch_left_ends_training():
    with pytest.raises(ValueError, match="no batch of m = 20"):
        first_numbers(of_passes([20], [20], [7], []), 4)


def test_data_frames_series_and_lists_are_arrays():
    for x in (pd.DataFrame({"a": X[:, 0].astype("f8"), "b": X[:, 1]}), X.tolist()):
        assert np.array_equal(first_numbers(x, 15, 20), first_numbers(X, 15, 20))
    gan = make_gan(discriminator(shape=(1,)), generator(shape=(1,)))  # one number for each example
    for x in (X[:, 0], pd.Series(X[:, 0])):
        assert np.array_equal(gan.minibatches(x, 20).draw(0, 5)[0], gan.minibatches(X[:, :1], 20).draw(0, 5)[0])


class Own:
    """A user's distribution."""

    def __init__(self, answer):
        self.answer = answer

    def sample(self, shape, seed, dtype=np.float32):
        return self.answer(tuple(shape))


OWN = [
    (Own(lambda shape: np.zeros(shape[1:])), "asked for an array of shape"),
    (Own(lambda shape: np.full(shape, np.nan)), "must be finite"),
    (Own(lambda shape: shape["nothing"]), "fails"),
]
REFUSED = [
    (X[:19], {}, "x has 0 full minibatches of 20"),
    (X[:, :1], {}, r"x must be of shape \(N, 2\), as the discriminator takes it, not \(200, 1\)"),
    (np.where(X > 5, np.nan, X), {}, "x must be finite numbers of float32 .*, not from nan to nan"),
    (np.ma.masked_greater(X, 5), {}, "x is an array with masked values"),
    (X.astype("f8") * 1e39, {}, "x must be finite numbers of float32"),
    (X.astype(complex), {}, "x must be an array of numbers"),
    ((batch for batch in [X]), {}, "x must be an array of numbers, .* not generator"),
    (X, {"batch_size": 0}, "batch_size must be an integer of at least 1"),
    (X, {"seed": True}, "seed must be an integer of at least 0"),
    (Gaussian(), {"batch_size": 20}, "steps_per_epoch must be given"),
    *((p, {"steps_per_epoch": 3}, f"x.sample.*{told}") for p, told in OWN),
    (slices(X), {}, r"x must be of shape \(N, 2\), .* not \(2,\)"),
    (slices(X).batch(20), {"batch_size": 20}, "batch_size must be left out"),
    (slices(X).batch(20).repeat(), {}, "steps_per_epoch must be given"),
    (Batches(lambda x: {"image": x}), {}, "x must be an array of numbers"),
]


@pytest.mark.parametrize(("x", "kwargs", "message"), REFUSED)
def test_data_that_do_not_fit_are_refused_by_name(x, kwargs, message):
    gan = make_gan()
    with pytest.raises(ValueError, match=message) as refusal:
        fit(gan, x, **kwargs)
    assert "\n" not in str(refusal.value) and int(gan.g_optimizer.iterations) == 0


BYTES = np.random.default_rng(0).integers(0, 256, (200, 2)).astype("uint8")


@pytest.mark.parametrize(
    ("x", "activation", "warned"),
    [
        (BYTES, "tanh", True),
        (BYTES / 127.5 - 1, "tanh", False),
        (BYTES / 127.5 - 1, "sigmoid", True),
        (Gaussian(4, 1.25), "sigmoid", True),
        (Uniform(0, 1), "sigmoid", False),
    ],
)
def test_examples_out_of_the_generators_reach_are_said(x, activation, warned, recwarn):
    make_gan(G=generator(activation=activation)).minibatches(x)
    assert [f"last activation, {activation}" in str(w.message) for w in recwarn] == [True] * warned


def test_training_that_fails_ends_while_a_distribution_draws():
    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch >= 10:
                raise RuntimeError("stop")

    slow = Own(lambda shape: time.sleep(0.1) or np.zeros(shape))
    with pytest.raises(RuntimeError, match="stop"):
        fit(make_gan(steps_per_execution=5), slow, batch_size=2**14, steps_per_epoch=10**6, callbacks=[Fails()])


def test_numbers_that_are_not_finite_are_named_by_where_they_come_from():
    draws = itertools.count()
    late = Own(lambda shape: np.full(shape, 0.5 if next(draws) < 2 else np.nan))
    with pytest.raises(FloatingPointError, match="p_z gives values that are not finite"):
        fit(make_gan(p_z=late), Gaussian(), batch_size=2000, steps_per_epoch=20)


def test_an_interruption_that_something_swallows_ends_the_training():
    def swallow(batch, logs):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    handler = signal.default_int_handler  # of a script; what a shell starts in the background ignores the signal
    before = signal.signal(signal.SIGINT, handler)
    with pytest.raises(KeyboardInterrupt):
        fit(make_gan(), X, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=swallow)])
    assert signal.signal(signal.SIGINT, before) is handler
    fit(make_gan(), X)
