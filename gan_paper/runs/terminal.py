"""What a script shows on the terminal: a progress line and a table."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned columns; floats to four significant digits."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


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
