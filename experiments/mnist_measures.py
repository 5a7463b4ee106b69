"""What samples of MNIST are worth beyond a log-likelihood: `python experiments/mnist_measures.py runs/mnist/*`.

A Parzen window rewards blur, so Table 1's figure says little of samples (`table1.py`). This judges 10,000 of them by

  precision, recall, density, coverage   against as many training images, by nearest neighbours, among pixels and among
                  the features of a small classifier (`gan_paper/measure/neighbours.py`; k = 3);
  confident       the share of samples that the classifier names with a probability of at least 0.9;
  KL              of the ten digits' shares among the samples from those among the training images, in nats;
  nearest         the median distance from a sample to the nearest of the 50,000 training images (pixels in [0, 1]);
  copies          the share of samples that are nearer to a training image than 99 % of the test images are. It is 0.01
                  for these. Far more of them means copies of training images, or blur, which is near to everything.

A run has two rows: the last iterate of G, and the average of its iterates, whose
log-likelihoods are Table 1's. Test images as samples are the ceiling. With --centroids so are k-means centroids: how
far smooth images get that nobody generated. Test images reach a precision and a recall of less than 1, and more of
them would change that: figures of other numbers of samples do not compare.

The classifier is trained at the first use, in three minutes of processor time, and kept in a file. A run then takes
three quarters of a minute on two idle cores, centroids half a minute more. Distances are taken in blocks, of all
samples.
"""

import importlib.util
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from gan_paper import runs
from gan_paper.runs import files

import mnist
import mnist_classifier
import mnist_networks
import numpy as np
import tyro
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Images = NDArray[np.floating]  # (N, 784) in [0, 1]

LEAST, MOST = 100, 10_000
"""Samples that may be asked for: there are 10,000 test images."""
LEAST_ACCURACY = 0.99
"""A classifier that is right less often on test images judges nobody."""
CONFIDENT = 0.9
SHOWN = 30
PASSES = 2  # of k-means, from training images

NETWORKS = {
    "last iterate": ("generator-last", "last_iterate_log_likelihood"),
    "average": ("generator", "log_likelihood"),
}
"""By its row, a generator of a run: its file, and its log-likelihood in `metrics.json`."""
FIT = ("precision", "recall", "density", "coverage")
HEADER = (
    "", "nats", "pixels: precision", *FIT[1:], "features: precision", *FIT[1:],
    "confident", "KL", "nearest", "copies",
)  # fmt: skip


@dataclass(frozen=True)
class Arguments:
    """Judge samples of MNIST."""

    of: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """Folders of finished runs of `mnist.py`; or .npy files of images with pixels in [0, 1], one a row of 784."""
    data: Path | None = None
    """MNIST, with its labels, as `mnist.py` takes it [default: download it once]."""
    classifier: Path = Path("runs/mnist/classifier.npz")
    """The classifier's weights. If there is no such file, it is trained, and they are written there."""
    samples: int = MOST
    """How many samples are judged, and by how many training images."""
    centroids: bool = False
    """Also judge k-means centroids of the training images, as many as there are samples."""
    picture: Path | None = None
    """Also draw the first 30 samples of each row beside its measures, into this .png and a .pdf beside it."""
    output: Path | None = None
    """Folder that takes NAME.json for each RUN [default: measures.json in the run's folder; none for a .npy file]."""


class Subject(NamedTuple):
    """Samples to be judged: what they are called, themselves, and their log-likelihood in nats, if it is known."""

    name: str
    samples: Images
    log_likelihood: float | None = None


