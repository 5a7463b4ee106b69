"""Measures of MNIST samples beside the log-likelihood: `python experiments/mnist_measures.py runs/mnist/*`.

A Parzen window rewards blur, so the log-likelihood of Table 1 says little of samples (`tables.py`). Here 10,000 of them
are measured by

  precision, recall, density, coverage   against as many training images, by nearest neighbours, among pixels and among
                  the features of a small classifier (`gan_paper/metrics/neighbours.py`; k = 3);
  confident       the share of samples to which the classifier gives a digit with a probability of at least 0.9;
  kl              the divergence of the ten digits' shares among the samples from those among the training images, in
                  nats;
  nearest         the median distance from a sample to the nearest of the 50,000 training images (pixels in [0, 1]);
  copies          the share of samples that are nearer to a training image than 99 % of the test images are. It is 0.01
                  for these. Far more of them means copies of training images, or blur, which is near to everything.

A run has two rows: the last iterate of G, and the EMA of its weights. Test images as samples are the upper bound. With
--centroids k-means centroids have a row: smooth images that nobody generated. Test images reach a precision and a
recall of less than 1, and more of them would change that: values of other numbers of samples do not compare.

The classifier is trained at the first use, in three minutes of processor time. A run then takes three quarters of a
minute on two idle cores, centroids half a minute more.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from gan_paper import GAN, run  # noqa: F401 (GAN brings TensorFlow without its messages)
from gan_paper.run import files

import image_pictures
import keras
import mnist
import mnist_dense
import numpy as np
import tyro
from image_data import ImageSet, load_mnist
from image_experiment import FINAL, draw, neighbours, noise
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Reshape
from numpy.typing import NDArray
from scipy.special import rel_entr
from sklearn.cluster import KMeans

Images = NDArray[np.floating]  # (N, 784) in [0, 1]

LEAST, MOST = 100, 10_000
"""Samples that may be asked for: there are 10,000 test images."""
EPOCHS, BATCH, LEARNING_RATE = 6, 100, 2e-3  # of the classifier
CONFIDENT = 0.9
SHOWN = 30
PASSES = 2  # of k-means

CONFIGS = {"mnist": mnist.Config, "mnist_dense": mnist_dense.Config}
NETWORKS = {"last iterate": ("generator-last", "last_iterate_log_likelihood"), "EMA": ("generator", "log_likelihood")}
"""By its row, a generator of a run: its file, and its log-likelihood in `metrics.json`."""
FIT = neighbours.Fit._fields
OTHERS = ("confident", "kl", "nearest", "copies")
HEADER = ("", "nats", "pixels: precision", *FIT[1:], "features: precision", *FIT[1:], *OTHERS)


@dataclass(frozen=True)
class Arguments:
    """Measure samples of MNIST."""

    of: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """Folders of finished runs of `mnist.py` or `mnist_dense.py`, which take measures.json; or .npy files of images
    with pixels in [0, 1], one a row of 784."""
    data: Path | None = None
    """MNIST, as `mnist.py` takes it [default: download it once]."""
    classifier: Path = Path("runs/mnist/classifier.npz")
    """The classifier's weights. If there is no such file, it is trained, and they are written there."""
    samples: int = MOST
    """How many samples are measured, against as many training images."""
    centroids: bool = False
    """Also measure k-means centroids of the training images, as many as there are samples."""
    figure: Path | None = None
    """Also draw the first 30 samples of each row beside its measures, into this .png and a .pdf beside it."""


