"""How fast is it? `python experiments/benchmark.py [--case scalar ...] [--rounds 5] [--json PATH] [--picture PATH]`.

The same training in several frameworks, side by side; `pip install '.[bench]'` brings them. Each contender has a
process of its own. They take turns, one at a time, round after round, so that a ratio compares neighbours in time.
Compilation is left out; drawing the random numbers is counted, by each in its own way.

Cases (`contenders/cases.py`):
  scalar               the published notebook's networks on one number; m = 100, k = 1, plain descent
  uniform_to_gaussian  preset `matched` of its experiment; m = 512, k = 2, Adam, falling rates
  notebook             the notebook's networks on vectors of 1,000; m = 100, k = 1, plain descent
  sine                 preset `document` of its experiment; m = 32, k = 1, dropout, Adam
  mnist                preset `paper` of its experiment: maxout, dropout, momentum; m = 100, k = 1
  parzen               the log-likelihood of 10,000 points under 10,000 samples of 784 entries; an iteration is a point

Before it is timed, every contender that trains gets our initial weights and our minibatches, and must come, without
dropout, to our objectives in each of 20 iterations, within 0.001 nats, and to our weights, within 2 % of the way that
they went; every estimator must give the exact log-likelihoods within 0.02 nats. Where there are several ways to run a
contender (threads, XLA or not, where JAX draws), each passes that check, and the fastest plays.

What differs by nature: the notebook's loop keeps its published form, whose D is frozen in Keras 3 and whose `fit` takes
batches of 32, so that only its first objectives are compared; finite data are drawn with replacement, by ours in `sine`
in shuffled epochs; dropout's masks are each framework's own.

The limit is what no implementation can do without: the matrix products of an iteration and its random numbers, each
timed alone in the same rounds. Ours draws while it trains, so the sum of both is not beyond its reach.

In the file of `--json`, cases that are not measured now stay, if they are of this machine and these versions.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import tyro
from contenders import ESTIMATORS, GAMES, Entry

from gan_paper import files, runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CaseName = Literal["scalar", "uniform_to_gaussian", "notebook", "sine", "mnist", "parzen"]
ContenderName = Literal[
    "notebook", "train_on_batch", "train_step", "torch", "torch_compile", "jax", "jax_one_thread", "numpy",
    "kernel_density", "broadcast", "products", "draws",
]  # fmt: skip
PACKAGES = ("gan-paper", "keras", "tensorflow", "torch", "jax", "jaxlib", "optax", "scikit-learn", "numpy", "scipy")


STYLE: Any = {"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False}


@dataclass(frozen=True)
class Measurement:
    """What the scripts that measure have in common."""

    rounds: int = 5
    """Rounds, at least 1; in each, everything is timed once."""
    json: Path | None = None
    """File for all figures."""
    picture: Path | None = None
    """File for the picture, a .png; a .pdf is written beside it."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"--rounds must be at least 1, not {self.rounds}")
        if self.picture and self.picture.suffix != ".png":
            raise ValueError(f"--picture must end in .png, not {self.picture}")
        for flag, path in (("--json", self.json), ("--picture", self.picture)):
            if path and (path.is_dir() or not path.parent.is_dir()):
                raise ValueError(f"{flag} must be a file in a folder that exists, not {path}")

    def write(self, results: Mapping[str, Any], measured: str, draw: Callable[[Any], "Figure"]) -> None:
        """Write the files that were asked for; `measured` is the key of what `draw` shows."""
        if self.json:
            files.write_text(self.json, json.dumps(results, indent=2) + "\n")
        if self.picture:
            config = {key: value for key, value in results.items() if key != measured}
            runs.save_picture(self.picture, draw(results[measured]), config)


@dataclass(frozen=True)
class Arguments(Measurement):
    """Time this project's training against what else there is."""

    case: tuple[CaseName, ...] = ("scalar", "uniform_to_gaussian", "notebook", "sine", "mnist", "parzen")
    """What is trained or estimated."""
    contenders: tuple[ContenderName, ...] = ()
    """Whom to time beside ours [default: all that are installed]."""
    seconds: float = 1.5
    """About how long a turn lasts; one iteration, or one compiled call, is the least."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.seconds <= 3600:
            raise ValueError(f"--seconds must be a number above 0, up to 3600, not {self.seconds}")
        if not self.case:
            raise ValueError("--case must name at least one case")
        for name in self.contenders:
            if not installed(entry := {**GAMES, **ESTIMATORS}[name]):
                raise ValueError(f"--contenders {name} needs {entry.package}: pip install '.[bench]'")


class Failed(Exception):
    """A contender's process ended without an answer; the last line that it wrote."""


