"""Interrupts trainings at random moments: `python tests/interrupt.py [--tries 100]`.

`fit` in an interactive interpreter, within its first two seconds, on a distribution whose draws take 5 ms: it must end
within five seconds, and the same model must train again. No test runs this, since it takes long.
"""

import random
import select
import signal
import subprocess
import sys
import time

import tyro

SETUP = """
import faulthandler, logging, signal, time
import keras
import numpy as np
from gan_paper import GAN, Gaussian

class Slow:
    def sample(self, shape, seed, dtype=np.float32):
        time.sleep(0.005)
        return Gaussian(4, 1.25).sample(shape, seed, dtype)

def say(word):
    print(word, flush=True)

def train(iterations):
    gan.fit(Slow(), batch_size=1000, steps_per_epoch=iterations, verbose=0)

faulthandler.register(signal.SIGUSR1)  # prints where all threads are
logging.getLogger("tensorflow").setLevel("ERROR")  # an interactive one prints on standard output
layers = keras.layers
"""
NEW = """
G = keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"), layers.Dense(1)])
D = keras.Sequential([keras.Input((1,)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")])
gan = GAN(G, D)
gan.compile()
say("training"); train(10**6)
"""


def main(tries: int = 100, seed: int = 0) -> bool:
    """Interrupt trainings, ten in an interpreter; whether all ended as they must.

    Args:
        tries: How many.
        seed: Of the moments.
    """
    rng, good = random.Random(seed), 0
    for first in range(0, tries, 10):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([sys.executable, "-i"], text=True, **pipes) as python:
            tell(python, SETUP)
            good += sum(interrupted(python, rng.uniform(0, 2)) for _ in range(min(10, tries - first)))
            python.kill()
    print(f"{good} of {tries} trainings ended within 5 s and trained again")
    return good == tries


def interrupted(python, moment):
    """Whether a training that is interrupted then ends within five seconds, and the model trains again."""
    tell(python, NEW)
    began = says(python, "training", 300)
    time.sleep(moment)
    python.send_signal(signal.SIGINT)
    sent = time.perf_counter()
    tell(python, 'say("ended")\n')
    ended = says(python, "ended", 60)
    seconds = time.perf_counter() - sent
    tell(python, 'train(10); say("trained")\n')
    again = began and ended and says(python, "trained", 60)
    print(f"SIGINT after {moment:.2f} s: ended {ended} in {seconds:.2f} s, trained {again}", flush=True)
    if not again:
        python.send_signal(signal.SIGUSR1)
        time.sleep(1)
        raise SystemExit("the interpreter does not answer; above is where its threads are")
    return seconds < 5


def tell(python, statements):
    """Type statements."""
    python.stdin.write(statements)
    python.stdin.flush()


def says(python, word, seconds):
    """Whether the next line, within these seconds, is this word."""
    ready, _, _ = select.select([python.stdout], [], [], seconds)
    return bool(ready) and python.stdout.readline().strip() == word


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with & ignore it
    sys.exit(not tyro.cli(main, description=__doc__))
