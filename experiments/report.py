"""A page to look at runs: `python experiments/report.py runs` writes runs/report.html.

The page is one file. It needs no network. It holds a table of the runs, to be sorted by any column, and a player for
each: drag through training, and see the generator's distribution over the data's, D over the optimal D*, the map from
z where z is one number, and the curves of the objectives and of V. For `sine` it shows the plane, for MNIST samples.

It is drawn by Plotly, whose script is within the page. Bokeh, which Dask's dashboard is made with, would do, too, with
less to load. But it draws on a canvas, by a model that Python makes; a player of many frames is plain JavaScript, and
so is Plotly's interface, documented as such. The page itself is `report_page.html`.
"""

import base64
import html
import importlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import runs
from gan_paper.measure.comparison import compare
from gan_paper.measure.recording import Recording
from gan_paper.runs import files, recordings

import numpy as np
import tyro
from compare import reference_path
from numpy.typing import ArrayLike, NDArray
from seeds import headline

EXPERIMENTS = ("gaussian", "uniform_to_gaussian", "sine", "mnist", "numpy_gan", "figure1")
"""Whose presets are looked up; no other name in a file is ever imported."""
MARK = "<!doctype html><!-- written by gan-paper's report.py -->"
"""How a page begins that may be replaced."""
BUDGET = 350_000
"""Bytes that the frames of a run may take on the page; of a run with more, evenly spread ones are shown."""
ROWS = 400
"""Rows of a history at most that are shown."""
COURSES = ("d_loss", "g_loss", "value", "d_real", "d_fake")


@dataclass(frozen=True)
class Arguments:
    """Write a page that shows runs."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUNS")]
    """The folder in which the runs' folders are, at any depth."""
    output: Path | None = None
    """The page [default: RUNS/report.html]."""


def main(arguments: Arguments) -> None:
    """Write the page.

    Raises:
        runs.Refused: if there is no run, Plotly is not installed, or the page's place holds another file.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError:
        raise runs.Refused("report.py must have Plotly installed: pip install '.[report]'") from None
    folders = find(arguments.folder)
    if not folders:
        raise runs.Refused(f"RUNS {arguments.folder} holds no run's folder")
    output = arguments.output or arguments.folder / "report.html"
    if output.exists() and not _is_page(output):
        raise runs.Refused(f"--output {output} is no page that this script wrote; another place is needed")
    found = [describe(folder, str(folder.relative_to(arguments.folder))) for folder in folders]
    try:
        files.write_text(output, page([row for row, _ in found], [player for _, player in found], get_plotlyjs()))
    except OSError as error:
        raise runs.Refused(f"--output {output} cannot be written: {error.strerror}") from None
    faults = [(row["run"], row["state"]) for row, _ in found if row["state"] not in ("", "unfinished")]
    print(*(f"{name}: {fault}" for name, fault in faults), sep="\n", end="\n" * bool(faults))
    print(f"written: {output}, {len(found)} runs, {output.stat().st_size / 1e6:.1f} MB")


def find(folder: Path) -> list[Path]:
    """The folders at or below this one that look like a run's, in order."""
    paths = [folder, *sorted(folder.rglob("*"))] if folder.is_dir() else []
    names = ("config.json", "metrics.json", "histograms.npz")
    return [
        path
        for path in paths
        if path.is_dir() and "checkpoints" not in path.parts and any((path / name).is_file() for name in names)
    ]


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode()


