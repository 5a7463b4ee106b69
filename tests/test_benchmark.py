"""experiments/speed/benchmark.py and its contenders: who trains as ours does, and what the figures say."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from contenders import ESTIMATORS, GAMES, worker
from contenders.cases import CASES, Estimation, Layer, Rule
from contenders.contender import Differs, Reference, distance
from contenders.limits import BY_SOURCE, Draws, factors

from gan_paper.distributions import Gaussian
from tests.conftest import ROOT, experiment


@pytest.fixture(scope="module")
def benchmark():
    return experiment("speed/benchmark")


def load(name, entries=GAMES):
    if package := entries[name].package:
        pytest.importorskip(package)
    return entries[name].load()


def by_hand(case):
    """A reference by the oracle, which takes no time to compile."""
    rng = np.random.default_rng(0)
    shapes = [shape for layer in case.layers for shape in ((layer.inputs, layer.columns), (layer.columns,))]
    initial = [rng.uniform(-0.3, 0.3, shape).astype(np.float32) for shape in shapes]
    x, z = (source.sample((3, *shape), 0) for source, shape in ((case.p_data, case.x_shape), (case.p_z, case.z_shape)))
    oracle = load("numpy")(case, initial, "")
    return Reference(initial, x, z, oracle.learn(x, z), [np.copy(w) for w in oracle.weights()])


CASE = replace(CASES["small"](), m=8, k=2, chunk=4, rule=Rule("sgd", 0.05, 0.3, momentum=0.5))


@pytest.mark.parametrize("name", ["ours", "notebook", "train_on_batch", "train_step", "torch", "jax"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of other people's packages
def test_every_contender_trains_as_the_oracle_does(name):
    contender = load(name)
    apart = contender.check(CASE, by_hand(CASE), contender.variants()[-1])
    assert all(value < 1e-5 for value in apart.values())


@pytest.mark.parametrize("name", ["torch", "jax", "numpy"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_timed_trains(name):
    contender = load(name)
    timed = contender(CASE, by_hand(CASE).initial, contender.variants()[0])
    before = [np.copy(w) for w in timed.weights()]
    timed.run(4)
    assert all(np.isfinite(w).all() and (w != b).any() for w, b in zip(timed.weights(), before, strict=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_adam_and_falling_rates():
    game = CASES["uniform_to_gaussian"]()
    case = replace(game, m=8, chunk=4, rule=replace(game.rule, decay=0.5))
    reference = load("ours").reference(case, 3)
    for name in ("torch", "jax"):
        contender = load(name)
        contender.check(case, reference, contender.variants()[0])
        for wrong in ({"decay": 0.4}, {"momentum": 0.9}, {"g_rate": 2e-3}):
            with pytest.raises(Differs, match="weights"):
                contender.check(replace(case, rule=replace(case.rule, **wrong)), reference, contender.variants()[0])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_maxout_and_dropout():
    """JAX's and PyTorch's own against each other: ours are tested elsewhere, and MNIST's networks are slow to build."""
    jax_loops, torch_loops = (pytest.importorskip(f"contenders.{name}_loops") for name in ("jax", "torch"))
    import jax
    import torch

    layers = (Layer(6, 4, "maxout"), Layer(4, 1, dropout=0.5))
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((6, 20), (20,), (4, 1), (1,))]
    x = rng.normal(size=(1000, 6)).astype(np.float32)
    network = torch_loops.sequential(layers, weights)
    with torch.no_grad():
        whole, dropped = network.eval()(torch.from_numpy(x)).numpy(), network.train()(torch.from_numpy(x)).numpy()
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    assert np.allclose(jax_loops.forward(layers, pairs, x), whole, atol=1e-5)
    masks = [None, jax.random.bernoulli(jax.random.key(0), 0.5, (1000, 4))]
    others = np.asarray(jax_loops.forward(layers, pairs, x, masks))
    assert dropped.std() == pytest.approx(others.std(), rel=0.1) and dropped.std() > 1.2 * whole.std()


