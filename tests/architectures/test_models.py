"""Every network in conf/model is built for tiny images, predicts, learns, and is loaded from its JSON.

Some of them, with every kind of layer, are converted to LiteRT.
"""

import json
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from ai_edge_litert.interpreter import Interpreter

from pipeline.errors import UserError
from pipeline.networks.build import architecture_names, build, resolved_options
from pipeline.storage.native_output import native_errors_discarded

FILES = sorted((Path(__file__).parents[2] / "conf" / "model").glob("*.yaml"))
GREY = [(8, 8, 1), (16, 16, 1), (32, 32, 1)]
COLOUR = [(9, 12, 3), (18, 24, 3), (36, 48, 3)]
"""A network is tried on the first of these that it can be built for."""


def model_of(file: Path) -> dict:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    # A file that also sets the optimizer or another section has the model's values in a section of their own.
    return {"options": {}, **content.get("model", content)}


ARCHITECTURE = {file: model_of(file)["architecture"] for file in FILES}
every_model = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
NETWORKS = sorted({f"{ARCHITECTURE[file]} {model_of(file)['options']}": file for file in reversed(FILES)}.values())
"""The first model of each network; further ones differ only in their training."""
every_network = pytest.mark.parametrize("file", NETWORKS, ids=lambda file: file.stem)
CONVERTED = [
    *{ARCHITECTURE[file]: file for file in reversed(NETWORKS)}.values(),
    *(
        FILES[0].with_stem(name)
        for name in (
            "fully_connected_mnist",
            "ladder_masked_2d",
            "ladder_shared_1d",
            "ladder_sparse_1d",
            "lecture_cnn_batch_normalization",
            "lecture_cnn_blurpool",
            "lecture_cnn_circular",
            "lecture_cnn_invariant",
            "lecun1989_net4",
            "lenet5_sparse",
            "mnist1d_dilated",
            "mnist1d_pooling_blur",
            "mnist1d_pooling_polyphase",
            "resnet8_mnist",
            "vgg_bn_mnist",
        )
    ),
]
"""Networks with every kind of layer: the first of each architecture, and some with further layers or options."""


@cache
def built(file: Path) -> keras.Model:
    """A model: the first of its architecture on coloured images of three classes, further ones on grey ones of two."""
    keras.utils.set_random_seed(0)
    config = model_of(file)
    first = file == next(other for other in FILES if ARCHITECTURE[other] == ARCHITECTURE[file])
    shapes, classes = (COLOUR, 3) if first else (GREY, 2)
    for shape in shapes:
        try:
            return build(
                config["architecture"], config["options"], input_shape=shape, classes=classes, subgroups=2, numbers=3
            )
        except UserError:
            if shape == shapes[-1]:
                raise
    raise AssertionError


def examples(model: keras.Model) -> list[np.ndarray]:
    """Four random examples for each input."""
    random = np.random.default_rng(0)
    return [random.normal(size=(4, *one.shape[1:])).astype("float32") for one in model.inputs]


def predictions(model: keras.Model, inputs: list[np.ndarray]) -> list[tf.Tensor]:
    """The predictions of each output in training mode."""
    return tf.nest.flatten(model(inputs if len(inputs) > 1 else inputs[0], training=True))


