"""What `benchmark.py` and `costs.py` share: their flags and files, the machine, their processes' environment."""

import contextlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_paper import runs
from gan_paper.runs import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PACKAGES = ("gan-paper", "keras", "tensorflow", "torch", "jax", "jaxlib", "optax", "scikit-learn", "numpy", "scipy")
"""The packages whose versions are written beside the figures."""

STYLE: Any = {"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False}
"""Matplotlib's settings for both pictures."""


@dataclass(frozen=True)
class Measurement:
    """Flags that both scripts have."""

    rounds: int = 5
    """Rounds, at least 1; in each, everything is timed once."""
    json: Path | None = None
    """File for all figures."""
    picture: Path | None = None
    """File for the picture, a .png; a .pdf is written beside it."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"--rounds must be at least 1, not {self.rounds}")
        if self.picture and self.picture.suffix != ".png":
            raise ValueError(f"--picture must end in .png, not {self.picture}")
        for flag, path in (("--json", self.json), ("--picture", self.picture)):
            if path and (path.is_dir() or not path.parent.is_dir()):
                raise ValueError(f"{flag} must be a file in a folder that exists, not {path}")

    def write(self, results: Mapping[str, Any], measured: str, draw: Callable[[Any], "Figure"]) -> None:
        """Write the files that were asked for.

        Args:
            results: All that is to be written.
            measured: The key of what the picture shows; the rest is the picture's configuration.
            draw: This function draws the picture.
        """
        if self.json:
            files.write_text(self.json, json.dumps(results, indent=2) + "\n")
        if self.picture:
            config = {key: value for key, value in results.items() if key != measured}
            runs.save_picture(self.picture, draw(results[measured]), config)


def setting() -> dict[str, Any]:
    """Name the processor, count its cores, and list the versions of Python and of the packages that are installed."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "versions": versions}


def environment() -> dict[str, str]:
    """Return this process's environment, with `experiments/speed` and `experiments` on the `PYTHONPATH`."""
    here = Path(__file__).parent
    paths = [str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def duration(seconds: float) -> str:
    """Write a time with three digits and a unit."""
    unit, factor = next(((u, f) for u, f in (("s", 1.0), ("ms", 1e3)) if seconds * f >= 1), ("us", 1e6))
    return f"{seconds * factor:.3g} {unit}"
