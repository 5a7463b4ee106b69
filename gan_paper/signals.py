"""Ctrl-C and SIGTERM: training finishes its current call and saves; a second signal ends the process at once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end.

    Attributes:
        status: The exit status that says so: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


class Signals:
    """What becomes of Ctrl-C and SIGTERM: by default they raise `Interrupted` wherever the main thread is.

    Attributes:
        received: The number of the signal that came, 0 if none did.
    """

    def __init__(self) -> None:
        self.received = 0
        self._deferred = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Take care of the signals, within the block."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        # Python runs a handler between two of its own instructions, and a call of TensorFlow is one. So a thread is
        # told of each signal as it comes.
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        fd_before = signal.set_wakeup_fd(writer)
        watcher = threading.Thread(target=self._watch, args=(reader,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(fd_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(writer)
            watcher.join()
            os.close(reader)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within the block a first signal is noted only; `check` raises."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def check(self) -> None:
        """Raise if a signal came.

        Raises:
            Interrupted: if one did.
        """
        if self.received:
            raise Interrupted(self.received)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        if not self._deferred:
            self.check()

    def _watch(self, reader: int) -> None:
        count = 0
        while byte := os.read(reader, 1):
            count += 1
            if count > 1:
                os._exit(128 + byte[0])
            if self._deferred and sys.stderr.isatty():
                print("\nstopping after the current call; once more to stop at once", file=sys.stderr)
