import math

import numpy as np
import pytest

from pipeline.data.splits import TEST
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import IMAGE_TO_CLASS, Columns, portion, standardisation

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
