"""Make the pictures of `figures/`: `python experiments/make_figures.py [NAME ...]`, all of them by default.

A picture comes from a run with seed 0, in `runs/`. A finished run of the same settings, made by the same code, is used
again; any other is trained anew, MNIST's in an hour and a half. Each picture carries its run's settings, versions,
commit and seed (in the PNG's `Description`, the PDF's `Subject`, the GIF's comment).
"""

import contextlib
import importlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from gan_paper import runs
from gan_paper.runs import files, provenance

import tyro

HERE = Path(__file__).parent
FIGURES = HERE.parent / "figures"


class Source(NamedTuple):
    """Where a picture comes from."""

    experiment: str
    preset: str
    picture: str
    """Its name in the run's folder, without a suffix."""
    animated: bool = False
    """Whether there is a moving one, too."""
    comparison: str = ""
    """The reference that `compare.py` draws the run against to make it."""


SOURCES = {
    "figure1": Source("figure1", "line", "figure1", animated=True),
    "theory-proposition1": Source("theory", "line", "proposition1"),
    "theory-theorem1": Source("theory", "line", "theorem1"),
    "theory-proposition2": Source("theory", "line", "proposition2"),
    "theory-section3": Source("theory", "line", "section3"),
    "gaussian-histograms": Source("gaussian", "scalar", "histograms", animated=True),
    "gaussian-training": Source("gaussian", "scalar", "training"),
    "mixture-histograms": Source("gaussian", "mixture", "histograms"),
    "notebook-histograms": Source("gaussian", "notebook", "histograms"),
    "vectors-histograms": Source("gaussian", "vectors", "histograms"),
    "notebook-comparison": Source("gaussian", "notebook", "comparison-notebook", comparison="notebook"),
    "numpy_gan-document-histograms": Source("numpy_gan", "document", "histograms"),
    "uniform_to_gaussian-document-tail": Source("uniform_to_gaussian", "document", "tail"),
    "uniform_to_gaussian-matched-tail": Source("uniform_to_gaussian", "matched", "tail"),
    "sine-samples": Source("sine", "matched", "samples"),
    "mnist-samples": Source("mnist", "released", "samples", animated=True),
    "mnist-interpolations": Source("mnist", "released", "interpolations"),
    "mnist-log_likelihood": Source("mnist", "released", "log_likelihood"),
}


@dataclass(frozen=True)
class Arguments:
    """Make the committed pictures from runs."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME...")] = ()
    """Which ones: names of files in figures/, without a suffix."""
    output: Path = FIGURES
    """Folder of the pictures."""
    data: Path | None = None
    """MNIST, as in `mnist.py` [default: downloaded by Keras]."""
    overwrite: bool = False
    """Replace runs of other settings, or by other code, that are in the way."""


def main(arguments: Arguments) -> None:
    """Train what is missing, copy the pictures, and print a table of what was made.

    Raises:
        runs.Refused: if a name is none of `SOURCES`, or an experiment fails.
    """
    for name in arguments.names:
        if name not in SOURCES:
            raise runs.Refused(f"NAME {name} is no figure; accepted: {', '.join(SOURCES)}")
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise runs.Refused(f"--output {arguments.output} cannot be a folder of pictures: {error.strerror}") from None
    rows: list[Sequence[str]] = [("picture", "from", "")]
    for name in arguments.names or SOURCES:
        source = SOURCES[name]
        suffixes = [".png", ".pdf", *([".gif"] if source.animated else [])]
        folder, how = run_of(source, suffixes, arguments.data, arguments.overwrite)
        if source.comparison:
            start("compare", str(folder), "--reference", source.comparison, accepted=(0, 1))
        for suffix in suffixes:
            picture = arguments.output / f"{name}{suffix}"
            shutil.copyfile(folder / f"{source.picture}{suffix}", picture)
            rows.append((str(picture), str(folder), how))
    print(runs.table(rows))


def run_of(source: Source, suffixes: Sequence[str], data: Path | None, overwrite: bool) -> tuple[Path, str]:
    """The folder of a finished run with the source's settings, which is trained if there is none; and what was done.

    Raises:
        runs.Refused: if the folder holds another run, which is not to be overwritten.
    """
    settings = importlib.import_module(source.experiment).PRESETS[source.preset]
    folder = Path("runs") / source.experiment / f"{source.preset}-seed{settings.seed}"
    there = (folder / "config.json").exists()
    same = there and _made_alike(runs.read_config(folder), provenance.config(source.experiment, settings))
    needed = ["histograms.npz"] if source.comparison else [f"{source.picture}{suffix}" for suffix in suffixes]
    with contextlib.suppress(ValueError):
        files.check_seal(folder, ["config.json", "metrics.json", *needed])
        if same:
            return folder, "reused"
    flags = ["--preset", source.preset]
    if source.experiment == "figure1":
        flags.append("--animate")
    if source.experiment == "mnist" and data:
        flags += ["--data", str(data)]
    if same:
        flags.append("--resume")  # which draws again what is trained already, and trains the rest
    elif there and overwrite:
        flags.append("--overwrite")
    start(source.experiment, *flags)
    return folder, "drawn again" if same else "trained"


def _made_alike(run: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a run has these settings and this layout, and was made by this code, from its beginning to its end."""
    same_code = run["versions"].get("code") == now["versions"]["code"] and "resumed_with" not in run
    return same_code and all(run[name] == now[name] for name in ("settings", "layout"))


def start(script: str, *flags: str, accepted: Sequence[int] = (0,)) -> None:
    """Run a script of this folder, which shows its own progress.

    Raises:
        runs.Refused: if it ends with a status that is not accepted; it has said why.
    """
    print(f"{script}.py", *flags, flush=True)
    with subprocess.Popen([sys.executable, str(HERE / f"{script}.py"), *flags]) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.terminate()  # after Ctrl-C it is ending already
            process.wait()
            raise
    if status not in accepted:
        raise runs.Refused(f"{script}.py {' '.join(flags)} ended with exit status {status}")


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
