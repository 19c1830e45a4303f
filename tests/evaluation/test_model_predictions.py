import json

import numpy as np
import pytest

from pipeline.data.splits import TEST, VALIDATION
from pipeline.errors import UserError
from pipeline.evaluation.model_predictions import read_model_predictions
from pipeline.storage.folders import ResultFolder
from pipeline.training.outputs import write_outputs


def network(inputs, outputs):
    """The JSON of a Functional network, as far as its columns are read."""
    listed = {name: [[column, 0, 0] for column in columns] for name, columns in (("in", inputs), ("out", outputs))}
    return json.dumps(
        {"class_name": "Functional", "config": {"input_layers": listed["in"], "output_layers": listed["out"]}}
    )


def result(folder, outputs, seconds=0.5):
    folder.mkdir()
    write_outputs(ResultFolder(folder).outputs, outputs)
    ResultFolder(folder).latency.write_text(json.dumps({"seconds_per_image": seconds}))
    return ResultFolder(folder)


def probabilities(count, seed):
    """Outputs of a softmax with three classes."""
    drawn = np.random.default_rng(seed).random((count, 3), dtype=np.float32)
    return drawn / drawn.sum(axis=1, keepdims=True)


def test_every_replicate_has_its_own_images(eight_images, tmp_path):
    outputs = {
        0: {TEST: [probabilities(4, 0)], VALIDATION: [probabilities(2, 1)]},
        1: {TEST: [probabilities(3, 2)], VALIDATION: [probabilities(2, 3)]},
    }
    results = {number: result(tmp_path / str(number), outputs[number], seconds=number + 1) for number in outputs}
    predicted = read_model_predictions(network(["image"], ["output"]), results, eight_images)
    assert predicted.seconds_per_image == {0: 1, 1: 2}
    cases = [(0, TEST, [0, 2, 4, 6]), (1, TEST, [2, 3, 6]), (1, VALIDATION, [1, 5])]
    for replicate, part, images in cases:
        one = (predicted.test if part == TEST else predicted.validation)["output"][replicate]
        assert one.images.tolist() == images
        assert one.partners is None
        assert one.classes.tolist() == ["ape", "bee", "cat"]
        assert one.groups.tolist() == images
        assert one.subgroups.tolist() == eight_images.subgroups[images].tolist()
        assert one.trained_on == {0: 2, 1: 3}[replicate]
        assert one.truth.tolist() == eight_images.labels[images].tolist()
        np.testing.assert_allclose(one.probabilities, outputs[replicate][part][0], rtol=1e-6)


def test_each_output_has_its_own_classes_and_truth(eight_images, tmp_path):
    sigmoid = np.float32([[0.25], [0.5], [0.75]])
    outputs = {
        TEST: [sigmoid, probabilities(3, 0), sigmoid],
        VALIDATION: [sigmoid[:2], probabilities(2, 1), sigmoid[:2]],
    }
    columns = network(["image", "partner"], ["same", "output", "subgroup"])
    predicted = read_model_predictions(columns, {1: result(tmp_path / "1", outputs)}, eight_images).test

    assert list(predicted) == ["same", "output", "subgroup"]
    same, output, subgroup = (one[1] for one in predicted.values())
    assert same.classes.tolist() == ["different classes", "same class"]
    assert same.truth.tolist() == (eight_images.labels[same.images] == eight_images.labels[same.partners]).tolist()
    assert set(same.partners.tolist()) <= {2, 3, 6}
    assert (output.classes.tolist(), output.truth.tolist()) == (["ape", "bee", "cat"], [1, 1, 0])
    assert (subgroup.classes.tolist(), subgroup.truth.tolist()) == (["big", "small"], [0, 1, 1])
    assert same.probabilities.tolist() == [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]
    for one in (same, output, subgroup):
        assert one.probabilities.shape == (3, len(one.classes))
        assert one.images.tolist() == [2, 3, 6]
        np.testing.assert_allclose(one.probabilities.sum(axis=1), 1, rtol=1e-6)


def test_outputs_for_other_images_are_damaged(eight_images, tmp_path):
    outputs = {TEST: [probabilities(3, 0)], VALIDATION: [probabilities(2, 1)]}
    with pytest.raises(UserError, match=r"outputs\.npz is damaged"):
        read_model_predictions(network(["image"], ["output"]), {0: result(tmp_path / "0", outputs)}, eight_images)
