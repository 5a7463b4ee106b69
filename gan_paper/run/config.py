"""The configuration of a run: a frozen dataclass whose docstrings are the `--help`, presets, and the command line."""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import math
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import tyro

LAYOUT = 4
"""Version of a run's files and of how minibatches are drawn. A run of another version is not resumed."""
PLACES = ("output", "resume", "data", "pdf")
"""Settings that change no number of a run: where its files are, and how they are written."""


class Refused(ValueError):
    """The user asked for something impossible: one line names the argument, its value and what is accepted."""


@dataclass(frozen=True)
class Config:
    """The settings that all experiments share; each experiment adds its own.

    Raises:
        ValueError: if a whole number is below 1 (a seed below 0), another number is negative or not finite, or
            `record_every` does not divide the iterations.
    """

    preset: str = "default"
    """Which set of defaults to start from."""
    seed: int = 0
    """Seed of the initial weights, the examples and the noise."""
    iterations: int = 10_000
    """Iterations of Algorithm 1."""
    m: int = 128
    """Minibatch size."""
    record_every: int = 100
    """Iterations between recorded histograms; must divide the iterations."""
    output: Path | None = None
    """Folder of the run [default: runs/EXPERIMENT/NAME, where NAME lists the changed settings and the seed]."""
    resume: bool = False
    """Resume the run in the output folder from its last checkpoint."""
    pdf: bool = False
    """Write the figures as PDF, too."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, is_whole = getattr(self, field.name), field.type in (int, "int")
            least = 1 if is_whole and field.name != "seed" else 0
            if (is_whole or field.type in (float, "float")) and not (math.isfinite(value) and value >= least):
                kind = "whole number" if is_whole else "number"
                raise ValueError(f"{flag(field.name)} must be a {kind} of at least {least}, not {value}")
        if self.iterations % self.every:
            raise ValueError(f"--iterations must be a multiple of --record-every {self.every}, not {self.iterations}")

    @property
    def every(self) -> int:
        """Iterations between records: `record_every`, or all iterations of a shorter run."""
        return min(self.record_every, self.iterations)

    def settings(self) -> dict[str, Any]:
        """The settings that define the run, as JSON values: all but `PLACES` and the preset's name."""
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name not in (*PLACES, "preset")}
        return json.loads(json.dumps(settings))


C = TypeVar("C", bound=Config)


def flag(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def parse(presets: Mapping[str, C], args: Sequence[str] | None = None, description: str | None = None) -> C:
    """Read the command line: the config of a preset, changed by the other flags.

    Args:
        presets: Configs by name; the first is the default.
        args: Arguments of the command line [default: the process's].
        description: Description of the experiment, for `--help`.

    Raises:
        Refused: if there is no such preset or no such flag.
        SystemExit: with status 2, if a value cannot be parsed or is out of range.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", default=next(iter(presets)))
    chosen = first.parse_known_args(args)[0].preset
    if chosen not in presets:
        raise Refused(f"--preset {chosen} is none of {', '.join(presets)}")
    default = dataclasses.replace(presets[chosen], preset=chosen)
    kind = type(default)
    config, unknown = tyro.cli(kind, default=default, args=args, description=description, return_unknown_args=True)
    if unknown:
        raise Refused(f"{unknown[0]} is not a flag of this script: see --help")
    return config


def folder_name(config: Config, presets: Mapping[str, Config]) -> str:
    """The name of a run's folder: `[PRESET-][SETTING=VALUE-...]seedN`, without PRESET for the default preset."""
    usual = presets[config.preset].settings()
    changes = {name: value for name, value in config.settings().items() if name != "seed" and value != usual[name]}
    parts = [] if config.preset == next(iter(presets)) else [config.preset]
    parts += [f"{name}={value}".replace("/", "_").replace(" ", "") for name, value in changes.items()]
    return "-".join([*parts, f"seed{config.seed}"])


def find_experiments(folder: Path) -> list[str]:
    """The names of the experiments in a folder: the modules that define `PRESETS`."""
    return sorted(path.stem for path in folder.glob("*.py") if "\nPRESETS" in path.read_text(encoding="utf-8"))


def load_experiment(name: str, folder: Path) -> ModuleType:
    """Import an experiment from a folder.

    Raises:
        Refused: if the folder holds no such experiment.
    """
    known = find_experiments(folder)
    if name not in known:
        raise Refused(f"{name} is none of the experiments {', '.join(known)} of {folder}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))  # experiments may import one another
    return importlib.import_module(name)


@cache
def versions(folder: Path) -> dict[str, str]:
    """The versions of Python and the packages, and a folder's Git commit (`-dirty`: with uncommitted changes)."""
    found = {"python": platform.python_version()}
    for package in ("gan-paper", "keras", "tensorflow", "numpy", "scipy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):  # no git, or no repository
        git = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=10)
        found["commit"] = git.stdout.strip()
    return found
