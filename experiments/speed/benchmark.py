"""How fast is training? `python experiments/speed/benchmark.py [--case gaussian ...] [--rounds 5] [--json PATH]`.

The same training runs in several frameworks, side by side; `pip install '.[bench]'` brings them. Each contender has a
process of its own. They take turns, one at a time, round after round, so that a ratio compares neighbours in time.
Compiling is not counted. Drawing the random numbers is, by each contender in its own way.

A case is a preset of an experiment: the GAN that its script makes, with its networks, rules, schedules and averages.
`contenders/presets.py` describes that GAN to the other frameworks. On MNIST the pixels are random. `parzen` is the
log-likelihood of 10,000 points under 10,000 samples of 784 entries; an iteration is a point.

Before it is timed, a contender that trains is checked. It gets our initial weights and our minibatches, and makes 20
iterations without dropout, in which rates and momentum change as in a whole run. In each, its objectives must be ours
within 0.001 nats. Its weights must end where ours do, within 2 % of the way that ours went, and so must the averages of
the iterates. An estimator must give the exact log-likelihoods within 0.02 nats. Some contenders can run in several
ways (threads, XLA or not, where JAX draws): each way is checked, and the fastest is timed.

The Keras notebook's loop (https://github.com/ronvree/GAN_Intro) is the exception. It keeps its published form, and in
Keras 3 its D does not move. So it does not come to our weights, and only its first objectives are compared with ours:
those of the initial weights. Its G must move. Its `fit` takes batches of 32, and it keeps no averages. It is timed on
the notebook's layers alone, in `gaussian` and `gaussian-notebook`.

Two more things differ by nature. Finite data are drawn with replacement; ours goes through them in shuffled epochs in
`sine`. Dropout's masks are each framework's own.

The limit is what no implementation can do without: the matrix products of an iteration and its random numbers, each
timed alone in the same rounds. Ours draws while it trains, so it can be faster than the sum of both. Beside the speed
of the products stands the machine's own: that of one large product, by the same library on as many threads.

The file of `--json` keeps the cases that are not measured now, if they are of this machine and these versions.
"""

import contextlib
import importlib.util
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from gan_paper import runs
from gan_paper.runs import files

import tyro
from contenders import ESTIMATORS, GAMES, Entry
from contenders.child import Child, Failed
from measurement import STYLE, Measurement, duration, setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CaseName = Literal[
    "gaussian", "gaussian-vectors", "gaussian-notebook", "uniform_to_gaussian", "sine", "mnist-released", "mnist-paper",
    "mnist-dense", "parzen",
]  # fmt: skip
ContenderName = Literal[
    "notebook", "train_on_batch", "train_step", "torch", "torch_compile", "jax", "jax_one_thread", "numpy",
    "kernel_density", "broadcast", "products", "draws",
]  # fmt: skip

AHEAD, LIMIT = 1.0, 0.7
"""The multiples of our time that every contender and the limit should take at least, where `TARGETS` has no other."""
TARGETS = {"gaussian": {"jax": 2.0, "torch": 4.0}, "parzen": {"kernel_density": 20.0, "limit": 1 / 1.3}}


