import math

import numpy as np
import pytest

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import Columns, portion, standardisation
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
        subgroups=np.array(["mono", "poly"])[random.integers(2, size=30)],
        names=names,
        splits=np.stack([random.permutation(parts), random.permutation(parts)]),
        manifest={
            "classes": ["a", "b", "c"],
            "subgroups": ["mono", "poly"],
            "replicates": [
                {"mean": MEAN, "standard_deviation": DEVIATION},
                {"mean": (0.0, 0.0, 0.0), "standard_deviation": (1.0, 1.0, 1.0)},
            ],
        },
    )


@pytest.fixture(scope="module")
def prediction():
    start_tensorflow()
    from pipeline.evaluation import predict as prediction

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


@pytest.fixture(scope="module")
def forked(prediction):
    """A network of two images and a subgroup, which answers two questions."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    image, partner = (keras.Input((6, 5, 3), name=name) for name in ("image", "partner"))
    subgroup = keras.Input((2,), name="subgroup")
    flat = layers.Flatten(name="flat")
    seen = layers.Concatenate(name="seen")([flat(image), flat(partner), subgroup])
    answers = [
        layers.Dense(3, "softmax", name="output")(seen),
        layers.Dense(1, "sigmoid", name="same")(seen),
    ]
    return keras.Model([image, partner, subgroup], answers, name="forked")


def part_of(prepared, replicate, part):
    return portion(prepared, replicate, part, Columns(("image",), ("output",)))


def shown(tested):
    """What a network is shown of a portion when it is evaluated."""
    return tested.inputs(np.arange(len(tested)), evaluation_partners(tested))


def standardised(pixels):
    return (pixels - np.array(MEAN)) / np.array(DEVIATION)


@pytest.mark.parametrize("part", [TRAIN, VALIDATION, TEST])
def test_predictions_are_kerass_on_standardised_images(prediction, network, prepared, part):
    (outputs,) = prediction.predict(network, part_of(prepared, 0, part), batch_size=8)
    images = standardised(prepared.pixels[prepared.splits[0] == part]).astype(np.float32)
    np.testing.assert_allclose(outputs, network.predict(images, verbose=0), rtol=1e-5, atol=1e-6)
    assert outputs.shape == (len(images), 3)


def test_the_size_of_a_batch_does_not_matter(prediction, network, prepared):
    one, many = (prediction.predict(network, part_of(prepared, 1, TEST), batch_size=size) for size in (1, 100))
    np.testing.assert_allclose(one, many, rtol=1e-5, atol=1e-6)


def test_seconds_per_image_are_the_median_of_the_repeats(prediction, prepared, monkeypatch):
    """Of a network that takes 1, 26 and 13 seconds."""

    class Network:
        passes = 0

        def predict(self, batches, verbose):
            clock.now += [1.0, 26.0, 13.0][self.passes]
            self.passes += 1
            return np.zeros((13, 1))

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(prediction, "time", clock)
    seconds = prediction.seconds_per_image(Network(), part_of(prepared, 0, TEST), batch_size=8, repeats=3)
    assert seconds == 13 / 13


def test_a_trained_network_is_read_from_its_text_and_its_weights(prediction, network, tmp_path):
    result = ResultFolder(tmp_path)
    network.save_weights(result.weights)
    read = prediction.trained_network(network.to_json(), result)
    images = np.random.default_rng(1).normal(size=(4, 6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(read(images), network(images))


def test_what_is_served_takes_grey_levels_and_answers_the_same(prediction, network, prepared):
    served = prediction.served(network, standardisation(prepared, 0))
    tested = prepared.pixels[prepared.splits[0] == TEST]
    (outputs,) = prediction.predict(network, part_of(prepared, 0, TEST), batch_size=8)
    np.testing.assert_allclose(served.predict(tested, verbose=0), outputs, rtol=1e-4, atol=1e-6)
    assert served.input_shape == (None, 6, 5, 3)


def test_what_is_served_can_be_saved_and_loaded_by_keras_alone(prediction, network, prepared, tmp_path):
    import keras

    served = prediction.served(network, standardisation(prepared, 0))
    served.save(tmp_path / "served.keras")
    loaded = keras.models.load_model(tmp_path / "served.keras")
    images = np.asarray(prepared.pixels[:4])
    np.testing.assert_array_equal(loaded(images), served(images))
    assert math.isclose(float(np.asarray(loaded(images)).sum()), 4, rel_tol=1e-5)


def test_every_output_of_a_network_with_several_is_kerass(prediction, forked, prepared):
    tested = portion(prepared, 0, TEST, Columns.of(forked.to_json()))
    outputs = prediction.predict(forked, tested, batch_size=8)
    (_, partners, subgroups), chosen = shown(tested), prepared.indices(0, TEST)
    assert subgroups.tolist() == [[float(kind == "mono"), float(kind == "poly")] for kind in prepared.subgroups[chosen]]
    images = standardised(prepared.pixels[chosen]).astype(np.float32)
    expected = forked.predict([images, partners, subgroups], verbose=0)
    assert [one.shape for one in outputs] == [(13, 3), (13, 1)]
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_what_is_served_takes_and_gives_several_by_name(prediction, forked, prepared, tmp_path):
    import keras

    prediction.served(forked, standardisation(prepared, 0)).save(tmp_path / "served.keras")
    served = keras.models.load_model(tmp_path / "served.keras")
    tested = portion(prepared, 0, TEST, Columns.of(forked.to_json()))
    partners = prepared.pixels[tested.indices[evaluation_partners(tested)]]
    grey = {"image": prepared.pixels[tested.indices], "partner": partners, "subgroup": shown(tested)[2]}
    answers = served.predict({name: values.astype(np.float32) for name, values in grey.items()}, verbose=0)
    outputs = prediction.predict(forked, tested, batch_size=8)
    assert set(answers) == {"output", "same"}
    for answer, output in zip((answers["output"], answers["same"]), outputs, strict=True):
        np.testing.assert_allclose(answer, output, rtol=1e-4, atol=1e-6)
