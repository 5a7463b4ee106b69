"""Table 1 with our rows: `python experiments/table1.py [--runs runs/mnist]`.

Writes the table of Parzen-window log-likelihoods as Markdown, and a .json of its figures: the paper's rows, then ours,
and what the estimator gives for samples that nobody generated. Ours are the mean and the standard deviation over the
seeds of each preset; runs with other settings than the preset's are rows of their own. The first row is of the last
iterate of G, from which the authors drew as well: compare this one with the paper's 225. The row below it is of the
average of G's iterates.

By default it reads the results of our runs, which are part of the project, so that the table can be checked without
training.

TFD is not public, so its column cannot be rerun.
"""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gan_paper import runs
from gan_paper.runs import files

import mnist
import numpy as np
import tyro

RESULTS = Path(__file__).parent.parent / "figures" / "reference" / "mnist"
ORDER = "released crisp paper dense"
"""Of the presets' rows."""
FIGURES = {"": "last_iterate_log_likelihood", ", average of the iterates": "log_likelihood"}
"""By what follows a preset's name in a row, the figure that it shows."""


class Row(NamedTuple):
    """A row: the log-likelihood in nats on MNIST's and TFD's test sets, each with its error.

    The error is the standard error over the test examples or, in a row of several seeds, the standard deviation over
    these; None in a row of one seed.
    """

    model: str
    mnist: tuple[float, float | None]
    tfd: tuple[float, float] | None = None
    seeds: tuple[float, ...] = ()


class Finished(NamedTuple):
    """A finished run: its preset with what differs from it, its folder, its log-likelihoods in nats by their names."""

    label: str
    folder: Path
    match: dict[str, float]


PAPER = [
    Row("DBN", (138, 2), (1909, 66)),
    Row("Stacked CAE", (121, 1.6), (2110, 50)),
    Row("Deep GSN", (214, 1.1), (1890, 29)),
    Row("Adversarial nets", (225, 2), (2057, 26)),
]


@dataclass(frozen=True)
class Arguments:
    """Make Table 1 from finished runs of `mnist.py`."""

    runs: Path = RESULTS
    """Folder of finished runs, PRESET-seedSEED."""
    output: Path | None = None
    """Folder that takes table1.md and table1.json [default: that of the runs]."""
    scale: bool = False
    """Measure the estimator's scale again, on training images and k-means centroids: minutes, and 3 GB of memory."""
    data: Path | None = None
    """MNIST, for --scale, as `mnist.py` takes it [default: download it once]."""


def main(arguments: Arguments) -> None:
    """Read the runs, write the table, print it.

    Raises:
        runs.Refused: if the folder holds no finished run, or a file in it cannot be read.
    """
    folder = arguments.output or arguments.runs
    ours = _ours(arguments.runs)
    scale_file = arguments.runs / "scale.json"
    if arguments.scale:
        _write(scale_file, json.dumps(measure_scale(arguments.data), indent=2))
    scale = _scale(scale_file) if scale_file.exists() else []
    text = markdown(PAPER, ours, scale)
    _write(folder / "table1.md", text)
    rows = {"paper": PAPER, "ours": ours, "scale": scale}
    _write(folder / "table1.json", json.dumps({k: [row._asdict() for row in v] for k, v in rows.items()}, indent=2))
    print(text)
    print("written:", folder / "table1.md", folder / "table1.json", sep="\n  ")


def _ours(folder: Path) -> list[Row]:
    groups: dict[str, list[dict[str, float]]] = {}
    for run in finished(folder):
        groups.setdefault(run.label, []).append({row: run.match[name] for row, name in FIGURES.items()})
    if not groups:
        raise runs.Refused(f"--runs {folder} holds no finished run of mnist.py")
    rows = []
    for label, seeds in groups.items():
        for row in FIGURES:
            figures = [seed[row] for seed in seeds]
            spread = statistics.stdev(figures) if len(figures) > 1 else None
            rows.append(Row(f"{label}{row}", (statistics.mean(figures), spread), None, tuple(figures)))
    return rows


def finished(folder: Path) -> list[Finished]:
    """The finished runs of `mnist.py` in a folder, in the order of their rows.

    Raises:
        runs.Refused: if one is damaged, or holds no log-likelihoods.
    """
    found = []
    for path in sorted(folder.glob("*/metrics.json")):
        metrics = runs.read_metrics(path.parent)
        if metrics.get("experiment") != "mnist":
            continue
        try:
            preset = str(metrics["preset"])
            match = {name: float(metrics["match"][name]) for name in FIGURES.values()}
        except (KeyError, TypeError, ValueError):
            raise runs.Refused(f"{path} holds no finished run's log-likelihood") from None
        settings = runs.read_config(path.parent)["settings"]
        settings.pop("evaluate_every", None)  # which changes no result
        differing = runs.differing(settings, mnist.PRESETS)
        label = f"`{preset}`" + (f" with {differing}" if differing else "")
        found.append((ORDER.find(preset), Finished(label, path.parent, match)))
    return [run for _, run in sorted(found, key=lambda place: (place[0], place[1].label))]


def _scale(path: Path) -> list[Row]:
    try:
        return [Row(model, (float(mean), float(error))) for model, (mean, error) in _read(path).items()]
    except (AttributeError, TypeError, ValueError):
        raise runs.Refused(f"{path} holds no log-likelihoods with their standard errors") from None


def measure_scale(data: Path | None) -> dict[str, tuple[float, float]]:
    """What the estimator gives for 10,000 training images as samples, and for as many k-means centroids of them all."""
    from gan_paper import parzen

    from scipy.cluster.vq import kmeans2

    try:
        images = mnist.load(data)
    except ValueError as error:
        raise runs.Refused(str(error)) from None
    train, validation, test = (part / np.float32(255) for part in images)
    drawn = train[np.random.default_rng(0).choice(len(train), mnist.SAMPLES, replace=False)]
    centroids, _ = kmeans2(train, drawn, iter=5, minit="matrix")
    result = {}
    for model, samples in {"10,000 training images": drawn, "10,000 k-means centroids": centroids}.items():
        sigma = parzen.validate(validation, samples).sigma
        estimate = parzen.estimate(test, samples, sigma)
        result[model] = (estimate.mean, estimate.standard_error)
    return result


def markdown(paper: list[Row], ours: list[Row], scale: list[Row]) -> str:
    """The table, as GitHub shows it."""
    lines = ["| model | MNIST | TFD | each seed |", "|---|---|---|---|"]
    for row in (*paper, *ours, *scale):
        cells = [row.model, _figure(row.mnist), _figure(row.tfd) if row.tfd else "-"]
        cells += [", ".join(f"{seed:.1f}" for seed in row.seeds) or "-"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _figure(figure: tuple[float, float | None]) -> str:
    mean, error = figure
    if isinstance(mean, int):  # as printed
        return f"{mean:g} ± {error:g}"
    return f"{mean:.1f}" if error is None else f"{mean:.1f} ± {error:.1f}"


def _read(path: Path) -> Any:
    try:
        return json.loads(files.read_text(path))
    except (OSError, ValueError, RecursionError):
        raise runs.Refused(f"{path} is not a readable .json file") from None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, text)


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