@dataclass(frozen=True)
class Arguments(Measurement):
    """Time this project's training and its Parzen estimate against those of other frameworks."""

    case: tuple[CaseName, ...] = get_args(CaseName)
    """Cases to time."""
    contenders: tuple[ContenderName, ...] = ()
    """Contenders to time beside ours [default: all that are installed]."""
    seconds: float = 1.5
    """Seconds that a turn lasts, about; it is one iteration, or one compiled call, at least."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.seconds <= 3600:
            raise ValueError(f"--seconds must be a number above 0, up to 3600, not {self.seconds}")
        if not self.case:
            raise ValueError("--case must name at least one case")
        for name in self.contenders:
            if not installed(entry := {**GAMES, **ESTIMATORS}[name]):
                raise ValueError(f"--contenders {name} needs {entry.package}: pip install '.[bench]'")


def main(arguments: Arguments) -> None:
    """Time the cases one after the other; print and write what is known after each.

    Raises:
        SystemExit: with status 1 if a contender failed, or differs from ours.
    """
    results = {"experiment": "benchmark", **setting()}
    results["cases"] = measured_before(arguments.json, results)
    print(f"{results['cpu']}, {results['cores']} cores, load {os.getloadavg()[0]:.1f}")
    print(", ".join(f"{package} {version}" for package, version in results["versions"].items()))
    for case in arguments.case:
        measured = measure(case, arguments)
        cases = {**results["cases"], case: measured}
        results["cases"] = {name: cases[name] for name in get_args(CaseName) if name in cases}
        print(f"\n{case}\n{report(case, measured)}", flush=True)
        arguments.write(results, "cases", picture)
    if wrong := [f"{case}: {name}" for case in arguments.case for name in results["cases"][case]["wrong"]]:
        print(f"{Path(sys.argv[0]).name}: failed or not as ours: {', '.join(wrong)}", file=sys.stderr)
        sys.exit(1)


def measured_before(path: Path | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """Read the cases of an earlier file.

    Args:
        path: The file, if there is one.
        now: This machine and these versions.

    Returns:
        The cases, by name; none if the file is of another machine or of other versions, or is damaged.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
        earlier = json.loads(files.read_text(path)) if path else {}
        held = earlier.pop("cases")
        cases = {name: held[name] for name in get_args(CaseName) if name in held}
        contenders = [contender for measured in cases.values() for contender in measured["contenders"].values()]
        if earlier == now and all(contender["label"] and min(contender["seconds"]) > 0 for contender in contenders):
            return cases
    return {}


def entries_of(case: str) -> Mapping[str, Entry]:
    """List the contenders of a case, by name."""
    return ESTIMATORS if case == "parzen" else GAMES


def installed(entry: Entry) -> bool:
    """Say whether a contender's package is installed."""
    return entry.package is None or importlib.util.find_spec(entry.package) is not None


def measure(case: str, arguments: Arguments) -> dict[str, Any]:
    """Start the contenders of a case, and time them in turn.

    Returns:
        `contenders` has, by name, what each one is and its seconds an iteration, round by round. `absent` has, by name,
        the reason why one is not among them; `wrong` has those of them that failed or differ. `ratios` and `targets`
        have times over ours, by name.
    """
    entries = entries_of(case)
    chosen = [name for name in entries if name == "ours" or not arguments.contenders or name in arguments.contenders]
    contenders: dict[str, dict[str, Any]] = {}
    absent: dict[str, str] = {}
    wrong: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        children: dict[str, Child] = {}
        with runs.progress(f"{case}: preparing") as tick:
            for i, name in enumerate(chosen):  # ours comes first, and writes the reference
                tick(i, len(chosen))
                if not installed(entries[name]):
                    absent[name] = f"needs {entries[name].package}: pip install '.[bench]'"
                    continue
                child = Child(case, name, Path(folder), arguments.seconds)
                stack.callback(child.close)
                try:
                    facts = child.prepare()
                except Failed as failure:
                    facts = {"differs": f"failed: {failure}"}
                if "unavailable" in facts:
                    absent[name] = facts["unavailable"]
                elif "differs" in facts:
                    absent[name] = wrong[name] = facts["differs"]
                    if name == "ours":
                        raise runs.Refused(f"ours, which the others are compared with: {facts['differs']}")
                else:
                    children[name] = child
                    contenders[name] = {
                        "label": entries[name].label, "differs": entries[name].differs, **facts, "seconds": [],
                    }  # fmt: skip
        with runs.progress(f"{case}: timing") as tick:
            for turn in range(arguments.rounds * len(children)):
                tick(turn, arguments.rounds * len(children))
                name = list(children)[turn % len(children)]
                try:
                    contenders[name]["seconds"].append(children[name].time(contenders[name]["turn"]))
                except Failed as failure:
                    raise runs.Refused(f"{case}: {entries[name].label} ended while it was timed: {failure}") from None
    measured = ratios({name: contender["seconds"] for name, contender in contenders.items()})
    targets = {name: LIMIT if name == "limit" else AHEAD for name in measured if name not in ("products", "draws")}
    return {
        "rounds": arguments.rounds,
        "contenders": contenders,
        "absent": absent,
        "wrong": wrong,
        "targets": {name: TARGETS.get(case, {}).get(name, target) for name, target in targets.items()},
        "ratios": measured,
    }


