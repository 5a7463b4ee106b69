"""Keep a Ctrl-C from being swallowed by `__del__`, a weak reference's callback, or C code that reads an attribute."""

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

_report = sys.unraisablehook


def raise_again(unraisable: Any) -> None:
    """Interrupt the main thread again if a KeyboardInterrupt was swallowed; a `sys.unraisablehook`."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        threading.Timer(0.1, _thread.interrupt_main).start()
    else:
        _report(unraisable)


@contextlib.contextmanager
def not_swallowed() -> Iterator[Callable[[], None]]:
    """Remember each SIGINT and SIGTERM whose handler raises KeyboardInterrupt in the main thread during the block.

    Yields:
        A function that raises KeyboardInterrupt if one was swallowed. The end of the block does so, too.
    """
    came: list[int] = []

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    def notice(handler: Callable[..., Any]) -> Callable[..., Any]:
        def noticing(number: int, frame: Any) -> None:
            try:
                handler(number, frame)
            except KeyboardInterrupt:
                came.append(number)
                raise

        return noticing

    with contextlib.ExitStack() as restored:
        if threading.current_thread() is threading.main_thread():  # the only thread that gets signals
            for number in (signal.SIGINT, signal.SIGTERM):
                if callable(handler := signal.getsignal(number)):
                    restored.callback(signal.signal, number, handler)
                    signal.signal(number, notice(handler))
        yield check
        check()
