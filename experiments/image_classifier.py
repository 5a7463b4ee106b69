"""Small convolutional classifiers, by whose features and classes `image_measures.py` measures samples."""

from gan_paper.run import files

import keras
import numpy as np
from image_experiment import ImageConfig
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Reshape
from page_tables import REFERENCES

SIZES = {(28, 28, 1): (16, 6), (32, 32, 3): (32, 8)}
"""By the shape of the images: the filters of the first layer, and the epochs of the training."""
BATCH, LEARNING_RATE = 100, 2e-3


def make_classifier(shape: tuple[int, int, int], filters: int) -> keras.Model:
    """Map images (m, pixels) to features (m, 64), the last hidden layer, and class probabilities (m, 10)."""
    pixels = keras.Input((int(np.prod(shape)),))
    x = MaxPooling2D()(Conv2D(filters, 3, padding="same", activation="relu")(Reshape(shape)(pixels)))
    for _ in range(2):
        x = Conv2D(2 * filters, 3, padding="same", activation="relu")(x)
    features = Dense(64, "relu")(Dropout(0.5)(Flatten()(MaxPooling2D()(x))))
    return keras.Model(pixels, [features, Dense(10, "softmax")(features)], name="classifier")


def load_classifier(config: ImageConfig) -> keras.Model:
    """Load the classifier of a data set from `figures/reference`; if it is not there, train it and write it.

    It is trained by Adam with a learning rate that falls to 0 along a cosine.

    Args:
        config: Configuration of a run on the images.

    Raises:
        ValueError: if the file does not hold the weights, in one line that names it.
        OSError: if it cannot be written.
    """
    keras.utils.set_random_seed(0)
    (filters, epochs), path = SIZES[config.shape], REFERENCES / config.dataset / "classifier.npz"
    classifier = make_classifier(config.shape, filters)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"training a classifier into {path}: some minutes", flush=True)
        images = config.images()
        trained = keras.Model(classifier.inputs, classifier.outputs[1])
        learning_rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * -(-len(images.train) // BATCH))
        trained.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
        trained.fit(config.measured(images.train), images.train_labels, batch_size=BATCH, epochs=epochs, verbose=0)
        files.write_arrays(path, {f"{i:02}": weight for i, weight in enumerate(classifier.get_weights())})
    arrays = files.read_arrays(path)
    with files.readable(path, "file of this classifier's weights"):
        classifier.set_weights([arrays[name] for name in sorted(arrays)])
    return classifier
