import math

import numpy as np
import pytest

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.runs import ResultFolder
from pipeline.training.runtime import start_tensorflow

# Keras' layers hand their variables to NumPy without the keyword `copy` that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

MEAN, DEVIATION = (90.0, 130.0, 170.0), (20.0, 45.0, 70.0)


@pytest.fixture(scope="module")
def prepared():
    """Thirty images of 6×5 in RGB, the second replicate with another split and another mean."""
    random = np.random.default_rng(0)
    parts = np.repeat(np.array([TRAIN, VALIDATION, TEST], np.uint8), (12, 5, 13))
    names = np.array([f"image-{number}" for number in range(30)])
    return Prepared(
        pixels=random.integers(256, size=(30, 6, 5, 3), dtype=np.uint8),
        labels=random.integers(3, size=30),
        groups=names,
        subgroups=None,
        names=names,
        splits=np.stack([random.permutation(parts), random.permutation(parts)]),
        manifest={
            "classes": ["a", "b", "c"],
            "replicates": [
                {"mean": MEAN, "standard_deviation": DEVIATION},
                {"mean": (0.0, 0.0, 0.0), "standard_deviation": (1.0, 1.0, 1.0)},
            ],
        },
    )


@pytest.fixture(scope="module")
def prediction():
    start_tensorflow()
    from pipeline import prediction

    return prediction


@pytest.fixture(scope="module")
def network(prediction):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 5, 3), name="image"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]
    )


def standardised(pixels):
    return (pixels - np.array(MEAN)) / np.array(DEVIATION)


@pytest.mark.parametrize("part", [TRAIN, VALIDATION, TEST])
def test_predictions_are_kerass_on_standardised_images(prediction, network, prepared, part):
    outputs, seconds = prediction.predict(network, prepared, 0, part, batch_size=8, repeats=1)
    images = standardised(prepared.pixels[prepared.splits[0] == part]).astype(np.float32)
    np.testing.assert_allclose(outputs, network.predict(images, verbose=0), rtol=1e-5, atol=1e-6)
    assert outputs.shape == (len(images), 3)
    assert seconds > 0


def test_the_size_of_a_batch_does_not_matter(prediction, network, prepared):
    one, many = (prediction.predict(network, prepared, 1, TEST, batch_size=size, repeats=1)[0] for size in (1, 100))
    np.testing.assert_allclose(one, many, rtol=1e-5, atol=1e-6)


def test_seconds_per_image_are_the_median_of_the_repeats(prediction, prepared, monkeypatch):
    """Of a network that takes 100 seconds for the first pass, which is not timed, then 1, 26 and 13."""

    class Network:
        passes = 0

        def predict(self, batches, verbose):
            clock.now += [100.0, 1.0, 26.0, 13.0][self.passes]
            self.passes += 1
            return np.zeros((13, 1))

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(prediction, "time", clock)
    _, seconds = prediction.predict(Network(), prepared, 0, TEST, batch_size=8, repeats=3)
    assert seconds == 13 / 13


def test_a_trained_network_is_read_from_its_text_and_its_weights(prediction, network, tmp_path):
    result = ResultFolder(tmp_path)
    network.save_weights(result.weights)
    read = prediction.trained_network(network.to_json(), result)
    images = np.random.default_rng(1).normal(size=(4, 6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(read(images), network(images))


def test_what_is_served_takes_grey_levels_and_answers_the_same(prediction, network, prepared):
    from pipeline.training.start import standardisation

    served = prediction.served(network, standardisation(prepared, 0), prepared.image_shape)
    tested = prepared.pixels[prepared.splits[0] == TEST]
    outputs, _ = prediction.predict(network, prepared, 0, TEST, batch_size=8, repeats=1)
    np.testing.assert_allclose(served.predict(tested, verbose=0), outputs, rtol=1e-4, atol=1e-6)
    assert served.input_shape == (None, 6, 5, 3)


def test_what_is_served_can_be_saved_and_loaded_by_keras_alone(prediction, network, prepared, tmp_path):
    import keras

    from pipeline.training.start import standardisation

    served = prediction.served(network, standardisation(prepared, 0), prepared.image_shape)
    served.save(tmp_path / "served.keras")
    loaded = keras.models.load_model(tmp_path / "served.keras")
    images = np.asarray(prepared.pixels[:4])
    np.testing.assert_array_equal(loaded(images), served(images))
    assert math.isclose(float(np.asarray(loaded(images)).sum()), 4, rel_tol=1e-5)
