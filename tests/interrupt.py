"""Interrupts trainings at random moments: `python tests/interrupt.py [--tries 100]`.

Each is a `fit` in an interactive interpreter, on a distribution whose draws take 5 ms, interrupted in its first two
seconds. It must end within five seconds, and the same model must train again. No test runs this, since it takes long.
"""

import random
import signal
import subprocess
import sys
import time

import tyro

TRAIN = """
import logging, time
import keras
import numpy as np
from gan_paper import GAN, Gaussian

class Slow:
    def sample(self, shape, seed, dtype=np.float32):
        time.sleep(0.005)
        return Gaussian(4, 1.25).sample(shape, seed, dtype)

logging.getLogger("tensorflow").setLevel("ERROR")  # in an interactive interpreter it prints on standard output
layers = keras.layers
G = keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"), layers.Dense(1)])
D = keras.Sequential([keras.Input((1,)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")])
gan = GAN(G, D)
gan.compile()
print("training", flush=True); gan.fit(Slow(), batch_size=1000, steps_per_epoch=10**6, verbose=0)
"""
AGAIN = """print("ended", flush=True)
h = gan.fit(Slow(), batch_size=1000, steps_per_epoch=10, verbose=0); print("trained", flush=True)
"""


def main(tries: int = 100, seed: int = 0) -> bool:
    """Interrupt trainings; return whether all ended in time and trained again.

    Args:
        tries: The number of trainings.
        seed: The seed of the moments.
    """
    rng, good = random.Random(seed), 0
    for _ in range(tries):
        moment, pipes = rng.uniform(0, 2), {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([sys.executable, "-i"], stderr=subprocess.DEVNULL, text=True, **pipes) as python:
            python.stdin.write(TRAIN)
            python.stdin.flush()
            assert python.stdout.readline() == "training\n"
            time.sleep(moment)
            python.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            python.stdin.write(AGAIN)
            python.stdin.flush()
            ended = python.stdout.readline() == "ended\n"
            seconds = time.perf_counter() - sent
            again = python.stdout.readline() == "trained\n"
        print(f"SIGINT after {moment:.2f} s: ended {ended} after {seconds:.2f} s, trained again {again}", flush=True)
        good += ended and again and seconds < 5
    print(f"{good} of {tries} trainings ended within 5 s, and the model trained again")
    return good == tries


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background processes with SIGINT ignored
    sys.exit(not tyro.cli(main, description=__doc__))
