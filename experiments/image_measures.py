"""Measures of image samples: `python experiments/image_measures.py runs/mnist/*`.

A Parzen window rewards blur, so the log-likelihood of Table 1 says little about samples (`tables.py`). This script
measures 10,000 samples by

  nats, sigma     for MNIST only: the log-likelihood of the test images and the window's width, as in Table 1;
  nats, fine      the same with one of 91 widths over the range of the protocol's ten, also chosen on the validation
                  images: the coarse grid costs up to 12 nats;
  precision, recall, density, coverage   against as many training images, by nearest neighbours, among pixels and among
                  the features of a small classifier (`gan_paper/metrics/neighbours.py`; k = 3);
  confident       the share of samples to which the classifier assigns a class with a probability of at least 0.9;
  kl              the KL divergence of the ten classes' shares among the samples from those among the training images,
                  in nats;
  nearest         the median distance from a sample to the nearest training image;
  copies          the share of samples that are nearer to a training image than 99 % of the test images are. For test
                  images it is 0.01. Far more means copies of training images, or blur, which is near to everything.

Pixels are in [0, 1]. Those of CIFAR-10 are normalised, so that their standard deviation is 1/6 (`cifar10.py`).

A run has two rows: the last iterate of G, and the EMA of its weights. Both are drawn from the saved networks, so runs
whose networks are in `figures/reference` can be measured without training. Test images as samples are the reference.
--baselines adds samples that no generator made: training images, k-means centroids, and samples that the measures
should reject, namely means and maxima of two test images, blurred and speckled ones, and Gaussian noise with the mean
and covariance of the training images. Even test images have a precision and a recall below 1. Both depend on the number
of samples: compare only values for equal numbers.

The classifier's weights are committed. A run takes a minute on two idle cores, the baselines some minutes more.
"""

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from gan_paper import GAN, parzen, run  # noqa: F401 (GAN brings TensorFlow without its messages)
from gan_paper.metrics import neighbours
from gan_paper.run import files

import cifar10
import image_pictures
import keras
import mnist
import numpy as np
import tyro
from image_classifier import load_classifier
from image_experiment import FINAL, ImageConfig, images_of, noise, paper_figures
from numpy.typing import NDArray
from samples import read_samples
from scipy.ndimage import gaussian_filter
from scipy.special import rel_entr
from sklearn.cluster import KMeans

LEAST, MOST = 100, 10_000
"""The range of --samples: there are 10,000 test images."""
CONFIDENT = 0.9
PASSES = 2  # of k-means
BLUR = 1.5  # pixels: the standard deviation of the Gaussian
SPECKLED = 0.05  # the share of values that are replaced

NETWORKS = {"last iterate": "generator-last", "EMA": "generator"}
"""The files of a run's generators, by the names of their rows."""
NATS = ("log_likelihood", "sigma", "fine_log_likelihood", "fine_sigma")
OTHERS = ("confident", "kl", "nearest", "copies")
OF_NEIGHBOURS = neighbours.PRDC._fields[1:]
SPACES = ("pixels: precision", *OF_NEIGHBOURS, "features: precision", *OF_NEIGHBOURS)
HEADER = ("", "nats", "sigma", "nats, fine", "sigma, fine", *SPACES, *OTHERS)


@dataclass(frozen=True)
class Arguments:
    """Measure samples of images."""

    of: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """Folders of runs on one data set, into which measures.json is written; or .npy files of images with pixels in
    [0, 1], one per row of 784 or of 32 x 32 x 3."""
    data: Path | None = None
    """The images, as the runs' scripts take them [default: download them once]."""
    samples: int = MOST
    """How many samples are measured, and how many training images they are compared with."""
    baselines: bool = False
    """Also measure samples that no generator made."""
    output: Path | None = None
    """Folder that gets a folder for each run, with measures.json and with Figures 2 and 3 from each of its generators
    [default: measures.json alone, in the run's own folder]."""
    figure: Path | None = None
    """Also draw the first 30 samples of each row beside its measures, into this .png and a .pdf beside it."""


