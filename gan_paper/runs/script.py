"""An experiment script from its command line to its exit status."""

import contextlib
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_paper.runs.folder import Refused
from gan_paper.runs.run import Run
from gan_paper.runs.settings import S, parse


def main(
    experiment: str,
    presets: Mapping[str, S],
    train: Callable[[S, Run], None],
    tensorflow: bool = True,
    check: Callable[[S], Any] = lambda settings: None,
) -> None:
    """Run an experiment script: read its command line, open its folder, train, and end with the right exit status.

    Exit statuses: 0 done; 2 the person asked for something that cannot be; 3 training diverged, or a disk or the memory
    failed it; 130 and 143 stopped by Ctrl-C and SIGTERM.

    Args:
        experiment: Its name, and that of its folder under `runs/`.
        presets: Settings by name; the first is the default.
        train: Does the work, given the settings and the open run.
        tensorflow: Whether that work needs TensorFlow.
        check: Raises a `ValueError` of one line, before there is a folder, if something the settings name is no good.
    """
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files, whatever screen there is
    with exit_statuses() as ending:
        settings = parse(presets)
        try:
            check(settings)
        except ValueError as error:
            raise Refused(str(error)) from None
        with Run(experiment, settings) as run:
            ending.append(f"the same command with --resume goes on from the last checkpoint in {run.folder}")
            if tensorflow:
                quiet_tensorflow()
            train(settings, run)


@contextlib.contextmanager
def exit_statuses() -> Iterator[list[str]]:
    """Turn what ends a script early into one line on the error stream and the exit status.

    Yields:
        A list. What the block appends to it ends that line, unless the script was refused.
    """
    how: list[str] = []
    signals: list[int] = []

    def stop(number: int, frame: Any) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        try:
            yield how
        except BaseException:
            if signals:  # whatever TensorFlow, or a thread of its own, has made of the interruption
                raise KeyboardInterrupt from None
            raise
    except Refused as refusal:
        sys.exit(_say(2, str(refusal)))
    except FloatingPointError as divergence:
        sys.exit(_say(3, str(divergence), *how))
    except MemoryError:
        sys.exit(_say(3, "out of memory", *how))
    except OSError as error:  # a full disk, say, or a folder that went away
        sys.exit(_say(3, f"{error.filename}: {error.strerror}" if error.filename else str(error), *how))
    except KeyboardInterrupt:
        sys.exit(_say(128 + (signals or [signal.SIGINT])[0], "stopped", *how))


def _say(status: int, *parts: str) -> int:
    print(f"{Path(sys.argv[0]).name}: {'; '.join(parts)}", file=sys.stderr)
    return status


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress line on a terminal, and nothing elsewhere; yields a function of (done, total)."""
    on_screen = sys.stdout.isatty()

    def tick(done: int, total: int) -> None:
        if on_screen:
            print(f"\r{label}: {100 * (done + 1) // total} %", end="", flush=True)

    yield tick
    if on_screen:
        print("\r" + " " * (len(label) + 8), end="\r")


def quiet_tensorflow() -> None:
    """Keep TensorFlow's start-up messages off the screen; to be called before it is first imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules or importlib.util.find_spec("tensorflow") is None:
        return
    # Some lines are written before that variable is read, so the import runs with its error stream held back.
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(screen, 2)
            os.close(screen)
