"""Interrupts trainings at random moments of their first two seconds: `python tests/interrupt.py [--tries 60]`.

Each try trains a new GAN on a distribution whose draws take 5 ms. It gets a SIGINT (Ctrl-C), must end its `fit` within
five seconds of it, and then train again in the same process, which makes six tries. No test runs this: it takes long.
"""

import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import tyro

CHILD = """
import faulthandler, signal, time
import keras
import numpy as np
from gan_paper import GAN, Gaussian

class Slow:
    def sample(self, shape, seed, dtype=np.float32):
        time.sleep(0.005)
        return Gaussian(4, 1.25).sample(shape, seed, dtype)

faulthandler.register(signal.SIGUSR1)  # prints where all threads are
layers = keras.layers
while True:
    G = keras.Sequential([keras.Input((8,)), layers.Dense(16, "relu"), layers.Dense(1)])
    gan = GAN(G, keras.Sequential([keras.Input((1,)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")]))
    gan.compile(jit_compile=False)
    try:
        print("training", flush=True)
        gan.fit(Slow(), batch_size=1000, steps_per_epoch=100, epochs=10**6, verbose=0)
    except KeyboardInterrupt:
        print("ended", flush=True)
    gan.fit(Slow(), batch_size=1000, steps_per_epoch=10, verbose=0)
    print("trained", flush=True)
"""


@dataclass(frozen=True)
class Arguments:
    """Interrupt trainings."""

    tries: int = 60
    """How many."""
    seed: int = 0
    """Of the moments."""


def line(process: subprocess.Popen[str], seconds: float) -> str:
    """The next line that a process prints; nothing, if it takes longer."""
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline().strip() if ready else ""


def main(arguments: Arguments) -> bool:
    """Interrupt, print each, and say whether all ended and trained again."""
    rng, good, longest = random.Random(arguments.seed), 0, 0.0
    for first in range(0, arguments.tries, 6):
        command = [sys.executable, "-c", CHILD]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        ):
            for number in range(first, min(first + 6, arguments.tries)):
                moment = rng.uniform(0, 2)
                began = line(process, 300) == "training"
                time.sleep(moment)
                process.send_signal(signal.SIGINT)
                sent = time.perf_counter()
                ended = line(process, 60) == "ended"
                seconds = time.perf_counter() - sent
                again = began and ended and line(process, 60) == "trained"
                longest = max(longest, seconds)
                good += again and seconds < 5
                told = f"ended {ended} in {seconds:.2f} s, trained {again}"
                print(f"{number}: SIGINT after {moment:.2f} s: {told}", flush=True)
                if not again:
                    process.send_signal(signal.SIGUSR1)
                    time.sleep(1)
                    errors.seek(0)
                    print(f"status {process.poll()}", errors.read())
                    break
            process.kill()
    print(f"{good} of {arguments.tries} ended within 5 s and trained again; the longest took {longest:.2f} s")
    return good == arguments.tries


if __name__ == "__main__":
    sys.exit(not main(tyro.cli(Arguments, description=__doc__)))