class Judge:
    """Judges samples by training images.

    Args:
        classifier: Looks at them.
        train: All training images, (50000, 784).
        test: Test images, (M, 784).
        shares: Of the ten digits in the training images.
        count: How many samples each judgement takes.

    Attributes:
        of_test: The measures of the first test images as samples.
    """

    def __init__(
        self, classifier: "keras.Model", train: Images, test: Images, shares: NDArray[np.float64], count: int
    ) -> None:
        from gan_paper.measure import neighbours

        self.classifier, self.train, self.shares = classifier, train, shares
        drawn = train[np.random.default_rng(0).choice(len(train), count, replace=False)]
        self.pixels = neighbours.balls(drawn)
        self.features = neighbours.balls(mnist_classifier.look(classifier, drawn).features)
        distances, _ = neighbours.nearest(test[:count], train)
        self.near = float(np.quantile(distances, 0.01))
        self.of_test = self._judge(test[:count], distances)

    def __call__(self, samples: Images) -> dict[str, Any]:
        """The measures of samples, as many as there are training images to judge them by."""
        from gan_paper.measure import neighbours

        return self._judge(samples, neighbours.nearest(samples, self.train)[0])

    def _judge(self, samples: Images, distances: Images) -> dict[str, Any]:
        from gan_paper.measure import neighbours

        from scipy.special import rel_entr

        sight = mnist_classifier.look(self.classifier, samples)
        shares = np.bincount(sight.probabilities.argmax(axis=1), minlength=10) / len(samples)
        return {
            "pixels": neighbours.fit(self.pixels, neighbours.balls(samples))._asdict(),
            "features": neighbours.fit(self.features, neighbours.balls(sight.features))._asdict(),
            "confident": float((sight.probabilities.max(axis=1) >= CONFIDENT).mean()),
            "kl": float(rel_entr(shares, self.shares).sum()),
            "digits": shares.tolist(),
            "nearest": float(np.median(distances)),
            "copies": float((distances < self.near).mean()),
        }


def main(arguments: Arguments) -> None:
    """Judge, print the table, write the figures.

    Raises:
        runs.Refused: if an argument is no good, in one line that names it.
    """
    began = time.perf_counter()
    try:
        check(arguments)
        files_of = [(path, _read_array(path, arguments.samples)) for path in arguments.of]
        images, labels = mnist.load(arguments.data), mnist.load_labels(arguments.data)
    except ValueError as error:
        raise runs.Refused(str(error)) from None
    runs.quiet_tensorflow()
    classifier = mnist_classifier.of_file(arguments.classifier, images.train, labels.train)
    train, test = images.train / np.float32(255), images.test / np.float32(255)
    right = mnist_classifier.look(classifier, test).probabilities.argmax(axis=1) == labels.test
    print(f"the classifier names {right.mean():.2%} of the test images rightly")
    if right.mean() < LEAST_ACCURACY:
        raise runs.Refused(f"--classifier {arguments.classifier} must name {LEAST_ACCURACY:.0%} of them rightly")

    judge = Judge(classifier, train, test, np.bincount(labels.train, minlength=10) / len(train), arguments.samples)
    scale = {"test images": judge.of_test}
    if arguments.centroids:
        scale["k-means centroids"] = judge(centroids(train, arguments.samples))
    head = {"samples": arguments.samples, "k": judge.pixels.k, "classifier": {"test_accuracy": float(right.mean())}}
    rows, written = [], []
    panels: dict[str, tuple[Images, dict[str, str]]] = {}
    for path, array in files_of:
        subjects = [Subject("samples", array)] if array is not None else list(of_run(path, arguments.samples))
        own = {s.name: {"log_likelihood": s.log_likelihood, **judge(s.samples)} for s in subjects}
        rows += [row(f"{_name(path)} {name}", measures) for name, measures in own.items()]
        panels |= {f"{_name(path)},\n{s.name}": (s.samples[:SHOWN], caption(own[s.name])) for s in subjects}
        if target := _target(path, arguments.output):
            files.write_text(target, json.dumps({**head, "measures": own, "scale": scale}, indent=1) + "\n")
            written.append(target)
    rows += [row(name, measures) for name, measures in scale.items()]
    print(runs.table([HEADER, *rows]))
    if arguments.picture:
        import mnist_pictures

        panels["test images"] = (test[:SHOWN], caption(judge.of_test))
        tiled = {title: (images.reshape(6, 5, 784), says) for title, (images, says) in panels.items()}
        config = {"experiment": "mnist_measures", "of": [_name(path) for path in arguments.of], **head}
        written += runs.save_picture(arguments.picture, mnist_pictures.side_by_side(tiled), config)
    print(f"{time.perf_counter() - began:.0f} s")
    if written:
        print("written:", *map(str, written), sep="\n  ")


