"""Tables over runs: `python experiments/tables.py [RUN...] [--collect FOLDER] [--write]`.

With runs of one experiment, say `runs/gaussian/seed*`, it prints a row of metrics for each, what the run's reference
says of it, and the median, the least and the greatest over the runs.

Without runs it prints the tables of the pages in `docs/`, Table 1 among them, which are made from `figures/reference`:
`results/` holds the metrics of each seed, a file a preset; the others, such as `mnist/`, hold runs on images.
`--collect` takes them from finished runs, and `--write` puts the tables into the pages.
"""

import itertools
import json
import math
import re
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from gan_paper import run
from gan_paper.run import files

import tyro

HERE = Path(__file__).parent
PAGES = sorted((HERE.parent / "docs").rglob("*.md"))  # with tables between `<!-- table NAME -->` and `<!-- end -->`
REFERENCES = HERE.parent / "figures" / "reference"

LINE = {"wasserstein": ("Wasserstein-1 (std)", 4), "ks": ("Kolmogorov-Smirnov", 4)}
"""Columns of a table over presets: by metric the header, and the digits after the point. `std` is that of the data."""
GAUSSIAN = LINE | {"largest_gap": ("gap of D", 4), "value_gap": ("abs(V + log 4) (nats)", 5)}
VECTORS = {
    "std_across_noise": ("std across z", 3),
    "wasserstein_per_dimension": ("Wasserstein-1 per dimension (std)", 3),
    "wasserstein_pooled": ("Wasserstein-1 pooled (std)", 3),
    "correlation": ("correlation", 3),
    "value": ("V (nats)", 2),
    "d_real": ("D(x)", 2),
    "d_fake": ("D(G(z))", 2),
}
SINE = {
    "curve_error": ("mean of abs(y - sin x)", 3),
    "bins_in_proportion": ("bins of x in proportion", 2),
    "energy_distance": ("energy distance to the curve", 4),
    "energy_distance_of_true": ("energy distance of as many true samples", 4),
}
CONDITIONAL = {f"std_{c}": (f"standard deviation, c = {c}", 3) for c in range(3)}
CONDITIONAL |= {f"wasserstein_{c}": (f"Wasserstein-1, c = {c} (std)", 3) for c in range(3)}
QUARTET = ("precision", "recall", "density", "coverage")
MEASURES = {"confident": 2, "kl": 3, "nearest": 2, "copies": 3}  # the others, with their digits after the point
MNIST = "mnist", "mnist_dense", "dcgan", "mnist_conditional"  # the experiments of Table 1
ORDER = "sharp released crisp paper mnist_dense dcgan mnist_conditional full full-small conv-small"  # of its rows
UNITS = {"wasserstein": "std", "jsd": "nats", "value": "nats", "log_likelihood": "nats"}
"""Units in a table over runs, which calls the metrics by their names in `metrics.json`."""
FRESH = 1000
"""Seeds from here on were run once, with the final settings. Lower ones were seen while settings were chosen."""
NO_METRICS = ("experiment", "preset", "seed", "iterations", "train_seconds", "iterations_per_second")
"""What a table over runs leaves out of `metrics.json`."""

Metrics = dict[str, Any]


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")] = (),
    collect: Path | None = None,
    write: bool = False,
) -> None:
    """Print a table over runs, or the tables of the pages.

    Args:
        runs: Folders of finished runs of one experiment [default: print the tables of the pages].
        collect: Folder of finished runs, EXPERIMENT/[PRESET-]seedN, whose metrics `figures/reference` takes in.
        write: Put the tables into the pages.
    """
    if runs:
        print(over_seeds(runs))
        return
    if collect:
        keep(collect)
    for name, make in TABLES.items():
        print(f"{name}\n\n{make()}\n")
    if write:
        for page in PAGES:
            files.write_text(page, filled(page.read_text(encoding="utf-8")))
        print("written: the tables in docs/")


def summary(folder: Path) -> Metrics:
    """A finished run's metrics by name; the last, `reference`, is what its reference says of it."""
    metrics = run.read_metrics(folder)
    reference = run.find_reference(folder, REFERENCES)
    return {**_numbers(metrics), "reference": run.verdict(run.read_recording(folder), reference, metrics)}


def headline(metrics: Mapping[str, Any]) -> tuple[str, float]:
    """The one metric that a list of runs shows, with its name: the log-likelihood, or else the first."""
    numbers = _numbers(metrics)
    name = "log_likelihood" if "log_likelihood" in numbers else next(iter(numbers))
    return name, numbers[name]


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {n: float(v) for n, v in metrics.items() if isinstance(v, int | float) and n not in NO_METRICS}


def over_seeds(folders: Sequence[Path]) -> str:
    """The table of finished runs of the same metrics, with the median, the least and the greatest below."""
    rows = {folder.name: summary(folder) for folder in folders}
    (first, metrics), *others = rows.items()
    for name, row in others:
        if list(row) != list(metrics):
            raise run.Refused(f"{name} reports other metrics than {first}")
    *names, reference = metrics
    table: list[list[Any]] = [["", *(f"{n} ({UNITS[n]})" if n in UNITS else n for n in names), reference]]
    table += [[name, *row.values()] for name, row in rows.items()]
    for label, statistic in (("median", statistics.median), ("least", min), ("greatest", max)):
        table.append([label, *(statistic([row[name] for row in rows.values()]) for name in names), ""])
    return run.table(table)


