"""The tables of the pages in `docs/`, made from `figures/reference`; `tables.py --write` puts them into the pages."""

import itertools
import json
import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_paper import run
from gan_paper.run import files

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
"""Where the tables are, each between `<!-- table NAME -->` and `<!-- end -->`."""
REFERENCES = ROOT / "figures" / "reference"

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
MEASURES = {"confident": 2, "kl": 3, "nearest": 2, "copies": 3}
"""The other measures of `image_measures.py`, and their digits after the point."""
MNIST = "mnist", "mnist_dense", "dcgan", "mnist_conditional"
"""The experiments of Table 1."""
ORDER = "sharp released crisp paper mnist_dense dcgan mnist_conditional full full-small conv-small"
"""Order of the rows of tables of runs on images."""
FRESH = 1000
"""Seeds from here on were run once, with the final settings. Lower ones were seen while settings were chosen."""

Metrics = dict[str, Any]


def changed_settings(name: str, metrics: Metrics) -> str:
    """What differs from the preset, by the name of the run's folder, [PRESET-][NAME=VALUE-...]seedN."""
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
        changes = changed_settings(path.parent.name, metrics)
        groups.setdefault(f"`{name}` with {changes}" if changes else f"`{name}`", []).append(metrics)
    return dict(sorted(groups.items(), key=lambda group: (ORDER.find(group[0].split("`")[1]), group[0])))


def baselines(groups: Mapping[str, Sequence[Metrics]]) -> dict[str, Metrics]:
    """The measures of samples that no generator made, by name; of those that were measured again, the fuller row."""
    found: dict[str, Metrics] = {}
    for seed in itertools.chain(*groups.values()):
        found |= {samples: row for samples, row in seed["scale"].items() if len(row) >= len(found.get(samples, {}))}
    return found


def table1() -> str:
    """Table 1: the paper's rows, ours, and what the estimator gives for samples that no generator made.

    Ours are the mean and the standard deviation over seeds. The authors drew from G's last iterate: compare this row
    with their 225. TFD is not public, so that column cannot be measured again.
    """
    rows = [
        ("DBN", "138 ± 2", "1909 ± 66", "-"),
        ("Stacked CAE", "121 ± 1.6", "2110 ± 50", "-"),
        ("Deep GSN", "214 ± 1.1", "1890 ± 29", "-"),
        ("Adversarial nets", "225 ± 2", "2057 ± 26", "-"),
    ]
    for label, seeds in (groups := image_runs()).items():
        for generator, metric in (("last iterate", "last_iterate_log_likelihood"), ("EMA", "log_likelihood")):
            nats = [seed[metric] for seed in seeds]
            spread = f" ± {statistics.stdev(nats):.1f}" if len(nats) > 1 else ""
            each = ", ".join(f"{seed:.1f}" for seed in nats)
            rows.append((f"{label}, {generator}", f"{statistics.mean(nats):.1f}{spread}", "-", each))
    for samples, row in baselines(groups).items():
        if "standard_error" in row:
            rows.append((samples, f"{row['log_likelihood']:.1f} ± {row['standard_error']:.1f}", "-", "-"))
    return markdown(("model", "MNIST (nats)", "TFD (nats)", "each seed"), rows)


def measures(experiments: Sequence[str] = MNIST, has_nats: bool = True) -> str:
    """What `image_measures.py` says of test images, of baselines and of kept runs: means over seeds.

    `nats, fine`: with a window of a finer choice of widths; runs that were measured before there was one have none. Of
    the ten classes' shares over those of test images: the least and the greatest.
    """
    runs = image_runs(experiments, has_nats)
    groups = {samples: [row] for samples, row in baselines(runs).items()}
    for label, seeds in runs.items():
        for generator, row in itertools.chain(*(seed["measures"].items() for seed in seeds)):
            groups.setdefault(f"{label}, {generator}", []).append(row)
    (test,), rows = groups["test images"], []
    estimates = {"log_likelihood": "nats", "fine_log_likelihood": "nats, fine"} if has_nats else {}
    for label, seeds in groups.items():
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
