"""What the tests share."""

import functools
import importlib
import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from gan_paper import GAN, runs

import keras
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parent.parent


def experiment(name: str) -> ModuleType:
    """A script of experiments/, by its path there, as a module under a name that is no package's."""
    spec = importlib.util.spec_from_file_location(f"{Path(name).name}_experiment", ROOT / "experiments" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look it up
    spec.loader.exec_module(module)
    return module


def trained(name: str, folder: Path, preset: str | None = None, pictures: bool = False, **changes) -> runs.Run:
    """An experiment's run, made in this process: as its script makes it, without what a process costs.

    Nor is it compiled by XLA, which takes longer than the run, and it draws pictures only where that is asked for.
    """
    script = importlib.import_module(name)
    settings = script.PRESETS[preset or next(iter(script.PRESETS))]
    settings = replace(settings, **{"iterations": 20, "record_every": 10, "output": folder, **changes})
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch, pictures)
        with runs.Run(name, settings) as run:
            script.main(settings, run)
    return run


def cheaper(patch: pytest.MonkeyPatch, pictures: bool = False) -> None:
    """No XLA, and no pictures."""
    patch.setattr(GAN, "compile", functools.partialmethod(GAN.compile, jit_compile=False))
    if not pictures:
        patch.setattr(runs.Run, "save_figure", lambda run, name, figure: plt.close(figure))
        patch.setattr(runs.Run, "save_animation", lambda run, name, frames: None)


@pytest.fixture
def float64():
    """Keras in double precision, and as it was afterwards."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def script(tmp_path):
    """Run a script of experiments/ as a user does, in a temporary folder."""

    def run(name, *args, **kwargs):
        command = [sys.executable, str(ROOT / "experiments" / f"{name}.py"), *map(str, args)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, **kwargs)

    return run
