import numpy as np
import pytest

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.errors import UserError
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import IMAGE_TO_CLASS, Columns, portion
from pipeline.training.outputs import read_outputs

# The variables of Keras' layers do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def predict(tensorflow):
    from pipeline.training import predict

    return predict


def inputs_of(tested):
    """The inputs of a network when it is evaluated on a portion."""
    return tested.inputs(np.arange(len(tested)), evaluation_partners(tested))


def standardised(images):
    """The pixels as the first replicate standardises them."""
    scaling = images.manifest["replicates"][0]
    return (images.pixels - np.array(scaling["mean"])) / np.array(scaling["standard_deviation"])


@pytest.mark.parametrize("part", [TRAIN, VALIDATION, TEST])
def test_predictions_are_those_of_keras_on_standardised_images(predict, colour_network, colour_images, part):
    (outputs,) = predict.predict(colour_network, portion(colour_images, 0, part, IMAGE_TO_CLASS), batch_size=8)
    images = standardised(colour_images)[colour_images.splits[0] == part].astype(np.float32)
    np.testing.assert_allclose(outputs, colour_network.predict(images, verbose=0), rtol=1e-5, atol=1e-6)
    assert outputs.shape == (len(images), 3)


def test_predictions_do_not_depend_on_the_batch_size(predict, colour_network, colour_images):
    one, many = (
        predict.predict(colour_network, portion(colour_images, 1, TEST, IMAGE_TO_CLASS), batch_size=size)
        for size in (1, 100)
    )
    np.testing.assert_allclose(one, many, rtol=1e-5, atol=1e-6)


def test_a_trained_network_is_loaded_from_its_json_and_its_weights(predict, colour_network, tmp_path):
    result = ResultFolder(tmp_path)
    colour_network.save_weights(result.weights)
    read = predict.trained_network(colour_network.to_json(), result)
    images = np.random.default_rng(1).normal(size=(4, 6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(read(images), colour_network(images))


def test_truncated_weights_raise_an_error_with_the_remedy(predict, colour_network, tmp_path):
    colour_network.save_weights(tmp_path / "kept.weights.h5")
    content = (tmp_path / "kept.weights.h5").read_bytes()
    (tmp_path / "kept.weights.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"kept\.weights\.h5 is damaged"):
        predict.trained_network(colour_network.to_json(), ResultFolder(tmp_path))


def test_every_output_is_that_of_keras(predict, forked, colour_images):
    tested = portion(colour_images, 0, TEST, Columns.of(forked.to_json()))
    outputs = predict.predict(forked, tested, batch_size=8)
    (_, partners, subgroups), chosen = inputs_of(tested), colour_images.indices(0, TEST)
    assert subgroups.tolist() == [
        [float(kind == "mono"), float(kind == "poly")] for kind in colour_images.subgroups[chosen]
    ]
    images = standardised(colour_images)[chosen].astype(np.float32)
    expected = forked.predict([images, partners, subgroups], verbose=0)
    assert [one.shape for one in outputs] == [(13, 3), (13, 1)]
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_task_writes_the_outputs_of_its_own_images(predict, project, tasks):
    from pipeline.training.replicate import train_replicate

    task = tasks(epochs=1)[1]
    train_replicate(task, lambda progress: None)
    assert task.result.finished and not task.result.predicted
    predict.predict_task(task)
    assert task.result.predicted
    network, prepared = predict.trained_network(task.architecture, task.result), read_prepared(task.prepared)
    written = read_outputs(task.result.outputs)
    for part, images in ((TEST, 7), (VALIDATION, 11)):
        expected = predict.predict(network, portion(prepared, 1, part, IMAGE_TO_CLASS), batch_size=8)
        np.testing.assert_array_equal(written[part], expected)
        assert written[part][0].shape == (images, 1)
