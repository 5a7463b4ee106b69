"""Interrupts trainings at random moments: `python tests/interrupt.py [--tries 100]`.

`fit` in an interactive interpreter, within its first two seconds, on a distribution whose draws take 5 ms: it must end
within five seconds, and the same model must train again. Then `experiments/gaussian.py`, within its first eight
seconds: it must end within five seconds, with a status that says that it was interrupted. No test runs this: it takes
long.
"""

import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

SCRIPT = Path(__file__).parents[1] / "experiments/gaussian.py"
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


@dataclass(frozen=True)
class Arguments:
    """Interrupt trainings."""

    tries: int = 100
    """How many of each kind."""
    seed: int = 0
    """Of the moments."""


class Interpreter:
    """An interactive Python, which reads statements and prints words."""

    def __init__(self, errors) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-i"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        self.tell(SETUP)

    def tell(self, statements: str) -> None:
        """Type statements."""
        assert self.process.stdin
        self.process.stdin.write(statements)
        self.process.stdin.flush()

    def says(self, word: str, seconds: float) -> bool:
        """Whether its next line, within these seconds, is this word."""
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return bool(ready) and self.process.stdout.readline().strip() == word


def fit_in_an_interpreter(moments: list[float]) -> int:
    """How many of these interruptions of `fit` ended it within five seconds, and let it train again."""
    good = 0
    with tempfile.TemporaryFile("w+") as errors:
        python = Interpreter(errors)
        for moment in moments:
            python.tell(NEW)
            began = python.says("training", 300)
            time.sleep(moment)
            python.process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            python.tell('say("ended")\n')
            ended = python.says("ended", 60)
            seconds = time.perf_counter() - sent
            python.tell('train(10); say("trained")\n')
            again = began and ended and python.says("trained", 60)
            good += again and seconds < 5
            print(f"fit: SIGINT after {moment:.2f} s: ended {ended} in {seconds:.2f} s, trained {again}", flush=True)
            if not again:
                python.process.send_signal(signal.SIGUSR1)
                time.sleep(1)
                errors.seek(0)
                print(f"status {python.process.poll()}", errors.read(), flush=True)
                break
        python.process.kill()
        python.process.wait()
    return good


def script(moment: float) -> bool:
    """Whether an interrupted `gaussian.py` ends within five seconds, and says so by its status."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, str(SCRIPT), "--output", f"{folder}/run"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as process:
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        seconds = time.perf_counter() - sent
        good = process.returncode in (130, -signal.SIGINT) and seconds < 5
        print(f"script: SIGINT after {moment:.2f} s: status {process.returncode} in {seconds:.2f} s", flush=True)
        if not good:
            errors.seek(0)
            print(errors.read(), flush=True)
    return good


def main(arguments: Arguments) -> bool:
    """Interrupt, print each try, and say whether all ended as they must."""
    rng, tries = random.Random(arguments.seed), arguments.tries
    moments = [rng.uniform(0, 2) for _ in range(tries)]
    fits = sum(fit_in_an_interpreter(moments[first : first + 10]) for first in range(0, tries, 10))
    print(f"{fits} of {tries} trainings in an interpreter ended within 5 s and trained again", flush=True)
    scripts = sum(script(rng.uniform(0, 8)) for _ in range(tries))
    print(f"{scripts} of {tries} scripts ended within 5 s, with the status of an interruption")
    return fits == scripts == tries


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with & ignore it
    sys.exit(not main(tyro.cli(Arguments, description=__doc__)))
