"""What `benchmark.py` and `commands.py` share: the machine, and tables."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("gan-paper", "keras", "tensorflow", "torch", "jax", "optax", "numpy")


def machine() -> dict[str, Any]:
    """Name the processor, count its cores, and list the versions of Python and of the packages that are installed."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    installed = {distribution.name for distribution in importlib.metadata.distributions()}
    versions = {package: importlib.metadata.version(package) for package in PACKAGES if package in installed}
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {"python": platform.python_version(), **versions},
    }


def duration(seconds: float) -> str:
    """Write a time with three digits and a unit."""
    unit, factor = next(((u, f) for u, f in (("s", 1.0), ("ms", 1e3)) if seconds * f >= 1), ("us", 1e6))
    return f"{seconds * factor:.3g} {unit}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