def test_a_broken_contender_is_caught():
    numpy, reference = load("numpy"), by_hand(CASE)

    class ForgetsItsBias(numpy):
        def learn(self, x, z):
            self.D.layers[0].bias = None
            return super().learn(x, z)

    class Halves(numpy):
        def learn(self, x, z):
            self.d_rule.rate /= 2
            return super().learn(x, z)

    class Lies(numpy):
        def learn(self, x, z):
            return super().learn(x, z) + 0.01

    class Breaks(numpy):
        def learn(self, x, z):
            return super().learn(x, z) * np.nan

    numpy.check(CASE, reference, "")
    for broken in (Halves, Lies, Breaks):
        with pytest.raises(Differs, match="differ by"):
            broken.check(CASE, reference, "")
    with pytest.raises(ValueError, match="zip"):
        ForgetsItsBias.check(CASE, reference, "")


def test_a_process_answers(benchmark, tmp_path):
    reference = by_hand(CASES["small"]())
    reference.save(tmp_path / "reference.npz")
    read = Reference.load(tmp_path / "reference.npz")
    assert distance(CASE, read.final, reference) == 0 and np.array_equal(read.z, reference.z)

    child = benchmark.Child("small", "numpy", tmp_path, 0.01)
    facts = child.prepare()
    assert facts["agreement"]["weights"] < 1e-5 and facts["turn"] >= 1
    assert 0 < child.time(2) < 10
    child.process.kill()
    child.process.wait()
    with pytest.raises(benchmark.Failed):
        child.time(2)
    child.close()

    reference._replace(objectives=reference.objectives + 0.01).save(tmp_path / "reference.npz")
    child = benchmark.Child("small", "numpy", tmp_path, 0.01)
    assert "differ by 0.01" in child.prepare()["differs"]
    child.close()

    child = benchmark.Child("small", "nobody", tmp_path, 0.01)
    with pytest.raises(benchmark.Failed, match="KeyError: 'nobody'"):
        child.prepare()
    child.close()


def test_a_passing_load_chooses_no_variant(monkeypatch):
    class Variants:
        chunk = 10

        def __init__(self, case, initial, variant):
            self.paces = iter({"slow": [2, 2, 2], "fast": [9, 1, 1]}[variant])

        @classmethod
        def variants(cls):
            return "slow", "fast"

    monkeypatch.setitem(ESTIMATORS, "variants", SimpleNamespace(load=lambda: Variants))
    monkeypatch.setattr(worker, "seconds_per_iteration", lambda contender, at_least: next(contender.paces))
    _, facts = worker.prepare("parzen", "variants", Path(), 15.0)
    assert facts["variant"] == "fast" and facts["turn"] == 20  # chunks of 10 that last 15 seconds


def test_draws_are_of_an_iterations_shapes(monkeypatch):
    shapes, sample = [], Gaussian.sample
    monkeypatch.setattr(Gaussian, "sample", lambda self, shape, seed: shapes.append(shape) or sample(self, shape, seed))
    Draws(CASE, [], BY_SOURCE).run(3)
    assert shapes == [(1, 2, 8, 1)] * 3
    for variant in Draws.variants():
        Draws(CASE, [], variant).run(8)


@pytest.mark.parametrize("name", ["ours", "kernel_density", "broadcast"])
def test_estimators_agree(name):
    case, estimator = Estimation("small", 200, 50, 0.3), load(name, ESTIMATORS)
    assert estimator.check(case, None, estimator.variants()[0])["nats"] < 1e-3
    estimator(case, None, estimator.variants()[0]).run(250)


def test_a_wrong_estimator_is_caught():
    broadcast = load("broadcast", ESTIMATORS)

    class Wider(broadcast):
        def log_likelihood(self, points):
            self.sigma = 0.31
            return super().log_likelihood(points)

    with pytest.raises(Differs, match="nats"):
        Wider.check(Estimation("small", 200, 50, 0.3), None, "1 point at once")


def test_the_products_of_an_iteration():
    """The paper's networks: 1.8 million multiplications an image, 2 G forwards and so on, counted by hand."""
    case = CASES["mnist"]()
    g, d = [100 * 1200, 1200 * 1200, 1200 * 784], [784 * 1200, 240 * 1200, 240]
    d_step = sum(g) + 2 * (2 * sum(d) + sum(d[1:]))
    g_step = sum(g) + 2 * sum(d) + sum(g) + sum(g[1:])
    assert sum(a * b * c for (a, b), (_, c) in factors(case)) == case.m * (d_step + g_step)