def keep(folder: Path) -> None:
    """Keep the metrics of all finished runs in a folder: a file for each preset, a folder for each run on images.

    Runs whose settings differ from their preset's are left out, but those on images are rows of their own.
    """
    found = sorted(folder.glob("*/*/metrics.json"))
    if not found:
        raise run.Refused(f"--collect {folder} holds no finished run")
    presets: dict[str, Metrics] = {}
    for path in found:
        metrics = run.read_metrics(path.parent)
        versions = metrics.pop("versions", None) or run.read_config(path.parent)["versions"]  # theory.py has no config
        experiment, seed, name = metrics["experiment"], str(metrics["seed"]), path.parent.name
        if any(metric.startswith("last_iterate_") for metric in metrics):  # of an experiment on images
            (REFERENCES / experiment / name).mkdir(parents=True, exist_ok=True)
            for file in ("config.json", "history.csv", "metrics.json", "measures.json"):
                if path.with_name(file).exists():
                    shutil.copyfile(path.with_name(file), REFERENCES / experiment / name / file)
        elif not _changes(name, metrics):
            preset = f"{experiment}-{name}".removesuffix(f"-seed{seed}")
            presets.setdefault(preset, {})[seed] = metrics | {"commit": versions.get("commit")}
    for preset, seeds in presets.items():
        path = REFERENCES / "results" / f"{preset}.json"
        seeds = (json.loads(files.read_text(path)) if path.exists() else {}) | seeds
        files.write_text(path, json.dumps(dict(sorted(seeds.items(), key=lambda seed: int(seed[0]))), indent=1) + "\n")


def _changes(name: str, metrics: Metrics) -> str:
    # What differs from the preset, by the name of the run's folder: [PRESET-][NAME=VALUE-...]seedN
    name = name.removesuffix(f"seed{metrics['seed']}").removeprefix(f"{metrics['preset']}-")
    return re.sub(r"-(?=\w+=)", ", ", name.strip("-"))


def results(name: str) -> Any:
    """A file of `figures/reference/results`."""
    return json.loads(files.read_text(REFERENCES / "results" / f"{name}.json"))


def over_presets(names: str, columns: Mapping[str, tuple[str, int]]) -> str:
    """A table of presets: of each metric the median over the seeds, the least and the greatest; fresh seeds apart.

    Args:
        names: Of files of `figures/reference/results`, with spaces between them.
        columns: As `LINE`. A last one is added: how many runs their reference accepts and, if they report it, are
            within the limits of `vector_distances`.
    """
    rows = []
    for name, is_fresh in itertools.product(names.split(), (False, True)):
        seeds = [seed for seed in results(name).values() if (seed["seed"] >= FRESH) == is_fresh]
        if not seeds:
            continue
        cells = []
        for metric, (_, digits) in columns.items():
            values = [abs(s["value"] + math.log(4)) if metric == "value_gap" else s[metric] for s in seeds]
            median, least, greatest = (f"{f(values):.{digits}f}" for f in (statistics.median, min, max))
            cells.append(f"{median} ({least} to {greatest})")
        accepted = sum(seed["reference"].startswith("accepted") and seed.get("within_limits", True) for seed in seeds)
        verdict = "-" if seeds[0]["reference"] == "no reference" else f"{accepted} of {len(seeds)}"
        first, last = seeds[0], seeds[-1]
        labels = f"`{first['experiment']}`", f"`{first['preset']}`", f"{first['seed']} to {last['seed']}"
        rows.append((*labels, *cells, verdict))
    return markdown(("experiment", "preset", "seeds", *(header for header, _ in columns.values()), "accepted"), rows)


def theory() -> str:
    """The checks of `theory.py`: of each the greatest number over the seeds."""
    rows = []
    for checks in zip(*(seed["checks"] for seed in results("theory").values()), strict=True):
        claim, tolerance = checks[0]["claim"].replace("|", r"\|"), checks[0]["tolerance"]
        rows.append((claim, f"{max(check['measured'] for check in checks):.2g}", f"{tolerance:g}"))
    return markdown(("claim", "measured", "tolerance"), rows)


def image_runs(experiments: Sequence[str] = MNIST, has_nats: bool = True) -> dict[str, list[Metrics]]:
    """Of the kept runs of some experiments, `metrics.json` and `measures.json` together, a seed each.

    The keys are their presets, with the settings that differ, in the order of `ORDER`. A preset that is called
    `default` goes by its experiment's name. `has_nats` tells runs of MNIST from those of other data sets.
    """
    groups: dict[str, list[Metrics]] = {}
    paths = [path for name in experiments for path in REFERENCES.glob(f"{name}/*/metrics.json")]
    for path in sorted(paths):
        metrics, measured = run.read_metrics(path.parent), path.with_name("measures.json")
        metrics |= json.loads(files.read_text(measured)) if measured.exists() else {"measures": {}, "scale": {}}
        if ("log_likelihood" in metrics) != has_nats:
            continue
        name = metrics["experiment"] if metrics["preset"] == "default" else metrics["preset"]
        changes = _changes(path.parent.name, metrics)
        groups.setdefault(f"`{name}` with {changes}" if changes else f"`{name}`", []).append(metrics)
    return dict(sorted(groups.items(), key=lambda group: (ORDER.find(group[0].split("`")[1]), group[0])))


