"""The process of a contender, as `benchmark.py` starts it, asks it and ends it; `worker` is what runs in it."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measurement import environment


class Failed(Exception):
    """A contender's process ended without an answer. The message is the last line that it wrote."""


class Child:
    """A running process of one contender.

    Args:
        case: The case's name.
        name: The contender's name.
        folder: A temporary folder for the reference, and for what the process prints.
        seconds: A turn lasts about this long.
    """

    def __init__(self, case: str, name: str, folder: Path, seconds: float) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "contenders.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env={**environment(), "TF_CPP_MIN_LOG_LEVEL": "3"},
            )  # fmt: skip
        self.first = {"case": case, "contender": name, "reference": str(folder / "reference.npz"), "seconds": seconds}

    def prepare(self) -> dict[str, Any]:
        """Wait until the contender has passed its check and is warm; its answer may also say what is in its way."""
        return self.ask(self.first)

    def time(self, iterations: int) -> float:
        """Have it make so many iterations; return the seconds that one took."""
        return self.ask({"iterations": iterations})["seconds"] / iterations

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Write one line to the process, and read one line from it.

        Raises:
            Failed: if no answer comes.
        """
        assert self.process.stdin and self.process.stdout
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            lines = self.log.read_text(errors="replace").split("\n")
            raise Failed(next((line for line in reversed(lines) if line.strip()), "no answer"))
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
