"""Makes the figures of `figures/`: `python experiments/make_figures.py [NAME...]`, all of them by default.

A figure comes from a run with seed 0 in `runs/`. A finished run with the same settings is used again, an unfinished one
is resumed, and a missing one is trained. MNIST takes an hour and a half, CIFAR-10 two and a half hours. Their data are
downloaded; to train from a file, first run, for example, `mnist.py --preset released --data PATH`. Each figure carries
its run's settings, versions, commit and seed (in the PNG's `Description`, the PDF's `Subject`, the GIF's comment).
"""

import importlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from gan_paper import run
from gan_paper.run.config import folder_name

import tyro

HERE = Path(__file__).parent
SOURCES = {
    "figure1": ("figure1", "default", "figure1"),
    "theory-proposition1": ("theory", "default", "proposition1"),
    "theory-theorem1": ("theory", "default", "theorem1"),
    "theory-proposition2": ("theory", "default", "proposition2"),
    "theory-section3": ("theory", "default", "section3"),
    "gaussian-histograms": ("gaussian", "default", "histograms"),
    "gaussian-training": ("gaussian", "default", "training"),
    "mixture-histograms": ("gaussian", "mixture", "histograms"),
    "notebook-histograms": ("vectors", "notebook", "histograms"),
    "notebook-comparison": ("vectors", "notebook", "comparison-notebook"),
    "vectors-histograms": ("vectors", "default", "histograms"),
    "numpy_gan-document-histograms": ("numpy_gan", "document", "histograms"),
    "uniform_to_gaussian-document-tail": ("uniform_to_gaussian", "document", "tail"),
    "uniform_to_gaussian-tail": ("uniform_to_gaussian", "default", "tail"),
    "sine-samples": ("sine", "default", "samples"),
    "mnist-samples": ("mnist", "released", "samples"),
    "mnist-interpolations": ("mnist", "released", "interpolations"),
    "mnist-log_likelihood": ("mnist", "released", "quality"),
    "cifar10-full-small-samples": ("cifar10", "full-small", "samples"),
    "cifar10-conv-small-samples": ("cifar10", "conv-small", "samples"),
    "mnist_conditional-classes": ("mnist_conditional", "default", "classes"),
}
"""Where a figure comes from: the experiment, the preset, and the file in the run's folder, without a suffix."""
ANIMATED = ("figure1", "gaussian-histograms", "mnist-samples")


def main(
    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME...")] = (),
    output: Path = HERE.parent / "figures",
) -> None:
    """Train what is missing, and copy the figures.

    Args:
        names: Names of files in figures/, without a suffix [default: all of `SOURCES`].
        output: Folder of the figures.

    Raises:
        Refused: if a name is none of `SOURCES`, or a script fails.
    """
    for name in names:
        if name not in SOURCES:
            raise run.Refused(f"NAME {name} is no figure; accepted: {', '.join(SOURCES)}")
    output.mkdir(parents=True, exist_ok=True)
    for name in names or SOURCES:
        experiment, preset, file = SOURCES[name]
        folder = finished_run(experiment, preset, file)
        if name == "notebook-comparison":
            start("compare", str(folder), "notebook")
        for suffix in (".png", ".pdf", *([".gif"] if name in ANIMATED else [])):
            print(shutil.copyfile(folder / f"{file}{suffix}", output / f"{name}{suffix}"))


def finished_run(experiment: str, preset: str, file: str) -> Path:
    """The folder of a preset's finished run with a figure as PDF; if there is none, it is trained or resumed."""
    module = importlib.import_module(experiment)
    presets = module.SETTINGS if experiment == "theory" else module.PRESETS
    config = replace(presets[preset], preset=preset)
    folder = Path("runs") / experiment / folder_name(config, presets)
    is_finished = (folder / "metrics.json").exists() and run.read_config(folder)["settings"] == config.settings()
    flags = ["--preset", preset, "--pdf", *(["--resume"] if folder.exists() else [])]
    if not (is_finished and (file.startswith("comparison") or (folder / f"{file}.pdf").exists())):
        start(experiment, *flags)
    return folder


def start(script: str, *flags: str) -> None:
    """Run a script of this folder, which shows its own progress.

    Raises:
        Refused: if it fails; the script has printed why.
    """
    print(f"{script}.py", *flags, flush=True)
    status = subprocess.run([sys.executable, str(HERE / f"{script}.py"), *flags], check=False).returncode
    if status not in (0, 1):  # 1: the figure shows what is not accepted
        raise run.Refused(f"{script}.py {' '.join(flags)} ended with exit status {status}")


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
