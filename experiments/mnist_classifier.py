"""A small convolutional classifier of MNIST's digits, by whose eyes `mnist_measures.py` judges samples.

Its weights are kept in an .npz file of plain arrays, of which nothing is executed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gan_paper import runs
from gan_paper.runs import files

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

EPOCHS, BATCH, RATE = 6, 100, 2e-3
CHUNK = 5000  # images that it looks at at once


class Sight(NamedTuple):
    """What the classifier sees in images.

    Attributes:
        features: The activations of its last hidden layer, (N, 64).
        probabilities: Of the ten digits, (N, 10).
    """

    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def network() -> "keras.Model":
    """The classifier: images (m, 784) in [0, 1] to features (m, 64) and probabilities (m, 10)."""
    from keras import Input, Model
    from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Reshape

    pixels = Input((784,))
    x = Reshape((28, 28, 1))(pixels)
    x = MaxPooling2D()(Conv2D(16, 3, padding="same", activation="relu")(x))
    for _ in range(2):
        x = Conv2D(32, 3, padding="same", activation="relu")(x)
    features = Dense(64, "relu")(Dropout(0.5)(Flatten()(MaxPooling2D()(x))))
    return Model(pixels, [features, Dense(10, "softmax")(features)], name="classifier")


def train(images: NDArray[np.uint8], labels: NDArray[np.uint8], epochs: int = EPOCHS) -> "keras.Model":
    """A classifier, by Adam with a rate that falls to 0 along a cosine: 30 seconds of processor time an epoch.

    Args:
        images: (N, 784) bytes.
        labels: (N,), 0 to 9.
        epochs: How often it sees each image.
    """
    import keras

    keras.utils.set_random_seed(0)
    classifier = network()
    learner = keras.Model(classifier.inputs, classifier.outputs[1])
    rate = keras.optimizers.schedules.CosineDecay(RATE, epochs * -(-len(images) // BATCH))
    learner.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    learner.fit(images / np.float32(255), labels, batch_size=BATCH, epochs=epochs, verbose=0)
    return classifier


def of_file(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> "keras.Model":
    """The classifier of a file; if there is none, trained on images and labels, as `train` takes them, and kept there.

    Raises:
        runs.Refused: if the file cannot be read or written, in one line that names it.
    """
    try:
        if path.exists():
            return load(path)
        print(f"a classifier is trained into {path}: some two minutes", flush=True)
        classifier = train(images, labels)
        save(classifier, path)
    except ValueError as error:
        raise runs.Refused(f"--classifier {error}") from None
    except OSError as error:
        raise runs.Refused(f"--classifier {path} cannot be written: {error.strerror}") from None
    return classifier


def look(classifier: "keras.Model", images: NDArray[np.floating]) -> Sight:
    """What the classifier sees in images (N, 784) in [0, 1]."""
    chunks = [images[i : i + CHUNK].astype(np.float32, copy=False) for i in range(0, len(images), CHUNK)]
    features, probabilities = zip(*(classifier(chunk) for chunk in chunks), strict=True)
    return Sight(np.concatenate(features), np.concatenate(probabilities))


def save(classifier: "keras.Model", path: Path) -> None:
    """Write the weights to an .npz file, whole or not at all.

    Raises:
        OSError: naming the path, if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{f"{i:02}": weight for i, weight in enumerate(classifier.get_weights())})


def load(path: Path) -> "keras.Model":
    """The classifier with the weights of a file that `save` wrote.

    Raises:
        ValueError: if there is no such file, or it holds other arrays, in one line that names it.
    """
    arrays, classifier = files.read_arrays(path), network()
    kinds = {f"{i:02}": (weight.shape, weight.dtype) for i, weight in enumerate(classifier.get_weights())}
    if {name: (array.shape, array.dtype) for name, array in arrays.items()} != kinds:
        raise ValueError(f"{path} does not hold the weights of this classifier")
    classifier.set_weights([arrays[name] for name in kinds])
    return classifier
