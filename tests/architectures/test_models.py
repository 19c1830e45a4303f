"""Every model in conf/model is built and takes a step of training on tiny images."""

from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from pipeline.building import architecture_names, build

FILES = sorted((Path(__file__).parents[2] / "conf" / "model").glob("*.yaml"))


def model_of(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))["model"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize(("shape", "classes"), [((8, 8, 1), 2), ((9, 12, 3), 3)])
def test_every_model_answers_in_probabilities_and_learns_from_every_weight(file, shape, classes):
    keras.utils.set_random_seed(0)
    config = model_of(file)
    model = build(config["architecture"], config["options"], input_shape=shape, classes=classes)
    images = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    labels = np.arange(4) % classes

    probabilities = np.asarray(model(images))
    assert probabilities.shape == (4, 1 if classes == 2 else classes)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if classes > 2:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)

    before = [weight.numpy() for weight in model.trainable_weights]
    loss = "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
    model.compile("sgd", loss)
    assert np.isfinite(model.train_on_batch(images, labels))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert not np.array_equal(weight.numpy(), old), weight.path


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_model_read_back_from_its_json_is_the_same_function(file):
    config = model_of(file)
    model = build(config["architecture"], config["options"], input_shape=(9, 12, 3), classes=3)
    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    images = np.random.default_rng(0).normal(size=(4, 9, 12, 3)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_model_opens_with_hydras_package_and_says_what_it_is(file):
    first, second, *_ = file.read_text(encoding="utf-8").splitlines()
    assert first == "# @package _global_"
    assert second.startswith("# ")


def test_every_architecture_is_a_model():
    assert {model_of(file)["architecture"] for file in FILES} == set(architecture_names())


@pytest.mark.parametrize("architecture", architecture_names())
def test_a_model_of_an_architecture_alone_states_the_options_it_has_by_default(architecture):
    config = next(model for model in map(model_of, FILES) if model["architecture"] == architecture)
    bare = build(architecture, {}, input_shape=(8, 8, 1), classes=3)
    assert build(architecture, config["options"], input_shape=(8, 8, 1), classes=3).to_json() == bare.to_json()
