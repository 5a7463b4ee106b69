import hashlib

import image_data
import numpy as np
import pytest


@pytest.mark.parametrize(
    ("name", "shape", "label"),
    [("mnist", (28, 28), ()), ("fashion_mnist", (28, 28), ()), ("cifar10", (32, 32, 3), (1,))],
)
def test_images_are_split_and_another_encoding_is_noted(name, shape, label, monkeypatch, tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "a.npz"
    arrays = {f"x_{part}": rng.integers(0, 256, (n, *shape), np.uint8) for part, n in (("train", 7), ("test", 3))}
    arrays |= {f"y_{part}": np.arange(n, dtype=np.uint8).reshape(n, *label) for part, n in (("train", 7), ("test", 3))}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"a\.npz is not .* in Keras's layout: x_train is uint8 of shape \(7, "):
        image_data.load(name, path)
    small = image_data.DATASETS[name]._replace(shapes={part: array.shape for part, array in arrays.items()})
    monkeypatch.setitem(image_data.DATASETS, name, small)
    if small.digest:  # MNIST: no other images are accepted
        with pytest.raises(ValueError, match=r"a\.npz is not MNIST: its arrays have another checksum"):
            image_data.load(name, path)
        small = small._replace(digest=hashlib.sha256(b"".join(map(np.ndarray.tobytes, arrays.values()))).hexdigest())
    monkeypatch.setattr(image_data, "VALIDATION", 2)
    for means, is_original in ((small.means, False), (np.atleast_1d(arrays["x_train"].mean(axis=(0, 1, 2))), True)):
        monkeypatch.setitem(image_data.DATASETS, name, small._replace(means=means))
        *parts, note = image_data.load(name, path)
        train, test = (arrays[part].reshape(-1, np.prod(shape)) for part in ("x_train", "x_test"))
        for part, right in zip(parts, (train[:5], train[5:], test, range(5), range(3)), strict=True):
            np.testing.assert_array_equal(part, right)
        assert note.startswith("not the original") != is_original
        image_data.load.cache_clear()


def test_contrast_is_normalised():
    images = np.random.default_rng(0).integers(0, 256, (50, 3072), np.uint8)
    normalised = image_data.ContrastNormalised(images, -3, 3).sample((20, 3072), 0)
    assert np.allclose(normalised.mean(axis=1), 0, atol=1e-5)
    assert np.allclose(np.linalg.norm(normalised, axis=1), 55, rtol=1e-5)
    assert not image_data.ContrastNormalised(images).scaled(np.full((2, 3072), 7)).any()  # nothing to normalise
    correlations = np.corrcoef(normalised, images)[:20, 20:]  # each is one of the images, shifted and scaled
    assert np.allclose(correlations.max(axis=1), 1) and len(set(correlations.argmax(axis=1))) > 10