def loss(probabilities: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of examples whose classes are 0, 1, 2, 3 modulo the number of classes."""
    width = probabilities.shape[-1]
    truth = np.arange(4) % max(width, 2)
    if width == 1:
        return tf.reduce_mean(keras.losses.binary_crossentropy(truth[:, None].astype("float32"), probabilities))
    return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(truth, probabilities))


@every_network
def test_every_network_predicts_probabilities_and_has_a_gradient_for_every_weight(file):
    model = built(file)
    with tf.GradientTape() as tape:
        outputs = predictions(model, examples(model))
        total = tf.add_n([loss(probabilities) for probabilities in outputs])
    assert np.isfinite(total)
    for probabilities in map(np.asarray, outputs):
        assert probabilities.shape[0] == 4
        assert ((probabilities >= 0) & (probabilities <= 1)).all()
        if probabilities.shape[1] > 1:
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)

    weights = [weight.value for weight in model.trainable_weights]
    for weight, gradient in zip(model.trainable_weights, tape.gradient(total, weights), strict=True):
        assert gradient is not None, weight.path
        values = np.asarray(gradient)
        assert np.isfinite(values).all() and values.any(), weight.path


@every_network
def test_every_network_loaded_from_its_json_computes_the_same_function(file):
    model = built(file)
    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    images = examples(model)
    inputs = images if len(images) > 1 else images[0]
    for one, other in zip(tf.nest.flatten(copy(inputs)), tf.nest.flatten(model(inputs)), strict=True):
        np.testing.assert_array_equal(one, other)


def kinds(files: list[Path]) -> set[str]:
    """The kinds of the layers and functions in some networks."""
    return {
        operation["class_name"] for file in files for operation in json.loads(built(file).to_json())["config"]["layers"]
    }


def test_the_converted_networks_have_every_kind_of_layer():
    assert kinds(CONVERTED) == kinds(NETWORKS)


@pytest.mark.parametrize("file", CONVERTED, ids=lambda file: file.stem)
def test_networks_with_every_kind_of_layer_compute_the_same_probabilities_in_litert(file, tmp_path):
    model, random = built(file), np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32" and len(np.unique(weight)) == 1:  # biases and statistics that have not moved yet
            weight.assign(weight + random.uniform(0, 0.3, weight.shape))
    with native_errors_discarded():
        model.export(tmp_path / "network.tflite", format="litert", verbose=False)
        interpreter = Interpreter(str(tmp_path / "network.tflite"))
    run = interpreter.get_signature_runner()
    for batch in (4, 1):
        inputs = {one.name: values[:batch] for one, values in zip(model.inputs, examples(model), strict=True)}
        found = run(**inputs)
        expected = tf.nest.flatten(model(list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values()))))
        for number, probabilities in enumerate(expected):
            np.testing.assert_allclose(found[f"output_{number}"], probabilities, atol=1e-5)


@every_model
def test_every_model_file_begins_with_a_description(file):
    assert file.read_text(encoding="utf-8").startswith("# ")


@every_model
def test_every_model_file_states_the_command_that_trains_it(file):
    assert f"#   convtrack experiment model={file.stem} data=" in file.read_text(encoding="utf-8")


def test_every_architecture_has_a_model():
    assert set(ARCHITECTURE.values()) == set(architecture_names())


@every_model
def test_every_model_file_states_only_options_that_differ_from_the_defaults(file):
    model = model_of(file)
    defaults = resolved_options(model["architecture"], {})
    assert [name for name, value in model["options"].items() if defaults[name] == value] == []


@pytest.mark.parametrize("architecture", architecture_names())
def test_every_architecture_has_a_model_with_the_default_options(architecture):
    if architecture in ("fully_connected", "ladder"):
        return
    assert {} in [model_of(file)["options"] for file in FILES if ARCHITECTURE[file] == architecture]


def test_resolved_options_are_the_given_ones_and_the_defaults_as_json_values():
    assert resolved_options("lenet5", {"activation": "relu"}) == {
        "activation": "relu",
        "connections": "dense",
        "subsampling": "average",
    }
    assert resolved_options("two_inputs", {"filters": [4]}) == {"filters": [4], "kernel_size": 3, "units": 100}
    with pytest.raises(UserError, match="Unknown option"):
        resolved_options("lenet5", {"depth": 3})


INVALID = [
    ("convnext", {"stages": []}, "'stages'"),
    ("convnext", {"stages": [[1, 24, 3]]}, "'stages'"),
    ("convnext", {"layer_scale": float("inf")}, "'layer_scale'"),
    ("convnext", {"patch": 0}, "'patch'"),
    ("densenet", {"blocks": [3, 0]}, "'blocks'"),
    ("densenet", {"compression": 1.5}, "'compression'"),
    ("densenet", {"bottleneck": 1}, "'bottleneck'"),
    ("inception", {"modules": []}, "'modules'"),
    ("inception", {"modules": ["3c"]}, "'3a', '3b'"),
    ("inception", {"modules": ["3a", "3a"]}, "must name each module once"),
    ("inception", {"width": 0}, "'width'"),
    ("inception", {"stem": "large"}, "'small', 'paper'"),
    ("keras_application", {"name": "MobileNetV4"}, "MobileNetV2, MobileNetV3Large"),
    ("keras_application", {"name": "MobileNetV2", "weights": "imagenet"}, "nothing is downloaded"),
    ("lecun1989", {"network": 6}, "at least 1 and at most 5"),
    ("lecun1989", {"network": True}, "at least 1 and at most 5"),
    ("lenet5", {"connections": "sparse"}, "'dense', 'table'"),
    ("lenet5", {"subsampling": "max"}, "'average', 'trainable'"),
    ("mobilenet", {"width": float("nan")}, "'width'"),
    ("mobilenet", {"repeats": -1}, "'repeats'"),
    ("mobilenet", {"stem_strides": 3}, "at least 1 and at most 2"),
    ("resnet_v2", {"blocks_per_stage": 0}, "'blocks_per_stage'"),
    ("vgg", {"blocks": [2, 2]}, "'blocks'"),
    ("vgg", {"units": [0]}, "'units'"),
    ("vgg", {"dropout": 1}, "'dropout'"),
    *((architecture, {"nonsense": 1}, "Unknown option") for architecture in architecture_names()),
]


@pytest.mark.parametrize(("architecture", "options", "part"), INVALID)
def test_every_architecture_rejects_an_invalid_option_in_one_sentence(architecture, options, part):
    with pytest.raises(UserError) as error:
        build(architecture, options, input_shape=(64, 64, 1), classes=3, subgroups=2, numbers=3)
    assert part in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("architecture", "options", "side", "sentence"),
    [
        ("vgg", {}, 7, "Layer 'block3_pool' (MaxPooling2D, 2×2) does not fit its 1×1 input."),
        ("convnext", {}, 7, "Layer 'downsampling2' (Conv2D, 2×2) does not fit its 1×1 input."),
        ("densenet", {}, 3, "Layer 'transition2_pool' (AveragePooling2D, 2×2) does not fit its 1×1 input."),
        ("keras_application", {"name": "VGG16"}, 8, "Layer 'block4_pool' (MaxPooling2D, 2×2) does not fit its 1×1"),
    ],
)
def test_the_message_for_too_small_an_image_names_the_layer(architecture, options, side, sentence):
    with pytest.raises(UserError) as error:
        build(architecture, options, input_shape=(side, side, 1), classes=3)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("architecture", ["inception", "lecun1989", "mobilenet", "resnet_v2"])
def test_architectures_that_round_up_accept_a_single_pixel(architecture):
    assert build(architecture, {}, input_shape=(1, 1, 1), classes=3).output.shape == (None, 3)