class Child:
    """The process of one contender.

    Args:
        case: The case.
        name: The contender.
        folder: A temporary one, for the reference and what the process prints.
        seconds: That a turn is to last.
    """

    def __init__(self, case: str, name: str, folder: Path, seconds: float) -> None:
        here = str(Path(__file__).parent)
        paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "contenders.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
            )  # fmt: skip
        self.first = {"case": case, "contender": name, "reference": str(folder / "reference.npz"), "seconds": seconds}

    def prepare(self) -> dict[str, Any]:
        """Its answer once it has passed its check and is warm, or what is in its way."""
        return self.ask(self.first)

    def time(self, iterations: int) -> float:
        """Seconds an iteration, over so many."""
        return self.ask({"iterations": iterations})["seconds"] / iterations

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """One line there, one line back.

        Raises:
            Failed: if none comes back.
        """
        assert self.process.stdin and self.process.stdout
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            lines = self.log.read_text(errors="replace").split("\n")
            raise Failed(next((line for line in reversed(lines) if line.strip()), "no answer"))
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


def main(arguments: Arguments) -> None:
    """Time, print, write.

    Raises:
        SystemExit: with status 1 if a contender failed or does not do what ours does.
    """
    results = {"experiment": "benchmark", **setting()}
    results["cases"] = measured_before(arguments.json, results)
    print(f"{results['cpu']}, {results['cores']} cores, load {os.getloadavg()[0]:.1f}")
    print(", ".join(f"{package} {version}" for package, version in results["versions"].items()))
    for case in arguments.case:
        measured = measure(case, arguments)
        cases = {**results["cases"], case: measured}
        results["cases"] = {name: cases[name] for name in get_args(CaseName) if name in cases}
        print(f"\n{case}\n{report(measured)}", flush=True)
        arguments.write(results, "cases", picture)
    if wrong := [f"{case}: {name}" for case in arguments.case for name in results["cases"][case]["wrong"]]:
        print(f"{Path(sys.argv[0]).name}: failed or not as ours: {', '.join(wrong)}", file=sys.stderr)
        sys.exit(1)


def measured_before(path: Path | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """The cases in a file that this machine wrote, with these versions; none if it is another one's, or not there."""
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
        earlier = json.loads(files.read_text(path)) if path else {}
        held = earlier.pop("cases")
        cases = {name: held[name] for name in get_args(CaseName) if name in held}
        contenders = [contender for measured in cases.values() for contender in measured["contenders"].values()]
        if earlier == now and all(contender["label"] and min(contender["seconds"]) > 0 for contender in contenders):
            return cases
    return {}


def setting() -> dict[str, Any]:
    """The machine and the versions."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "versions": versions}


def installed(entry: Entry) -> bool:
    """Whether a contender's package is there."""
    return entry.package is None or importlib.util.find_spec(entry.package) is not None


def measure(case: str, arguments: Arguments) -> dict[str, Any]:
    """Start the contenders of a case, and time them in turn.

    Returns:
        `contenders`: by name, what each is and its seconds an iteration, round by round; `absent`, by label, and
        `wrong`, by name: why one is not among them; `targets`.
    """
    from contenders.cases import CASES

    entries = ESTIMATORS if case == "parzen" else GAMES
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
    targets = {name: target for name, target in CASES[case]().targets.items() if name in contenders}
    return {
        "rounds": arguments.rounds,
        "contenders": contenders,
        "absent": absent,
        "wrong": wrong,
        "targets": targets,
        "ratios": ratios({name: contender["seconds"] for name, contender in contenders.items()}),
    }


def ratios(seconds: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float, float]]:
    """Every contender's time over ours in the same round: the median, the least and the greatest.

    `limit` is that of matrix products and random numbers together, where both were timed, or of the products alone
    where nothing is drawn.
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


def report(measured: Mapping[str, Any]) -> str:
    """A case's table."""
    header = ("", "median", "least", "greatest", "times ours (least to greatest)", "target", "met", "checked to", "run")
    rows: list[Sequence[Any]] = [header]
    for name, contender in measured["contenders"].items():
        times, agreement = contender["seconds"], contender["agreement"]
        ratio, target = measured["ratios"].get(name), measured["targets"].get(name)
        rows.append(
            (
                contender["label"],
                *(duration(figure(times)) for figure in (statistics.median, min, max)),
                f"{ratio[0]:,.3g} ({ratio[1]:,.3g} to {ratio[2]:,.3g})" if ratio else "",
                f"{target:,.3g}" if target else "",
                ("yes" if ratio[0] >= target else "NO") if ratio and target else "",
                ", ".join(f"{key} {value:.0e}" for key, value in agreement.items()),
                contender["variant"],
            )
        )
    lines = [runs.table(rows)]
    if limit := measured["ratios"].get("limit"):
        lines.append(f"the limit over ours: {limit[0]:.3g} ({limit[1]:.3g} to {limit[2]:.3g})")
    entries = {**ESTIMATORS, **GAMES}
    lines += [f"{c['label']}: {c['differs']}" for c in measured["contenders"].values() if c["differs"]]
    lines += [f"{entries[name].label} is left out: {reason}" for name, reason in measured["absent"].items()]
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    unit, factor = next(((u, f) for u, f in (("s", 1.0), ("ms", 1e3)) if seconds * f >= 1), ("us", 1e6))
    return f"{seconds * factor:.3g} {unit}"


def picture(cases: Mapping[str, Mapping[str, Any]]) -> "Figure":
    """A panel a case: the median time of an iteration, on a logarithmic axis, from the least to the greatest."""
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
