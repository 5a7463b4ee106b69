"""Ctrl-C, where something swallows it: `__del__`, a weak reference's callback, C code that looks an attribute up."""

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

_report = sys.unraisablehook


def again(unraisable: Any) -> None:
    """For `sys.unraisablehook`: interrupt the main thread again, if that is what was swallowed."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        threading.Timer(0.1, _thread.interrupt_main).start()
    else:
        _report(unraisable)


@contextlib.contextmanager
def noticed() -> Iterator[Callable[[], None]]:
    """Notice what interrupts the main thread in the block: SIGINT and SIGTERM, where their handlers raise.

    Yields:
        A function that raises an interruption once more that did not end the block. So does the block's end.
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

    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # which alone gets signals
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number, handler in handlers.items():
            signal.signal(number, notice(handler))
        yield check
        check()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
