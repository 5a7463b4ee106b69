"""The tables over seeds of `experiments/README.md`: `python experiments/tables.py [--collect runs] [--write]`.

They are made from the metrics of each seed that `figures/reference/results` holds. `--collect` takes them from finished
runs, a file a preset; `--write` puts the tables into the page.
"""

import json
import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_paper import runs
from gan_paper.runs import files, recordings

import tyro
from compare import verdict
from table1 import RESULTS as MNIST
from table1 import finished

HERE = Path(__file__).parent
PAGE = HERE / "README.md"
RESULTS = HERE.parent / "figures" / "reference" / "results"

Metrics = dict[str, Any]


@dataclass(frozen=True)
class Arguments:
    """Make the tables over seeds."""

    collect: Path | None = None
    """Folder of runs, EXPERIMENT/PRESET-seedSEED, whose metrics are taken first."""
    write: bool = False
    """Put the tables into `experiments/README.md`."""


def main(arguments: Arguments) -> None:
    """Collect, print, write.

    Raises:
        runs.Refused: if a folder holds no finished runs.
    """
    if arguments.collect:
        collect(arguments.collect)
    for name, make in TABLES.items():
        print(f"{name}\n\n{make()}\n")
    if arguments.write:
        files.write_text(PAGE, filled(PAGE.read_text()))
        print("written:", PAGE, sep="\n  ")


def collect(folder: Path) -> None:
    """Write the metrics of all finished runs in a folder, a file for each preset.

    Raises:
        runs.Refused: if there is none, or one is damaged.
    """
    presets: dict[str, Metrics] = {}
    for path in sorted(folder.glob("*/*/SHA256SUMS")):
        run = path.parent
        config, metrics = runs.read_config(run), runs.read_metrics(run)
        experiment, preset = metrics["experiment"], metrics["preset"]
        if experiment == "mnist":  # whose results are `table1.py`'s
            continue
        metrics["code"] = config["versions"]["commit"]
        if (run / "histograms.npz").exists():
            metrics["reference"] = verdict(recordings.of_run(run), experiment, preset)
        presets.setdefault(f"{experiment}-{preset}", {})[str(metrics["seed"])] = metrics
    if not presets:
        raise runs.Refused(f"--collect {folder} holds no finished run")
    RESULTS.mkdir(exist_ok=True)
    for name, seeds in presets.items():
        files.write_text(RESULTS / f"{name}.json", json.dumps(seeds, indent=1) + "\n")


def seeds_of(name: str) -> list[Metrics]:
    """The metrics of an experiment's preset, a seed each; none if its runs were not kept."""
    path = RESULTS / f"{name}.json"
    return list(json.loads(path.read_text()).values()) if path.exists() else []


def gaussian() -> str:
    """The presets of `gaussian.py`."""
    head = ("preset", "Wasserstein-1", "Kolmogorov-Smirnov", "gap of D", "V + log 4", "accepted", "seeds")
    rows = []
    for preset in ("scalar", "standard", "mixture", "notebook"):
        if not (seeds := seeds_of(f"gaussian-{preset}")):
            continue
        gaps = [seed["discriminator"].get("largest_gap") for seed in seeds]
        cells = [_median_greatest([s["match"]["wasserstein"] for s in seeds])]
        cells += [_median_greatest([s["match"]["ks"] for s in seeds])]
        cells += [_median_greatest(gaps) if None not in gaps else "-"]
        cells += [_median_greatest([abs(s["value"] + math.log(4)) for s in seeds], 5)]
        rows.append((f"`{preset}`", *cells, _accepted(seeds), str(len(seeds))))
    return markdown(head, rows)


def vectors() -> str:
    """How the vectors of 1,000 match, entry by entry."""
    head = ("preset", "std across z", "own Wasserstein-1", "pooled", "correlation", "largest", "within limits", "seeds")
    rows = []
    for preset in ("vectors", "notebook"):
        found = [seed["entries"] for seed in seeds_of(f"gaussian-{preset}") if "entries" in seed]
        if not found:
            continue
        cells = [
            _range([entries[name] for entries in found], digits)
            for name, digits in (
                ("std_across_noise", 3), ("own_wasserstein", 3), ("wasserstein", 3), ("correlation", 3),
                ("largest_correlation", 2),
            )
        ]  # fmt: skip
        within = sum(entries["within_limits"] for entries in found)
        rows.append((f"`{preset}`", *cells, f"{within} of {len(found)}", str(len(found))))
    return markdown(head, rows)


def vectors_study() -> str:
    """What `vectors_study.py` measured."""
    head = ("case", "units of D's layer", "std across z", "own Wasserstein-1", "pooled", "correlation", "D(x), D(G(z))")
    rows = []
    for pair in json.loads((RESULTS / "vectors-study.json").read_text())["pairs"]:
        names = ("std_across_noise", "own_wasserstein", "wasserstein", "correlation")
        answers = f"{pair['d_real']:.2f}, {pair['d_fake']:.2f}"
        rows.append((pair["case"], f"{pair['width']:,}", *(f"{pair[name]:.3f}" for name in names), answers))
    return markdown(head, rows)