def table1() -> str:
    """Table 1: the paper's rows, ours, and what the estimator gives for samples that nobody generated.

    Ours are the mean and the standard deviation over seeds. The authors drew from G's last iterate: compare this row
    with their 225. TFD is not public, so that column cannot be measured again.
    """
    rows = [
        ("DBN", "138 ± 2", "1909 ± 66", "-"),
        ("Stacked CAE", "121 ± 1.6", "2110 ± 50", "-"),
        ("Deep GSN", "214 ± 1.1", "1890 ± 29", "-"),
        ("Adversarial nets", "225 ± 2", "2057 ± 26", "-"),
    ]
    for label, seeds in image_runs().items():
        for generator, metric in (("last iterate", "last_iterate_log_likelihood"), ("EMA", "log_likelihood")):
            nats = [seed[metric] for seed in seeds]
            spread = f" ± {statistics.stdev(nats):.1f}" if len(nats) > 1 else ""
            each = ", ".join(f"{seed:.1f}" for seed in nats)
            rows.append((f"{label}, {generator}", f"{statistics.mean(nats):.1f}{spread}", "-", each))
    scale = json.loads(files.read_text(REFERENCES / "mnist" / "scale.json"))
    rows += [(samples, f"{mean:.1f} ± {error:.1f}", "-", "-") for samples, (mean, error) in scale.items()]
    return markdown(("model", "MNIST (nats)", "TFD (nats)", "each seed"), rows)


def measures(experiments: Sequence[str] = MNIST, has_nats: bool = True) -> str:
    """What `image_measures.py` says of test images, of baselines and of kept runs: means over seeds.

    `nats, fine`: with a window of a finer choice of widths; runs that were measured before there was one have none. Of
    the ten classes' shares over those of test images: the least and the greatest.
    """
    scale: dict[str, list[Metrics]] = {}
    groups: dict[str, list[Metrics]] = {}
    for label, seeds in image_runs(experiments, has_nats).items():
        for seed in seeds:
            scale |= {samples: [row] for samples, row in seed["scale"].items()}
            for generator, row in seed["measures"].items():
                groups.setdefault(f"{label}, {generator}", []).append(row)
    (test,), rows = scale["test images"], []
    estimates = {"log_likelihood": "nats", "fine_log_likelihood": "nats, fine"} if has_nats else {}
    for label, seeds in {**scale, **groups}.items():
        cells = [
            f"{statistics.mean(seed[nats] for seed in seeds):.0f}" if all(nats in seed for seed in seeds) else "-"
            for nats in estimates
        ]
        for space in ("pixels", "features"):
            cells += [", ".join(f"{statistics.mean(seed[space][name] for seed in seeds):.2f}" for name in QUARTET)]
        cells += [f"{statistics.mean(seed[name] for seed in seeds):.{digits}f}" for name, digits in MEASURES.items()]
        ratios = [own / share for seed in seeds for own, share in zip(seed["classes"], test["classes"], strict=True)]
        rows.append((label, str(len(seeds)), *cells, f"{min(ratios):.2f} to {max(ratios):.2f}"))
    spaces = [f"{space}: {', '.join(QUARTET)}" for space in ("pixels", "features")]
    share = "share of a digit" if has_nats else "share of a class"
    last = "confident", "KL (nats)", "nearest", "copies", share
    return markdown(("samples", "seeds", *estimates.values(), *spaces, *last), rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as GitHub shows it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


UNIFORM = "uniform_to_gaussian uniform_to_gaussian-document uniform_to_gaussian-linear"
TABLES: dict[str, Callable[[], str]] = {
    "gaussian": lambda: over_presets("gaussian gaussian-standard gaussian-mixture", GAUSSIAN),
    "vectors": lambda: over_presets("vectors vectors-notebook", VECTORS),
    "conditional": lambda: over_presets("conditional", CONDITIONAL),
    "theory": theory,
    "table1": table1,
    "measures": measures,
    "cifar10": lambda: measures(["cifar10"], has_nats=False),
    "numpy_gan": lambda: over_presets("numpy_gan numpy_gan-document", LINE),
    "uniform_to_gaussian": lambda: over_presets(UNIFORM, LINE),
    "sine": lambda: over_presets("sine sine-document", SINE),
}
"""By its name in a page, what makes a table."""


def filled(page: str) -> str:
    """A page with its tables as the data have them."""

    def table(found: re.Match[str]) -> str:
        return f"<!-- table {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


if __name__ == "__main__":
    with run.exit_statuses():
        tyro.cli(main, description=__doc__)