class Measures:
    """Measures samples against training images.

    Args:
        classifier: A trained classifier from `image_classifier`.
        config: Configuration of a run on the images.
        count: How many samples are measured at a time, and how many training images they are compared with.
    """

    def __init__(self, classifier: keras.Model, config: ImageConfig, count: int) -> None:
        images = config.images()
        self.classifier, self.has_log_likelihood = classifier, config.has_log_likelihood
        self.train, self.validation, self.test = map(config.measured, (images.train, images.validation, images.test))
        self.shares = np.bincount(images.train_labels, minlength=10) / len(images.train_labels)
        drawn = self.train[np.random.default_rng(0).choice(len(self.train), count, replace=False)]
        self.pixels, self.features = neighbours.balls(drawn), neighbours.balls(self.classify(drawn)[0])
        distances, _ = neighbours.nearest(self.test[:count], self.train)
        self.near = float(np.quantile(distances, 0.01))

    def classify(self, images: NDArray) -> tuple[NDArray, NDArray]:
        """The classifier's features (N, 64) and probabilities (N, 10) of images."""
        return self.classifier.predict(images, batch_size=1000, verbose=0)

    def log_likelihoods(self, samples: NDArray) -> dict[str, float]:
        """`NATS`, by the best of the protocol's widths and of finer ones; and standard errors over the test images."""
        found: dict[str, float] = {}
        for prefix, sigmas in (("", parzen.SIGMAS), ("fine_", parzen.FINE)):
            sigma = parzen.validate(self.validation[: parzen.SELECTION], samples, sigmas).sigma
            _, mean, error = parzen.estimate(self.test, samples, sigma)
            found |= {f"{prefix}log_likelihood": mean, f"{prefix}standard_error": error, f"{prefix}sigma": sigma}
        return found

    def __call__(self, samples: NDArray, has_nats: bool = True) -> dict[str, Any]:
        """The measures of `count` samples; without `has_nats`, for samples made of test images, they lack `NATS`."""
        features, probabilities = self.classify(samples)
        shares = np.bincount(probabilities.argmax(axis=1), minlength=10) / len(samples)
        distances, _ = neighbours.nearest(samples, self.train)
        return {
            **(self.log_likelihoods(samples) if self.has_log_likelihood and has_nats else {}),
            "pixels": neighbours.compute_prdc(self.pixels, neighbours.balls(samples))._asdict(),
            "features": neighbours.compute_prdc(self.features, neighbours.balls(features))._asdict(),
            "confident": float((probabilities.max(axis=1) >= CONFIDENT).mean()),
            "kl": float(rel_entr(shares, self.shares).sum()),
            "classes": shares.tolist(),
            "nearest": float(np.median(distances)),
            "copies": float((distances < self.near).mean()),
        }


def of_training_images(train: NDArray, count: int) -> dict[str, NDArray]:
    """Baselines made of training images (N, pixels): by name, `count` samples each."""
    drawn = train[np.random.default_rng(1).choice(len(train), count, replace=False)]
    centroids = KMeans(count, init=drawn, n_init=1, max_iter=PASSES, tol=0).fit(train).cluster_centers_
    rng = np.random.default_rng(1)
    noise = rng.multivariate_normal(train.mean(axis=0), np.cov(train, rowvar=False), count, method="eigh")
    noise = np.clip(noise, train.min(), train.max()).astype(np.float32)
    return {"training images": drawn, "k-means centroids": centroids, "Gaussian noise": noise}


def of_test_images(test: NDArray, shape: tuple[int, int, int]) -> dict[str, NDArray]:
    """Baselines made of test images, with obvious faults: by name, as many samples each as there are test images.

    They get no log-likelihood, since it would be that of the images of which they are made.

    Args:
        test: The test images, (N, pixels).
        shape: Height, width and channels of an image.
    """
    rng, others = np.random.default_rng(1), np.roll(test, 1, axis=0)
    noise, is_speckle = (rng.uniform(size=test.shape).astype(np.float32) for _ in range(2))
    return {
        "means of two": (test + others) / 2,
        "maxima of two": np.maximum(test, others),
        "blurred": gaussian_filter(test.reshape(-1, *shape), BLUR, axes=(1, 2)).reshape(test.shape),
        "speckled": np.where(is_speckle < SPECKLED, noise, test),
    }


class Subject(NamedTuple):
    """Samples to be measured.

    Attributes:
        config: Configuration of the run; for a file, the default one of its data set.
        samples: Samples (N, pixels) by name.
        generators: Generators of the run by the same names; none for a file.
    """

    config: ImageConfig
    samples: dict[str, NDArray]
    generators: dict[str, keras.Model]