def check(arguments: Arguments) -> None:
    """Refuse what can be told to be no good before anything is computed.

    Raises:
        ValueError: in one line that names it.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ValueError("mnist_measures.py must have scikit-learn installed: pip install '.[mnist]'")
    if not LEAST <= arguments.samples <= MOST:
        raise ValueError(f"--samples must be a whole number from {LEAST} to {MOST}, not {arguments.samples}")
    if not arguments.of:
        raise ValueError("RUN... must name at least one run's folder or .npy file of images")
    if arguments.output and arguments.output.exists() and not arguments.output.is_dir():
        raise ValueError(f"--output {arguments.output} is a file; a folder is needed")
    if arguments.classifier.exists() and not arguments.classifier.is_file():
        raise ValueError(f"--classifier {arguments.classifier} is no file")
    if arguments.picture and arguments.picture.suffix != ".png":
        raise ValueError(f"--picture {arguments.picture} must end in .png")
    for path in arguments.of:
        if path.suffix != ".npy":
            check_run(path)
    names = [_name(path) for path in arguments.of]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"RUN... must have different names, not {twice[0]} twice")


def check_run(folder: Path) -> None:
    """Refuse a folder that holds no finished run of `mnist.py` with its networks.

    Raises:
        runs.Refused, ValueError: in one line that names it.
    """
    metrics = runs.read_metrics(folder)
    if metrics.get("experiment") != "mnist":
        raise ValueError(f"{folder} is a run of {metrics.get('experiment')}, not of mnist")
    files.check_seal(folder, [f"{file}.keras" for file, _ in NETWORKS.values()])


def of_run(folder: Path, count: int) -> Iterator[Subject]:
    """The samples of a run's generators, from the noise that its log-likelihoods are measured with.

    Raises:
        runs.Refused: if a network cannot be read.
    """
    from gan_paper.runs import training

    import keras

    metrics, settings = runs.read_metrics(folder), runs.read_config(folder)["settings"]
    low, p_z = mnist_networks.scale_and_prior(settings["preset"])
    noise = p_z.sample((mnist.SAMPLES, 100), (settings["seed"], 1, 9))[:count]
    for name, (file, figure) in NETWORKS.items():
        try:
            generator = keras.models.load_model(folder / f"{file}.keras", safe_mode=True)
            samples = (training.generate(generator, noise) - low) / (1 - low)
        except Exception as error:  # whatever Keras makes of a foreign file
            raise runs.Refused(f"{folder / file}.keras cannot be used: {' '.join(str(error).split())}") from None
        yield Subject(name, samples, float(metrics["match"][figure]))


def centroids(train: Images, count: int) -> Images:
    """K-means centroids of training images, from a draw of these by `PASSES` passes of Lloyd's algorithm."""
    from gan_paper.measure import neighbours

    means = train[np.random.default_rng(1).choice(len(train), count, replace=False)]
    for _ in range(PASSES):
        _, nearest = neighbours.nearest(train, means)
        order = np.argsort(nearest, kind="stable")
        owners, starts = np.unique(nearest[order], return_index=True)
        means[owners] = np.add.reduceat(train[order], starts) / np.bincount(nearest)[owners, None]
    return means


def row(name: str, measures: dict[str, Any]) -> tuple[Any, ...]:
    """A row of the table."""
    nats = measures.get("log_likelihood")
    return (
        name,
        "-" if nats is None else f"{nats:.1f}",
        *(f"{value:.3f}" for place in ("pixels", "features") for value in measures[place].values()),
        *(f"{measures[name]:.{digits}f}" for name, digits in (("confident", 3), ("kl", 4), ("nearest", 2))),
        f"{measures['copies']:.3f}",
    )


def caption(measures: dict[str, Any]) -> dict[str, str]:
    """What the measures say, as a picture shows it."""
    nats = measures.get("log_likelihood")
    fits = {
        f"{name}, {place}": f"{measures[place][name]:.2f}"
        for name in ("precision", "recall")
        for place in ("pixels", "features")
    }
    return {
        "log-likelihood": "-" if nats is None else f"{nats:.0f} nats",
        **fits,
        "named with 0.9": f"{measures['confident']:.0%}",
    }


def _read_array(path: Path, count: int) -> Images | None:
    # The images of a .npy file; None for a run's folder.
    if path.suffix != ".npy":
        return None
    samples = files.read_samples(path)
    if len(samples) < count or samples.shape[1] != 784 or samples.min() < 0 or samples.max() > 1:
        raise ValueError(
            f"{path} must hold at least {count} images of 784 pixels in [0, 1], not {samples.shape} "
            f"in [{samples.min():g}, {samples.max():g}]"
        )
    return samples[:count].astype(np.float32)


def _name(path: Path) -> str:
    return path.resolve().name.removesuffix(".npy")


def _target(path: Path, output: Path | None) -> Path | None:
    # Where the measures of a RUN go.
    if output:
        output.mkdir(parents=True, exist_ok=True)
        return output / f"{_name(path)}.json"
    if path.suffix == ".npy":
        return None
    runs.claim(path, ["measures.json"])
    return path / "measures.json"


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