class Measures:
    """Measures samples against training images.

    Args:
        classifier: As `make_classifier` makes it, trained.
        images: MNIST.
        count: How many samples are measured at a time, and against how many training images.
    """

    def __init__(self, classifier: keras.Model, images: ImageSet, count: int) -> None:
        self.classifier, self.train = classifier, images.train / np.float32(255)
        self.shares = np.bincount(images.train_labels, minlength=10) / len(images.train_labels)
        drawn = self.train[np.random.default_rng(0).choice(len(self.train), count, replace=False)]
        self.pixels, self.features = neighbours.balls(drawn), neighbours.balls(self.classify(drawn)[0])
        distances, _ = neighbours.nearest(images.test[:count] / np.float32(255), self.train)
        self.near = float(np.quantile(distances, 0.01))

    def classify(self, images: Images) -> tuple[Images, Images]:
        """The classifier's features (N, 64) and probabilities (N, 10) of images."""
        return self.classifier.predict(images, batch_size=1000, verbose=0)

    def __call__(self, samples: Images) -> dict[str, Any]:
        """The measures of `count` samples."""
        features, probabilities = self.classify(samples)
        shares = np.bincount(probabilities.argmax(axis=1), minlength=10) / len(samples)
        distances, _ = neighbours.nearest(samples, self.train)
        return {
            "pixels": neighbours.fit(self.pixels, neighbours.balls(samples))._asdict(),
            "features": neighbours.fit(self.features, neighbours.balls(features))._asdict(),
            "confident": float((probabilities.max(axis=1) >= CONFIDENT).mean()),
            "kl": float(rel_entr(shares, self.shares).sum()),
            "digits": shares.tolist(),
            "nearest": float(np.median(distances)),
            "copies": float((distances < self.near).mean()),
        }


def make_classifier() -> keras.Model:
    """Images (m, 784) in [0, 1] to features (m, 64), the last hidden layer, and the digits' probabilities (m, 10)."""
    pixels = keras.Input((784,))
    x = Reshape((28, 28, 1))(pixels)
    x = MaxPooling2D()(Conv2D(16, 3, padding="same", activation="relu")(x))
    for _ in range(2):
        x = Conv2D(32, 3, padding="same", activation="relu")(x)
    features = Dense(64, "relu")(Dropout(0.5)(Flatten()(MaxPooling2D()(x))))
    return keras.Model(pixels, [features, Dense(10, "softmax")(features)], name="classifier")