def main(arguments: Arguments) -> None:
    """Measure, print the table, write the measures.

    Raises:
        Refused: if an argument is invalid, in one line that names it.
    """
    count = arguments.samples
    if not LEAST <= count <= MOST:
        raise run.Refused(f"--samples must be a whole number from {LEAST} to {MOST}, not {count}")
    try:
        found = {path: read(path, count, arguments.data) for path in arguments.of}
        config = next(iter(found.values())).config
        if len({of.config.dataset for of in found.values()}) > 1:
            raise ValueError(f"RUN must be of one data set, not {', '.join(map(str, found))}")
        if arguments.output and len({measures_folder(path) for path in found}) < len(found):
            raise ValueError(f"RUN must have names that differ, for folders in --output: {', '.join(map(str, found))}")
        images = config.images()
        classifier = load_classifier(config)
    except ValueError as error:
        raise run.Refused(str(error)) from None
    measure = Measures(classifier, config, count)
    accuracy = float((measure.classify(measure.test)[1].argmax(axis=1) == images.test_labels).mean())
    print(f"the classifier's accuracy on the test images: {accuracy:.2%}", *filter(None, [images.note]), sep="\n")

    scale = {"test images": measure(measure.test[:count], has_nats=False)}
    if arguments.baselines:
        of_test = of_test_images(measure.test[:count], config.shape)
        scale |= {label: measure(samples, has_nats=False) for label, samples in of_test.items()}
        scale |= {label: measure(samples) for label, samples in of_training_images(measure.train, count).items()}
    head = {"note": images.note, "samples": count, "k": measure.pixels.k, "classifier": {"test_accuracy": accuracy}}
    rows, panels, written = {}, {}, []
    short = ["/".join(path.resolve().parts[-2:]) for path in found]
    for title, (path, of) in zip(short if len({*short}) == len(short) else map(str, found), found.items(), strict=True):
        measures = {name: measure(samples) for name, samples in of.samples.items()}
        for name, samples in of.samples.items():
            rows[f"{title} {name}"] = measures[name]
            panels[textwrap.fill(f"{title}, {name}", 22)] = samples, measures[name]
        written += write_measures(path, of, arguments.output, {**head, "measures": measures, "scale": scale})
    print(run.table([HEADER, *(row(name, measures) for name, measures in {**rows, **scale}.items())]))
    if arguments.figure:
        panels["test images"] = measure.test, scale["test images"]
        shown = {
            title: (samples[:30].reshape(6, 5, *config.shape), caption(measures))
            for title, (samples, measures) in panels.items()
        }
        content = {"experiment": "image_measures", "of": [str(path) for path in found], **head}
        written += run.save_figure(arguments.figure, image_pictures.side_by_side(shown), content)
    print("written:", *written, sep="\n  ")


def read(path: Path, count: int, data: Path | None) -> Subject:
    """Samples of a run, drawn by its generators from the noise with which it was evaluated, or those of a file.

    Raises:
        ValueError, Refused: if they cannot be read, in one line.
    """
    if path.suffix == ".npy":
        samples = read_samples(path)
        kind_of: type[ImageConfig] | None = {784: mnist.Config, 3072: cifar10.Config}.get(samples.shape[1])
        if kind_of is None or len(samples) < count or samples.min() < 0 or samples.max() > 1:
            holds = f"{samples.shape} in [{samples.min():g}, {samples.max():g}]"
            raise ValueError(f"{path} must hold at least {count} images of 784 or 3072 pixels in [0, 1], not {holds}")
        config = kind_of(data=data)
        return Subject(config, {"samples": config.measured(255 * samples[:count].astype(np.float32))}, {})
    content = run.read_config(path)
    kind = run.load_experiment(content["experiment"], Path(__file__).parent).Config
    if not issubclass(kind, ImageConfig):
        raise ValueError(f"{path} is a run of {content['experiment']}, which is no experiment on images")
    settings = {name: content["settings"][name] for name in ("seed", "dataset") if name in content["settings"]}
    config = kind(data=data, **settings)
    z, generators = noise(config, FINAL)[:count], {}
    has_ema = (path / "generator-last.keras").exists()  # otherwise G's one network is its last iterate
    for name, file in (NETWORKS if has_ema else {"last iterate": "generator"}).items():
        with files.readable(path / f"{file}.keras", "network of Keras"):
            generators[name] = keras.saving.load_model(path / f"{file}.keras", safe_mode=True)
    return Subject(config, {name: images_of(g, z, config) for name, g in generators.items()}, generators)


def write_measures(path: Path, of: Subject, output: Path | None, content: dict[str, Any]) -> list[Path]:
    """Write measures.json and, if a folder is given, the figures of a run or a file; returns the files' paths."""
    if not (output or of.generators):
        return []
    folder = output / measures_folder(path) if output else path
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(folder / "measures.json", json.dumps(content, indent=1) + "\n")
    written = [folder / "measures.json"]
    for name, generator in of.generators.items() if output else ():
        source = {"experiment": "image_measures", "of": f"{path} {name}", "note": content["note"]}
        for figure, drawn in paper_figures(generator, of.config).items():
            written += run.save_figure(folder / f"{NETWORKS[name]}-{figure}.png", drawn, source)
    return written


def measures_folder(path: Path) -> str:
    """The name of the folder of a run's measures in --output: the run's own, or the file's."""
    return path.stem if path.suffix == ".npy" else path.resolve().name


def row(name: str, measures: dict[str, Any]) -> tuple[Any, ...]:
    """A row of the table."""
    fits = (value for place in ("pixels", "features") for value in measures[place].values())
    nats = (measures.get(measure, "-") for measure in NATS)
    return name, *nats, *fits, *(measures[measure] for measure in OTHERS)


def caption(measures: dict[str, Any]) -> dict[str, str]:
    """The measures that a figure shows."""
    nats = measures.get("log_likelihood")
    shown = {"log-likelihood": "-" if nats is None else f"{nats:.0f} nats"}
    for name in ("precision", "recall"):
        shown |= {f"{name}, {place}": f"{measures[place][name]:.2f}" for place in ("pixels", "features")}
    return {**shown, "confident": f"{measures['confident']:.0%}"}


if __name__ == "__main__":
    with run.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
