"""Packaged networks compute what the evaluation has scored, alone and together."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline.data.images import LabelledImages
from pipeline.data.prepared import read_prepared, write_prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.deployment import packaging
from pipeline.deployment.packaging import package
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.runtimes import KERAS_FILE, LITERT_FILE, keras_network
from pipeline.storage.folders import RunFolder
from pipeline.training.examples import standardisation
from pipeline.training.outputs import PARTS, write_outputs

# The variables of Keras' layers do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

FOLDS = np.array(
    [[TEST] * 20 + [VALIDATION] * 10 + [TRAIN] * 30, [TRAIN] * 30 + [TEST] * 20 + [VALIDATION] * 10], np.uint8
)
"""Two folds: no image is tested by both replicates, and no image is new to both."""
COMMON_TEST = np.array(
    [[TEST] * 20 + [VALIDATION] * 10 + [TRAIN] * 30, [TEST] * 20 + [TRAIN] * 30 + [VALIDATION] * 10], np.uint8
)


def network():
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten(name="flatten")(keras.layers.Conv2D(3, 3, activation="relu", name="conv")(image))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="output")(x))


@pytest.fixture(params=["folds", "common test"])
def splits(request):
    return FOLDS if request.param == "folds" else COMMON_TEST


@pytest.fixture
def prepared(tmp_path, splits):
    """Sixty noisy images of three classes."""
    images = LabelledImages(
        pixels=np.random.default_rng(0).integers(256, size=(60, 8, 8, 1), dtype=np.uint8),
        labels=np.arange(60) % 3,
        classes=("a", "b", "c"),
        groups=np.arange(60).astype(str),
        subgroups=None,
        names=np.arange(60).astype(str),
        source="noise",
        licence="",
        attribution="",
        notes=(),
    )
    settings = {"data": {"options": {}}, "split": {"strategy": "kfold"}}
    write_prepared(tmp_path / "prepared", images, splits, settings=settings)
    return read_prepared(tmp_path / "prepared")


@pytest.fixture
def run(tmp_path, prepared):
    """The run folder of a model with two replicates, each with random weights and stored outputs."""
    folder = RunFolder(tmp_path / "runs" / "tiny", tmp_path / "networks" / "tiny")
    folder.network.mkdir(parents=True)
    folder.architecture.write_text(network().to_json())
    for replicate in range(2):
        keras.utils.set_random_seed(replicate)
        trained, result = network(), folder.result(replicate)
        result.folder.mkdir(parents=True)
        trained.save_weights(result.weights)
        result.record.write_text(json.dumps({"fingerprint": f"beef{replicate}"}))
        scaled = standardisation(prepared, replicate)(np.asarray(prepared.pixels))
        probabilities = np.asarray(trained(scaled))
        write_outputs(
            result.outputs, {part: [probabilities[prepared.indices(replicate, part)]] for part in PARTS.values()}
        )
    return folder


@pytest.fixture
def packaged(tmp_path):
    folder = tmp_path / "champion"
    folder.mkdir()
    return folder


def own_outputs(run, prepared, replicate):
    """The probabilities of a replicate for all images."""
    trained = network()
    trained.load_weights(run.result(replicate).weights)
    return np.asarray(trained(standardisation(prepared, replicate)(np.asarray(prepared.pixels))))


def test_a_packaged_replicate_gives_the_probabilities_of_its_evaluation(run, prepared, packaged):
    parts = package(packaged, run, [1], prepared)
    model = PictureModel.load(packaged)
    assert model.settings["runtime"] == "LiteRT"
    assert model.settings["agreement"]["images"] == 30
    assert model.settings["agreement"]["largest_difference"] < 1e-5
    assert model.settings["agreement"]["other_classes"] == 0
    assert model.settings["members"] == {"validation": 1.0, "test": 1.0}
    np.testing.assert_array_equal(parts["test"].images, prepared.indices(1, TEST))
    expected = own_outputs(run, prepared, 1)
    np.testing.assert_allclose(parts["test"].probabilities, expected[parts["test"].images], atol=1e-5)
    np.testing.assert_allclose(model.probabilities(np.asarray(prepared.pixels)), expected, atol=1e-5)


def test_a_packaged_ensemble_gives_the_mean_of_the_probabilities_of_its_replicates(run, prepared, packaged, splits):
    parts = package(packaged, run, [0, 1], prepared)
    model, keras_form = PictureModel.load(packaged), keras_network(packaged / KERAS_FILE, [])
    pixels = np.asarray(prepared.pixels, np.float32)
    both = [own_outputs(run, prepared, replicate) for replicate in (0, 1)]
    np.testing.assert_allclose(model.probabilities(pixels), (both[0] + both[1]) / 2, atol=1e-5)
    np.testing.assert_allclose(keras_form(pixels), (both[0] + both[1]) / 2, atol=1e-5)
    together = 2.0 if splits is COMMON_TEST else 1.0
    assert model.settings["members"]["test"] == parts["test"].members == together
    if splits is COMMON_TEST:
        np.testing.assert_allclose(parts["test"].probabilities, model.probabilities(pixels[:20]), atol=1e-5)
    assert model.settings["measured"]["test"]["images"] == (20 if splits is COMMON_TEST else 40)
    assert model.settings["trained"] == ["beef0", "beef1"]
    assert model.settings["calibrated_on"] == 20
    assert (packaged / LITERT_FILE).is_file()


def test_a_network_that_litert_cannot_run_is_packaged_for_keras(run, prepared, packaged, monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("Select TensorFlow op(s), included in the given model, is(are) not supported.")

    monkeypatch.setattr(packaging, "LiteRT", failing)
    package(packaged, run, [0], prepared)
    assert not (packaged / LITERT_FILE).exists()
    model = PictureModel.load(packaged)
    assert model.settings["runtime"] == "KerasRuntime"
    expected = own_outputs(run, prepared, 0)
    np.testing.assert_allclose(model.probabilities(np.asarray(prepared.pixels)), expected, atol=1e-5)


def test_a_network_whose_litert_form_differs_is_packaged_for_keras(run, prepared, packaged, monkeypatch):
    monkeypatch.setattr(packaging, "LiteRT", lambda file: lambda pixels: np.full((len(pixels), 3), 1 / 3))
    package(packaged, run, [0], prepared)
    assert not (packaged / LITERT_FILE).exists()


def test_images_of_a_large_data_set_are_read_in_blocks(monkeypatch):
    monkeypatch.setattr(packaging, "READ_TOGETHER", 4)
    pixels = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1)
    blocks = []

    def runtime(images):
        blocks.append(len(images))
        return np.concatenate([images[:, 0, 0], 20 - images[:, 0, 0]], axis=1)

    data = SimpleNamespace(pixels=pixels, classes=("a", "b"))
    found = packaging._probabilities(runtime, data, np.arange(1, 11))
    np.testing.assert_allclose(found[:, 0], np.arange(1, 11) / 20)
    assert blocks == [4, 4, 2]
