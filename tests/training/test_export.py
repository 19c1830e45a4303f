import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.splits import TEST, TRAIN
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import IMAGE_TO_CLASS, Columns, portion, standardisation, standardised_numbers

# The variables of Keras' layers do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def export(tensorflow):
    from pipeline.training import export

    return export


@pytest.fixture(scope="module")
def predict(tensorflow):
    from pipeline.training import predict

    return predict


def inputs_of(tested):
    """The inputs of a network when it is evaluated on a portion."""
    return tested.inputs(np.arange(len(tested)), evaluation_partners(tested))


def test_a_served_network_takes_grey_levels_and_predicts_the_same(export, predict, colour_network, colour_images):
    served = export.served(colour_network, standardisation(colour_images, 0))
    tested = colour_images.pixels[colour_images.splits[0] == TEST]
    (outputs,) = predict.predict(colour_network, portion(colour_images, 0, TEST, IMAGE_TO_CLASS), batch_size=8)
    np.testing.assert_allclose(served.predict(tested, verbose=0), outputs, rtol=1e-4, atol=1e-6)
    assert served.input_shape == (None, 6, 5, 3)


def test_a_served_network_takes_numbers_as_they_are_in_the_table(export, predict, colour_images, tensorflow):
    import keras

    numbers = np.random.default_rng(0).normal((40, 0.5), (9, 0.1), (30, 2)).astype(np.float32)
    prepared = replace(colour_images, numbers=numbers)
    image, known = keras.Input((6, 5, 3), name="image"), keras.Input((2,), name="numbers")
    seen = keras.layers.Concatenate()([known, keras.layers.Flatten()(image)])
    network = keras.Model([known, image], keras.layers.Dense(3, "softmax", name="output")(seen))
    tested = portion(prepared, 0, TEST, Columns(("numbers", "image"), ("output",)))
    chosen = prepared.indices(0, TEST)
    scaled = standardised_numbers(prepared, 0)
    np.testing.assert_allclose(scaled(numbers)[prepared.indices(0, TRAIN)].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled(numbers)[prepared.indices(0, TRAIN)].std(axis=0), 1, rtol=1e-5)
    (outputs,) = predict.predict(network, tested, batch_size=8)
    served = export.served(network, standardisation(prepared, 0), scaled)
    found = served.predict({"image": prepared.pixels[chosen], "numbers": numbers[chosen]}, verbose=0)
    np.testing.assert_allclose(found, outputs, rtol=1e-3, atol=1e-5)


def test_a_served_network_can_be_saved_and_loaded_by_keras_alone(export, colour_network, colour_images, tmp_path):

    import keras

    served = export.served(colour_network, standardisation(colour_images, 0))
    served.save(tmp_path / "served.keras")
    loaded = keras.models.load_model(tmp_path / "served.keras")
    images = np.asarray(colour_images.pixels[:4])
    np.testing.assert_array_equal(loaded(images), served(images))
    assert math.isclose(float(np.asarray(loaded(images)).sum()), 4, rel_tol=1e-5)


def test_a_served_network_takes_and_returns_dictionaries_of_several_tensors(
    export, predict, forked, colour_images, tmp_path
):
    import keras

    export.served(forked, standardisation(colour_images, 0)).save(tmp_path / "served.keras")
    served = keras.models.load_model(tmp_path / "served.keras")
    tested = portion(colour_images, 0, TEST, Columns.of(forked.to_json()))
    partners = colour_images.pixels[tested.indices[evaluation_partners(tested)]]
    grey = {"image": colour_images.pixels[tested.indices], "partner": partners, "subgroup": inputs_of(tested)[2]}
    served_outputs = served.predict({name: values.astype(np.float32) for name, values in grey.items()}, verbose=0)
    outputs = predict.predict(forked, tested, batch_size=8)
    assert set(served_outputs) == {"output", "same"}
    for served_output, output in zip((served_outputs["output"], served_outputs["same"]), outputs, strict=True):
        np.testing.assert_allclose(served_output, output, rtol=1e-4, atol=1e-6)