def ratios(seconds: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float, float]]:
    """Divide every contender's times by ours in the same rounds.

    Returns:
        The median, the least and the greatest, by name. `limit` is the sum of products and draws; it is the products
        alone where nothing is drawn.
    """
    series = {name: times for name, times in seconds.items() if name != "ours"}
    if "products" in series:
        nothing = [0.0] * len(series["products"])
        series["limit"] = [a + b for a, b in zip(series["products"], series.get("draws", nothing), strict=True)]
    quotients = {
        name: [theirs / ours for theirs, ours in zip(times, seconds["ours"], strict=True)]
        for name, times in series.items()
    }
    return {name: (statistics.median(values), min(values), max(values)) for name, values in quotients.items()}


def report(case: str, measured: Mapping[str, Any]) -> str:
    """Write a case's table, and below it who differs or is left out."""
    header = ("", "median", "least", "greatest", "times ours (least to greatest)", "target", "met", "checked to", "run")
    rows: list[Sequence[Any]] = [header]
    limit = {"limit": {"label": "the limit, products and draws", "seconds": [], "agreement": {}, "variant": ""}}
    for name, contender in {**measured["contenders"], **(limit if "limit" in measured["ratios"] else {})}.items():
        times, agreement = contender["seconds"], contender["agreement"]
        ratio, target = measured["ratios"].get(name), measured["targets"].get(name)
        rows.append(
            (
                contender["label"],
                *(duration(figure(times)) if times else "" for figure in (statistics.median, min, max)),
                f"{ratio[0]:,.3g} ({ratio[1]:,.3g} to {ratio[2]:,.3g})" if ratio else "",
                f"{target:,.3g}" if target else "",
                ("yes" if ratio[0] >= target else "NO") if ratio and target else "",
                ", ".join(f"{key} {value:.0e}" for key, value in agreement.items()),
                contender["variant"],
            )
        )
    lines = [runs.table(rows)]
    if "peak" in (products := measured["contenders"].get("products", {})):
        speed = products["operations"] / statistics.median(products["seconds"])
        lines.append(f"the products run at {speed / 1e9:.3g} GFLOP/s; one large one at {products['peak'] / 1e9:.3g}")
    lines += [f"{c['label']}: {c['differs']}" for c in measured["contenders"].values() if c["differs"]]
    lines += [f"{entries_of(case)[name].label} is left out: {reason}" for name, reason in measured["absent"].items()]
    return "\n".join(lines)


def picture(cases: Mapping[str, Mapping[str, Any]]) -> "Figure":
    """Draw a panel for each case: a contender's dot is its median time, its bar goes from the least to the greatest."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        columns = min(2, len(cases))
        grid = -(-len(cases) // columns), columns
        figure, axes = plt.subplots(*grid, figsize=(3.9 * columns, 1.9 * grid[0]), squeeze=False, layout="constrained")
        for ax in axes.flat[len(cases) :]:
            ax.remove()
        for ax, (case, measured) in zip(axes.flat, cases.items(), strict=False):
            for y, (times, colour) in enumerate(_dots(measured)):
                median = statistics.median(times)
                ax.plot([min(times), max(times)], [y, y], color=colour, linewidth=2.5, alpha=0.4)
                ax.plot(median, y, "o", color=colour, markersize=4)
                ax.annotate(duration(median), (max(times), y), (4, 0), textcoords="offset points", va="center", size=6)
            labels = [contender["label"] for contender in measured["contenders"].values()]
            ax.set(title=case, xscale="log", yticks=range(len(labels)), yticklabels=labels)
            ax.margins(x=0.18, y=0.08)
            ax.invert_yaxis()
            ax.grid(axis="x", linewidth=0.3)
            ax.set_xlabel("seconds a point" if case == "parzen" else "seconds an iteration")
    return figure


def _dots(measured: Mapping[str, Any]) -> Iterator[tuple[Sequence[float], str]]:
    colours = {"ours": "tab:green", "products": "0.6", "draws": "0.6"}
    for name, contender in measured["contenders"].items():
        yield contender["seconds"], colours.get(name, "tab:blue")


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