def load_classifier(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> keras.Model:
    """The classifier whose weights a file holds; if there is none, it is trained, and they are written there.

    It is trained by Adam with a learning rate that falls to 0 along a cosine. The file is an .npz of plain arrays.

    Args:
        path: Of the file.
        images: (N, 784) bytes.
        labels: (N,), 0 to 9.

    Raises:
        ValueError: if the file does not hold the weights, in one line that names it.
        OSError: if it cannot be written.
    """
    keras.utils.set_random_seed(0)
    classifier = make_classifier()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"training a classifier into {path}: some two minutes", flush=True)
        trained = keras.Model(classifier.inputs, classifier.outputs[1])
        learning_rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(images) // BATCH))
        trained.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
        trained.fit(images / np.float32(255), labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        files.write_arrays(path, {f"{i:02}": weight for i, weight in enumerate(classifier.get_weights())})
    arrays = files.read_arrays(path)
    with files.readable(path, "file of this classifier's weights"):
        classifier.set_weights([arrays[name] for name in sorted(arrays)])
    return classifier


def main(arguments: Arguments) -> None:
    """Measure, print the table, write the measures.

    Raises:
        Refused: if an argument is no good, in one line that names it.
    """
    began, count = time.perf_counter(), arguments.samples
    if not LEAST <= count <= MOST:
        raise run.Refused(f"--samples must be a whole number from {LEAST} to {MOST}, not {count}")
    try:
        images = load_mnist(arguments.data)
        found = {path: read(path, count, arguments.data) for path in arguments.of}
        classifier = load_classifier(arguments.classifier, images.train, images.train_labels)
    except ValueError as error:
        raise run.Refused(str(error)) from None
    measure, test = Measures(classifier, images, count), images.test / np.float32(255)
    accuracy = float((measure.classify(test)[1].argmax(axis=1) == images.test_labels).mean())
    print(f"the classifier's accuracy on the test images: {accuracy:.2%}")

    scale = {"test images": measure(test[:count])}
    if arguments.centroids:
        scale["k-means centroids"] = measure(centroids(measure.train, count))
    head = {"samples": count, "k": measure.pixels.k, "classifier": {"test_accuracy": accuracy}}
    rows: list[tuple[Any, ...]] = []
    panels: dict[str, tuple[Images, dict[str, str]]] = {}
    written: list[Path] = []
    for path, generators in found.items():
        measures, title = {}, "/".join(path.resolve().parts[-2:])
        for name, (samples, log_likelihood) in generators.items():
            measures[name] = {"log_likelihood": log_likelihood, **measure(samples)}
            rows.append(row(f"{title} {name}", measures[name]))
            panels[f"{title},\n{name}"] = samples[:SHOWN].reshape(6, 5, 28, 28, 1), caption(measures[name])
        if path.suffix != ".npy":
            written.append(path / "measures.json")
            content = {**head, "measures": measures, "scale": scale}
            files.write_text(written[-1], json.dumps(content, indent=1) + "\n")
    print(run.table([HEADER, *rows, *(row(name, measures) for name, measures in scale.items())]))
    if arguments.figure:
        panels["test images"] = test[:SHOWN].reshape(6, 5, 28, 28, 1), caption(scale["test images"])
        content = {"experiment": "mnist_measures", "of": [str(path) for path in found], **head}
        written += run.save_figure(arguments.figure, image_pictures.side_by_side(panels), content)
    print(f"{time.perf_counter() - began:.0f} s; written:", *written, sep="\n  ")


def read(path: Path, count: int, data: Path | None) -> dict[str, tuple[Images, float | None]]:
    """Samples by name, with their log-likelihood in nats, if it is known.

    Those of a run are drawn by its generators from the noise with which its log-likelihoods were measured.

    Raises:
        ValueError, Refused: if they cannot be read, in one line.
    """
    if path.suffix == ".npy":
        samples = files.read_samples(path)
        if len(samples) < count or samples.shape[1] != 784 or samples.min() < 0 or samples.max() > 1:
            holds = f"{samples.shape} in [{samples.min():g}, {samples.max():g}]"
            raise ValueError(f"{path} must hold at least {count} images of 784 pixels in [0, 1], not {holds}")
        return {"samples": (samples[:count].astype(np.float32), None)}
    metrics, found = run.read_metrics(path), dict[str, Any]()
    if metrics["experiment"] not in CONFIGS:
        raise ValueError(f"{path} is a run of {metrics['experiment']}, not of {' or '.join(CONFIGS)}")
    config = CONFIGS[metrics["experiment"]](seed=metrics["seed"], data=data)
    z = noise(config, FINAL)[:count]
    has_ema = run.read_config(path)["settings"].get("ema")  # otherwise G's one network is its last iterate
    for name, (file, log_likelihood) in (NETWORKS if has_ema else {"last iterate": NETWORKS["EMA"]}).items():
        try:
            generator = keras.saving.load_model(path / f"{file}.keras", safe_mode=True)
            found[name] = draw(generator, z, config), float(metrics[log_likelihood])
        except Exception as error:  # whatever Keras makes of a damaged file
            raise ValueError(f"{path / file}.keras cannot be used: {' '.join(str(error).split())}") from None
    return found


def centroids(train: Images, count: int) -> Images:
    """K-means centroids of training images, from a draw of these by `PASSES` passes of Lloyd's algorithm."""
    drawn = train[np.random.default_rng(1).choice(len(train), count, replace=False)]
    return KMeans(count, init=drawn, n_init=1, max_iter=PASSES, tol=0).fit(train).cluster_centers_


def row(name: str, measures: dict[str, Any]) -> tuple[Any, ...]:
    """A row of the table."""
    fits = (value for place in ("pixels", "features") for value in measures[place].values())
    return name, measures.get("log_likelihood") or "-", *fits, *(measures[measure] for measure in OTHERS)


def caption(measures: dict[str, Any]) -> dict[str, str]:
    """The measures that a figure shows."""
    nats = measures.get("log_likelihood")
    shown = {"log-likelihood": f"{nats:.0f} nats" if nats else "-"}
    for name in ("precision", "recall"):
        shown |= {f"{name}, {place}": f"{measures[place][name]:.2f}" for place in ("pixels", "features")}
    return {**shown, "confident": f"{measures['confident']:.0%}"}


if __name__ == "__main__":
    with run.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
