"""The settings of an experiment: a frozen dataclass. Its docstrings are the `--help`; its fields have the limits."""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar


class Between(NamedTuple):
    """The least and the greatest value accepted for a numeric field: `Annotated[int, Between(1, 100)]`."""

    least: float
    most: float


Iterations = Annotated[int, Between(1, 1_000_000_000)]
"""How long a run is."""


@dataclass(frozen=True)
class Settings:
    """The settings that every experiment has; each adds its own.

    Raises:
        ValueError: if a number is out of its range.
    """

    PLACES: ClassVar[tuple[str, ...]] = ("output", "resume", "overwrite")
    """Settings that say where things are, not what the run is: another run with other ones is the same run."""

    preset: str
    """Which set of defaults to start from."""
    seed: Annotated[int, Between(0, 1_000_000_000)] = 0
    """Seed of the initial weights, the examples and the noise."""
    iterations: Iterations = 10_000
    """Iterations of Algorithm 1."""
    output: Path | None = None
    """Folder of the run [default: runs/EXPERIMENT/PRESET-seedSEED]."""
    resume: bool = False
    """Go on from the last checkpoint of the run in the output folder; begin it if there is none yet."""
    overwrite: bool = False
    """Replace the run in the output folder. What no run wrote is never deleted."""

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise ValueError("--overwrite must be left out with --resume, which goes on with the run that is there")
        for name, (least, most) in limits(type(self)).items():
            value = getattr(self, name)
            if not least <= value <= most:
                kind = "whole number" if isinstance(value, int) else "number"
                raise ValueError(f"--{name.replace('_', '-')} must be a {kind} from {least:g} to {most:g}, not {value}")

    def recorded(self) -> dict[str, Any]:
        """What the run is: all the settings that do not only say where things are."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in self.PLACES}


@dataclass(frozen=True)
class FitSettings(Settings):
    """The settings of the experiments that train with `GAN.fit`."""


S = TypeVar("S", bound=Settings)


def limits(settings: type[Settings]) -> dict[str, Between]:
    """The limits of each numeric field."""
    return {
        field.name: limit
        for field in dataclasses.fields(settings)
        for limit in getattr(field.type, "__metadata__", ())
        if isinstance(limit, Between)
    }


def differing(settings: Mapping[str, Any], presets: Mapping[str, Settings]) -> str:
    """How a run's recorded settings differ from those of its preset: `NAME=VALUE, ...`, without the seed."""
    preset = presets.get(settings.get("preset", ""))
    usual = json.loads(json.dumps(preset.recorded(), default=str)) if preset else {}
    own = [name for name in settings if name not in ("preset", "seed") and usual.get(name) != settings[name]]
    return ", ".join(f"{name}={settings[name]}" for name in own)


def parse(presets: Mapping[str, S], args: Sequence[str] | None = None) -> S:
    """The settings that the command line asks for: a preset's, changed by the other flags.

    Args:
        presets: Settings by name; the first is the default.
        args: The command line [default: the process's].

    Raises:
        SystemExit: with status 2, if the command line is not understood or a value is out of range.
    """
    import tyro

    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--preset", nargs="?")
    chosen = first.parse_known_args(args)[0].preset
    # An unknown name gets the default's settings here; the command line proper then refuses it.
    default = presets.get(chosen) or next(iter(presets.values()))
    return tyro.cli(type(default), default=default, args=args, config=(tyro.conf.AvoidSubcommands,))
