"""A page to look at runs: `python experiments/report.py runs` writes runs/report.html.

The page is one file and needs no network. It has a table of the runs, which can be sorted and filtered, and a player
with a slider through the training. The player shows the generator's distribution over that of the data, D beside the
optimal D*, the map from z where z is one number, and the training curves; for points in the plane and for MNIST it
shows samples. Two or more runs can be shown at once, each in its colour.

Plotly draws the page, and its script is within the page. The template is `report_page.html`.
"""

import base64
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from gan_paper import run
from gan_paper.metrics import Recording
from gan_paper.plots import image_grid
from gan_paper.run import files

import numpy as np
import tables
import tyro
from numpy.typing import ArrayLike, NDArray
from PIL import Image

TEMPLATE = Path(__file__).with_name("report_page.html")
MOST_FRAMES, MOST_ROWS = 150, 400
"""The most records of a run, and rows of its history, that are shown; of more, evenly spaced ones."""
HISTORY_COLUMNS = ("d_loss", "g_loss", "value", "d_real", "d_fake")
"""The columns of a history that are shown."""
TEXTS = ("state", "experiment", "preset", "seed", "commit", "metric", "time", "verdict", "accepted")
"""What a row says about a run, beside its name and its settings."""


def main(
    runs: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUNS")], output: Path | None = None
) -> None:
    """Write a page that shows runs.

    Args:
        runs: The folder in which the runs' folders are, at any depth.
        output: The page, which replaces an existing one [default: RUNS/report.html].

    Raises:
        run.Refused: if there is no run, or Plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs  # of the extra `report`, which no other script needs
    except ModuleNotFoundError:
        raise run.Refused("report.py must have Plotly installed: pip install '.[report]'") from None
    names = ("checkpoints", "histograms.npz")  # theory.py writes neither
    folders = sorted({path.parent for name in names for path in runs.rglob(name)})
    if not folders:
        raise run.Refused(f"RUNS {runs} holds no run's folder")
    output = output or runs / "report.html"
    shown = [str(folder.relative_to(runs)).encode(errors="replace").decode() for folder in folders]
    rows = [describe(folder, name) for folder, name in zip(folders, shown, strict=True)]
    files.write_text(output, page(rows, get_plotlyjs()))
    for row in rows:
        if row["state"].startswith("damaged"):
            print(f"{row['run']}: {row['state']}")
    print(f"written: {output}, {len(rows)} runs, {output.stat().st_size / 1e6:.1f} MB")


def describe(folder: Path, name: str) -> dict[str, Any]:
    """A run's row of the table.

    It holds text: the name as `run`, `settings` by name, and `TEXTS`, each empty if it cannot be read. `state` is
    empty, `unfinished`, or a line that says what is damaged; `metric` is the headline metric; `verdict` says whether
    the reference accepts the run, and `accepted` says so in a word. `sort` holds the numbers of metric and time, and
    `player` what the player shows, or None.
    """
    row: dict[str, Any] = {**dict.fromkeys(TEXTS, ""), "run": name, "settings": {}, "sort": {}, "player": None}
    try:
        config = run.read_config(folder)
        settings = {key: str(value)[:80] for key, value in config["settings"].items()}
        row |= {name: str(config[name]) for name in ("experiment", "preset")}
        row |= {"seed": settings.pop("seed", ""), "settings": settings, "state": "unfinished"}
        row["commit"] = str(config["versions"].get("commit", ""))
        metrics: dict[str, Any] = {}
        if (folder / "metrics.json").exists():
            metrics = run.read_metrics(folder)
            name, value = tables.headline(metrics)
            row |= {"metric": f"{name} {value:.4g}", "time": f"{metrics['seconds']:,.0f} s", "state": ""}
            row["sort"] = {"metric": str(value), "time": str(metrics["seconds"])}
        if metrics or (folder / "histograms.npz").exists():
            recording, path = run.read_recording(folder), run.find_reference(folder, tables.REFERENCES)
            if metrics:
                row["verdict"] = verdict = run.verdict(recording, path, metrics)
                short = verdict.partition(":")[0].partition(" by ")[0]
                row["accepted"] = {"accepted": "yes", "not accepted": "no"}.get(short, short)
            history = run.read_history(folder) if (folder / "history.csv").exists() else {}
            row["player"] = player(recording, run.read_recording(path) if path else None, history)
    except Exception as error:  # files of unexpected content raise nearly anything
        row |= {"state": "damaged: " + (" ".join(str(error).split()) or type(error).__name__), "player": None}
    return row


def player(recording: Recording, reference: Recording | None, history: Mapping[str, NDArray]) -> dict[str, Any]:
    """What the page's script needs to show a run, as JSON values: arrays as `numbers` makes them.

    Args:
        recording: Recording of the run, of whose records F are shown. Points `data` (M, 2) among its curves are drawn
            under samples in the plane.
        reference: Reference of the run. It is p_data if it has one histogram; with several it is another training.
        history: Columns by name.

    Returns:
        `iterations` (F,); `views`, with `name`, `edges` (B + 1,), `density` (F, B), and, of p_data, `data` (B,); the
        curves `x`, `d`, `z`, `g`, as far as the run has them, and `ideal`, the map that turns p_z into p_data; `plane`
        (F, N, 2) with `points` (M, 2), or `images` (F,), PNG files in base64; and `history`.
    """
    p_data = reference if reference and len(reference.iterations) == 1 else None
    samples, curves = np.stack(recording.samples), recording.curves
    frames = _spread(len(recording.iterations), MOST_FRAMES)
    shown: dict[str, Any] = {"iterations": [recording.iterations[i] for i in frames], "views": [], "history": {}}
    if "iteration" in history:
        rows = _spread(len(history["iteration"]), MOST_ROWS)
        shown["history"] = {name: numbers(history[name][rows]) for name in HISTORY_COLUMNS if name in history}
        shown["history"]["iteration"] = history["iteration"][rows].tolist()
    for name, edges in recording.edges.items():
        density = [recording.histogram(i, name).density for i in frames]
        view = {"name": name, "edges": numbers(edges), "density": numbers(density)}
        if p_data and name in p_data.edges:
            view["data"] = numbers(p_data.histogram(view=name).rebin(edges).density)
        shown["views"].append(view)
    shown |= {name: numbers(curves[name][0]) for name in ("x", "z") if name in curves}
    shown |= {name: numbers([curves[name][i] for i in frames]) for name in ("d", "g") if name in curves}
    if "g" in curves and p_data:
        target, count = p_data.histogram(), curves["g"][0].size
        levels = (np.arange(count) + 0.5) / count
        shown["ideal"] = numbers(np.interp(levels, np.cumsum(target.masses)[:-1], target.edges))
    if samples.shape[1] and samples.shape[-1] == 2:
        shown["plane"] = numbers(samples[frames])
        shown |= {"points": numbers(curves["data"][0])} if "data" in curves else {}
    elif samples.shape[1] and samples.shape[-1] >= 64 and math.isqrt(samples.shape[-1]) ** 2 == samples.shape[-1]:
        low, high = recording.edges[recording.main][[0, -1]]
        shown["images"] = [picture((samples[i] - low) / (high - low)) for i in frames]
    return shown


def numbers(values: ArrayLike) -> list[Any]:
    """An array of any shape as lists: four significant digits, and None for what is not finite."""
    array = np.asarray(values, float)
    if array.ndim > 1:
        return [numbers(row) for row in array]
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in array.tolist()]


def picture(images: NDArray) -> str:
    """Square images (N, pixels) from 0 to 1, as many as fill a square grid, as a PNG file in base64."""
    across, side = math.isqrt(len(images)), math.isqrt(images.shape[1])
    grid = image_grid(images[: across**2].reshape(across, across, side, side, 1))
    file = io.BytesIO()
    Image.fromarray(np.rint(255 * grid[..., 0]).astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _spread(count: int, most: int) -> list[int]:
    # The indices of at most `most` of so many items, evenly spaced, with the first and the last.
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))}) if count else []


def page(rows: Sequence[Mapping[str, Any]], library: str) -> str:
    """The page.

    Args:
        rows: Rows of the table, as `describe` gives them.
        library: Plotly's script.
    """
    # All content of files is JSON without a `<` that could end the element; the page shows it as text.
    data = json.dumps(rows, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    before, between, after = re.split("@@(?:DATA|PLOTLY)@@", files.read_text(TEMPLATE))
    return "".join([before, data, between, library, after])


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