def test_ratios_are_those_of_neighbours_in_time(benchmark):
    seconds = {"ours": [1.0, 2.0, 4.0], "jax": [2.0, 6.0, 4.0], "products": [0.5, 0.5, 1.0], "draws": [0.1, 0.1, 0.2]}
    ratios = benchmark.ratios(seconds)
    assert ratios["jax"] == (2, 1, 3)
    assert ratios["limit"] == pytest.approx((0.3, 0.3, 0.6))
    del seconds["draws"]
    assert benchmark.ratios(seconds)["limit"] == (0.25, 0.25, 0.5)
    assert [benchmark.duration(t) for t in (2.0, 0.25, 0.00125, 1.25e-6)] == ["2 s", "250 ms", "1.25 ms", "1.25 us"]


class Canned:
    """In place of a process: its answers."""

    def __init__(self, case, name, folder, seconds):
        self.name = name

    def prepare(self):
        if self.name == "jax":
            return {"differs": "objectives differ"}
        if self.name == "numpy":
            return {"unavailable": "no such layer"}
        return {"variant": "v", "agreement": {"weights": 1e-7}, "turn": 3}

    def time(self, iterations):
        assert iterations == 3
        return {"ours": 1e-4, "notebook": 1.0}.get(self.name, 1e-3)

    def close(self):
        pass


def test_the_table_the_file_and_the_picture(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "Child", Canned)
    monkeypatch.setattr(benchmark, "installed", lambda entry: entry.package != "torch")
    arguments = benchmark.Arguments(
        case=("small", "parzen"), rounds=2, json=tmp_path / "b.json", picture=tmp_path / "b.png"
    )
    with pytest.raises(SystemExit, match="1"):
        benchmark.main(arguments)
    printed = capsys.readouterr()
    assert "small: jax" in printed.err and "is left out: objectives differ" in printed.out
    assert "pip install '.[bench]'" in printed.out and "is left out: no such layer" in printed.out
    (row,) = (line for line in printed.out.splitlines() if line.startswith("the notebook's loop  "))
    assert "1e+04 (1e+04 to 1e+04)" in row and "5e+03" in row and "yes" in row
    assert (tmp_path / "b.png").exists() and (tmp_path / "b.pdf").exists()
    content = json.loads((tmp_path / "b.json").read_text())
    assert content["cases"]["small"]["contenders"]["ours"]["seconds"] == [1e-4, 1e-4]
    assert content["cases"]["parzen"]["ratios"]["limit"] == pytest.approx([10, 10, 10]) and content["versions"]["keras"]

    # what another command measured before stays in the file, if it was on this machine and the file is whole
    with pytest.raises(SystemExit):
        benchmark.main(replace(arguments, case=("sine",)))
    again = json.loads((tmp_path / "b.json").read_text())["cases"]
    assert set(again) == {"small", "parzen", "sine"} and again["small"] == content["cases"]["small"]
    for broken in ({**content, "cpu": "another"}, {**content, "cases": {"small": {}}}, {"cases": 1}, []):
        (tmp_path / "b.json").write_text(json.dumps(broken))
        with pytest.raises(SystemExit):
            benchmark.main(replace(arguments, case=("sine",)))
        assert set(json.loads((tmp_path / "b.json").read_text())["cases"]) == {"sine"}


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--case", "cosine"], ["--case", "cosine", "sine"]),
        (["--seconds", "0"], ["--seconds", "0"]),
        (["--contenders", "theano"], ["--contenders", "theano", "jax"]),
        (["--json", "none/b.json"], ["--json", "none/b.json"]),
        (["--picture", "b.jpg"], ["--picture", "b.jpg", ".png"]),
        (["--contenders", "torch"], ["--contenders", "torch", "pip install '.[bench]'"]),
    ],
)
def test_refusals(tmp_path, flags, parts):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    # A file that hides an installed PyTorch from the search for it.
    hide = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'torch' else f(n, *a)"
    (tmp_path / "sitecustomize.py").write_text(hide)
    command = [sys.executable, str(ROOT / "experiments" / "speed" / "benchmark.py"), *flags]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "", "COLUMNS": "400"}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 2 and "Traceback" not in result.stderr and not result.stdout, result.stderr
    assert all(part in result.stderr for part in parts), result.stderr