def describe(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A run's row of the table, and what its player shows; None if there is nothing to play.

    What is wrong with a run is in its row, as `state`: nothing, `unfinished`, or a line that says what is damaged.
    """
    row: dict[str, Any] = {"run": name, "state": ""}
    try:
        config = runs.read_config(folder)
        settings = config["settings"]
        row |= {"experiment": config["experiment"], "preset": settings.get("preset"), "seed": settings.get("seed")}
        row |= {"settings": _differing(config["experiment"], settings), "commit": config["versions"].get("commit")}
        if (folder / files.SEAL).exists():
            files.check_seal(folder)
            metrics = runs.read_metrics(folder)
            name_of_match, value = headline(metrics["match"])
            row["match"] = (name_of_match, float(value))
            row["seconds"] = float(metrics["seconds"]["total"])
        else:
            row["state"] = "unfinished"
        if row["state"] and not (folder / "histograms.npz").exists():
            return row, None
        recording = recordings.of_run(folder)
        reference = _reference(folder)
        if reference and not row["state"]:
            row["accepted"], row["failed"] = _judge(recording, reference)
        return row, player(recording, reference, _history(folder), config["experiment"])
    except (runs.Refused, OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        row["state"] = f"damaged: {' '.join(str(error).split()) or type(error).__name__}"
        return row, None


def _judge(recording: Recording, reference: Recording) -> tuple[str, str]:
    try:
        failed = [held.name for held in compare(recording, reference) if not held.holds]
    except ValueError as error:
        return "unknown", str(error)
    return "no" if failed else "yes", ", ".join(failed)


def _differing(experiment: str, settings: Mapping[str, Any]) -> str:
    if experiment not in EXPERIMENTS:
        return ""
    return runs.differing(settings, importlib.import_module(experiment).PRESETS)


def _reference(folder: Path) -> Recording | None:
    try:
        reference = recordings.load(reference_path(folder, None))
    except ValueError:
        return None
    return reference if len(reference.iterations) == 1 else None


def _history(folder: Path) -> dict[str, NDArray[np.float64]]:
    try:
        header, *rows = (line.split(",") for line in files.read_text(folder / "history.csv").splitlines())
    except (OSError, ValueError):
        return {}
    kept = [rows[i] for i in _spread(len(rows), ROWS)]
    table = {name: np.array([float(row[i]) for row in kept]) for i, name in enumerate(header)}
    return {name: table[name] for name in ("iteration", *COURSES) if name in table}


def player(
    recording: Recording, reference: Recording | None, history: Mapping[str, NDArray], experiment: str
) -> dict[str, Any]:
    """What the page's script needs to play a run, as JSON values: arrays as `pack` makes them.

    Args:
        recording: Of the run, with F frames.
        reference: One histogram, if there is one.
        history: Columns by name.
        experiment: Its name.

    Returns:
        `iterations` (F,); `views`, with `edges` (B + 1,), `density` (F, B), and, of p_data, `data` (B,), `x` and `pdf`;
        `curves` by name (F, `LINE`), and `ideal`, the map that turns p_z into p_data; `plane` (F, N, 2) or `images`
        (F, N, pixels) from 0 to 1; `curve`, where points ought to lie; and `history`.
    """
    samples = np.stack(recording.samples)
    size = samples[0].size * (1 if samples.shape[-1] > 2 else 2) + sum(2 * len(e) for e in recording.edges.values())
    size += sum(2 * values[0].size for values in recording.curves.values())
    frames = _spread(len(recording.iterations), max(2, int(BUDGET * 3 / 4 / size)))
    views = []
    for name, edges in recording.edges.items():
        density = np.stack([recording.histogram(i, name).density for i in frames])
        view: dict[str, Any] = {"name": name, "edges": pack(edges, 4), "density": pack(density)}
        if reference and name in reference.edges:
            target = reference.histogram(view=name)
            view |= {"data": pack(target.rebin(edges).density, 4), "x": pack(_centres(target.edges), 4)}
            view["pdf"] = pack(target.density, 4)
        views.append(view)
    shown: dict[str, Any] = {"iterations": [recording.iterations[i] for i in frames], "views": views}
    for name in ("x", "d", "z", "g"):
        if {"x", "d"} <= recording.curves.keys() and name in recording.curves:
            shown[name] = pack(np.stack([recording.curves[name][i] for i in frames if name in "dg" or i == frames[0]]))
    if "g" in shown and reference:
        target = reference.histogram()
        levels = (np.arange(recording.curves["g"][0].size) + 0.5) / recording.curves["g"][0].size
        below = np.cumsum(target.masses)[:-1]
        rises = np.concatenate([[True], np.diff(below) > 0])
        shown["ideal"] = pack(np.interp(levels, below[rises], target.edges[rises]))
    if samples.shape[1] and samples.shape[-1] == 2:
        shown["plane"] = pack(samples[frames])
        script = importlib.import_module(experiment) if experiment in EXPERIMENTS else None
        if (curve := getattr(script, "CURVE", None)) is not None:
            shown["curve"] = pack(curve)
    elif samples.shape[1] and samples.shape[-1] >= 64 and math.isqrt(samples.shape[-1]) ** 2 == samples.shape[-1]:
        low, high = recording.edges[recording.main][[0, -1]]
        shown["images"] = pack(np.clip((samples[frames] - low) / (high - low), 0, 1), 1)
    return {**shown, "history": {name: pack(column, 4) for name, column in history.items()}}


def pack(values: ArrayLike, width: int = 2) -> dict[str, Any]:
    """An array for the page's script: little-endian, in base64.

    Args:
        values: Of any shape; NaN where there is none.
        width: Bytes a number: 4, as float32; 2 or 1, as whole steps between the least and the greatest.
    """
    array = np.asarray(values, np.float32)
    if width == 4 or not (array.size and np.isfinite(array).all()):
        content, width, low, scale = array.astype("<f4"), 4, 0.0, 1.0
    else:
        low, high = float(array.min()), float(array.max())
        scale = (high - low) / (256**width - 1) or 1.0
        content = np.round((array - low) / scale).astype(f"<u{width}")
    data = base64.b64encode(content.tobytes()).decode()
    return {"data": data, "width": width, "shape": array.shape, "low": low, "scale": scale}


def _spread(count: int, most: int) -> list[int]:
    # Of so many, at most `most`, evenly spread, the first and the last among them.
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))}) if count else []


def _centres(edges: NDArray) -> NDArray:
    return (edges[1:] + edges[:-1]) / 2


HEADERS = {
    "run": "run",
    "experiment": "experiment",
    "preset": "preset",
    "seed": "seed",
    "settings": "other settings",
    "match": "match",
    "accepted": "accepted",
    "seconds": "time",
    "commit": "commit",
}


def page(rows: Sequence[Mapping[str, Any]], players: Sequence[Any], library: str) -> str:
    """The page.

    Args:
        rows: Of the table, as `describe` gives them. All text in them is escaped.
        players: What each shows.
        library: Plotly's script.
    """
    body = []
    for number, (row, shown) in enumerate(zip(rows, players, strict=True)):
        cells = []
        for name in HEADERS:
            text, key = _cell(name, row)
            content = html.escape(text).replace("/", "/<wbr>")
            if name == "run":
                state = f"<small>{html.escape(row['state'])}</small>" if row["state"] else ""
                button = f'<button type="button" data-player="{number}">{content}</button>' if shown else content
                content = f"{button}{state}"
            elif name == "accepted" and row.get("failed"):
                content += f"<small>{html.escape(row['failed'])}</small>"
            cells.append(f'<td class="{name}" data-key="{html.escape(key)}">{content}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    data = json.dumps(players, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    head = "".join(
        f'<th class="{name}" scope="col"><button type="button">{t}</button></th>' for name, t in HEADERS.items()
    )
    template = files.read_text(Path(__file__).with_name("report_page.html"))
    parts = {"MARK": MARK, "HEAD": head, "BODY": "\n".join(body), "DATA": data, "PLOTLY": library}
    pieces = template.split("@@")  # text, name, text, name, ...
    pieces[1::2] = [parts[name] for name in pieces[1::2]]
    return "".join(pieces)


def _cell(name: str, row: Mapping[str, Any]) -> tuple[str, str]:
    # What a cell shows, and what it is sorted by.
    value = row.get(name)
    if value is None:
        return "", ""
    if name == "match":
        return f"{value[0]} {value[1]:.4g}", str(float(value[1]))
    if name == "seconds":
        return f"{value:,.0f} s", str(value)
    return str(value), str(value)


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