def systems() -> str:
    """The other systems on the real line."""
    head = ("experiment", "preset", "Wasserstein-1, median (least to greatest)", "Kolmogorov-Smirnov", "accepted")
    rows = []
    for experiment, presets in (
        ("numpy_gan", ("inside", "document")),
        ("uniform_to_gaussian", ("matched", "document", "linear")),
    ):
        for preset in presets:
            if not (seeds := seeds_of(f"{experiment}-{preset}")):
                continue
            cells = [_range([s["match"][name] for s in seeds], 3) for name in ("wasserstein", "ks")]
            rows.append((f"`{experiment}`", f"`{preset}`", *cells, _accepted(seeds)))
    return markdown(head, rows)


def sine() -> str:
    """The presets of `sine.py`."""
    halves = statistics.median(s["match"]["energy_distance_of_halves"] for s in seeds_of("sine-matched"))
    head = (
        "`sine`", "mean of abs(y - sin x)", "bins of x in proportion",
        f"energy distance to the points (between their halves: {halves:.4f})", "accepted",
    )  # fmt: skip
    rows = []
    for preset in ("matched", "document"):
        if not (seeds := seeds_of(f"sine-{preset}")):
            continue
        cells = [
            _range([s["match"][name] for s in seeds], digits)
            for name, digits in (("curve_error", 3), ("bins_in_proportion", 2), ("energy_distance", 4))
        ]
        rows.append((f"`{preset}`", *cells, _accepted(seeds)))
    return markdown(head, rows)


def theory() -> str:
    """The checks of `theory.py`."""
    (seed,) = seeds_of("theory-line")
    rows = [
        (check["claim"].replace("|", r"\|"), f"{check['measured']:.2g}", f"{check['tolerance']:g}")
        for check in seed["checks"]
    ]
    return markdown(("claim", "measured", "at most"), rows)


def table1() -> str:
    """What `table1.py` made."""
    return (MNIST / "table1.md").read_text().strip()


def measures() -> str:
    """What `mnist_measures.py` says of the runs of Table 1: the mean over their seeds."""
    quartet = "precision, recall, density, coverage"
    head = (
        "samples", "seeds", "nats", f"pixels: {quartet}", "the same: features", "confident", "KL", "digits", "nearest",
        "copies",
    )  # fmt: skip
    groups: dict[str, list[Metrics]] = {}
    scale: Metrics = {}
    for run in finished(MNIST):
        path = run.folder / "measures.json"
        if path.exists():
            content = json.loads(path.read_text())
            scale |= content["scale"]
            for name, row in content["measures"].items():
                groups.setdefault(f"{run.label}, {name}", []).append(row)
    shares = scale["test images"]["digits"]
    rows = [("test images", "", "", *_judged([scale.pop("test images")], shares))]
    for label, seeds in groups.items():
        nats = statistics.mean(seed["log_likelihood"] for seed in seeds)
        rows.append((label, str(len(seeds)), f"{nats:.0f}", *_judged(seeds, shares)))
    rows += [(name, "", "", *_judged([row], shares)) for name, row in scale.items()]
    return markdown(head, rows)


def _judged(seeds: Sequence[Metrics], shares: Sequence[float]) -> list[str]:
    # Cells of a row of measures: means over seeds; of the ten digits' shares, over those given, the least and greatest
    cells = [
        ", ".join(f"{statistics.mean(s[place][name] for s in seeds):.2f}" for name in seeds[0][place])
        for place in ("pixels", "features")
    ]
    names = (("confident", 2), ("kl", 3), ("nearest", 2), ("copies", 3))
    confident, kl, *rest = (f"{statistics.mean(s[name] for s in seeds):.{digits}f}" for name, digits in names)
    ratios = [own / share for s in seeds for own, share in zip(s["digits"], shares, strict=True)]
    return [*cells, confident, kl, f"{min(ratios):.2f} to {max(ratios):.2f}", *rest]


TABLES: dict[str, Callable[[], str]] = {
    "gaussian": gaussian,
    "vectors": vectors,
    "vectors_study": vectors_study,
    "theory": theory,
    "table1": table1,
    "measures": measures,
    "systems": systems,
    "sine": sine,
}
"""By its name in the page, between `<!-- table NAME -->` and `<!-- end -->`, what makes a table."""


def filled(page: str) -> str:
    """The page with its tables as the data have them."""

    def table(found: re.Match[str]) -> str:
        return f"<!-- table {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as GitHub shows it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _median_greatest(values: Sequence[float], digits: int = 4) -> str:
    return f"{statistics.median(values):.{digits}f}, {max(values):.{digits}f}"


def _range(values: Sequence[float], digits: int) -> str:
    median, least, greatest = (f"{f(values):.{digits}f}" for f in (statistics.median, min, max))
    return f"{median} ({least} to {greatest})"


def _accepted(seeds: Sequence[Metrics]) -> str:
    failed = [str(seed["seed"]) for seed in seeds if not seed["reference"].startswith("accepted")]
    if len(failed) == len(seeds):
        return "none"
    return f"all but {', '.join(failed)}" if failed else "all"


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
