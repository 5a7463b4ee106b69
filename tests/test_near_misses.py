"""The references accept true samples and refuse near misses of them, as their page says."""

from gan_paper import run
from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import compare

import numpy as np
import pytest
from compare import REFERENCES, count

NAMES = sorted(path.stem for path in REFERENCES.glob("*.npz") if path.stem != "notebook")
NEAR = {  # of true values with a mean of 0 and a standard deviation of 1; the size grows with the tolerance
    "shifted": lambda x, tolerance, rng: x + 0.03 * tolerance,
    "wider": lambda x, tolerance, rng: x * (1 + 0.04 * tolerance),
    "narrower": lambda x, tolerance, rng: x * (1 - 0.04 * tolerance),
    "skewed": lambda x, tolerance, rng: x + 0.05 * tolerance * (x**2 - 1),
    "heavy-tailed": lambda x, tolerance, rng: student(x, 12.5 / tolerance, rng),
    "without the upper end": lambda x, tolerance, rng: x[x < np.quantile(x, 1 - 0.02 * tolerance)],
    "with a hole": lambda x, tolerance, rng: without_middle(x, 0.04 * tolerance),
    "with some at 6": lambda x, tolerance, rng: np.where(rng.random(x.shape) < 0.005 * tolerance, 6, x),
    "of few different values": lambda x, tolerance, rng: rng.choice(x[: int(500 / tolerance)], len(x)),
}
CURVES = {  # y, given x
    "noise": lambda x, rng: np.sin(x) + rng.normal(0, 0.1, x.shape),
    "amplitude": lambda x, rng: 0.9 * np.sin(x),
    "shift": lambda x, rng: np.sin(x) + 0.06,
    "phase": lambda x, rng: np.sin(x + 0.1),
    "polyline": lambda x, rng: np.interp(x, np.pi / 2 * np.arange(5), (0, 1, 0, -1, 0)),
    "outliers": lambda x, rng: np.where(rng.random(x.shape) < 0.1, rng.uniform(-2, 2, x.shape), np.sin(x)),
}
VECTORS = {  # mean and standard deviation of a vector's dimensions, and the standard deviation across z
    "of the right marginals": (4, 0.0, 1.25),
    "shifted": (8, 1.7, 0.12),
    "half as wide": (4, 0.85, 0.12),
    "twice as different": (4, 1.7, 0.24),
}


def student(x, degrees, rng):
    """Student's t of the same variance."""
    return x * np.sqrt((degrees - 2) / rng.chisquare(degrees, x.shape))


def without_middle(x, share):
    """The values without this share of them, the nearest to the median."""
    distance = np.abs(x - np.median(x))
    return x[distance > np.quantile(distance, share)]


def accepted(name, make, y=lambda x, rng: np.sin(x)):
    """Count the samples of eight that a reference accepts. They are made from true values, uniform within its bins."""
    reference = run.read_recording(path := REFERENCES / f"{name}.npz")
    mean, std = (reference.moments[moment][0] for moment in ("mean", "std"))
    masses, edges, held = np.cumsum(reference.histogram().masses)[:-1], reference.histogram().edges, 0
    for rng in map(np.random.default_rng, range(8)):
        x = (np.interp(rng.uniform(size=32_000), masses, edges) - mean) / std
        x = make(x, reference.tolerance, rng) * std + mean
        samples = np.stack([x, y(x, rng)], axis=1) if name == "sine" else x[:, None]
        held += all(row.holds for row in compare(count(samples, reference, path), reference))
    return held


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_accepts_true_samples_and_refuses_near_misses(name):
    assert accepted(name, lambda x, tolerance, rng: x) == 8
    assert not any(accepted(name, near) for near in NEAR.values())


@pytest.mark.parametrize("curve", CURVES)
def test_sine_refuses_a_curve_that_is_slightly_wrong(curve):
    assert accepted("sine", lambda x, *_: x, CURVES[curve]) == 0


def test_the_recorded_notebook_accepts_its_own_kind_and_refuses_near_misses():
    def holds(mean, std, across, rng):
        reference = run.read_recording(REFERENCES / "notebook.npz")
        made = Recording(reference.edges)
        made.record(0, rng.normal(mean, std, 1000) + rng.normal(0, across, (100, 1000)))
        return all(row.holds for row in compare(made, reference))

    rngs = [np.random.default_rng(seed) for seed in range(8)]
    assert all(holds(4, 1.7, 0.12, rng) for rng in rngs)
    assert not any(holds(*miss, rng) for miss in VECTORS.values() for rng in rngs)


def test_half_are_refused_at_the_size_that_the_page_gives():
    """A shift of 0.02 standard deviations is a Wasserstein-1 distance of 0.02, the limit, and chance adds some."""
    assert 0 < accepted("gaussian", lambda x, *_: x + 0.022) < 8
