"""Networks are built from architectures, and mistakes give one sentence."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import pytest
from tensorflow.errors import ResourceExhaustedError

from pipeline.errors import UserError
from pipeline.networks import build as building
from pipeline.networks.build import architecture_names, build


def error_message(architecture: str, options: dict, shape: tuple[int, int, int] = (8, 8, 1), classes: int = 10) -> str:
    with pytest.raises(UserError) as error:
        build(architecture, options, input_shape=shape, classes=classes)
    return str(error.value)


def test_architectures_are_the_files_in_their_folder():
    assert {"fully_connected", "lecture_cnn", "lenet5", "locally_connected", "resnet"} <= set(architecture_names())


def test_the_message_for_an_unknown_architecture_lists_the_available_ones():
    assert error_message("lenet", {}).startswith(
        "Unknown architecture 'lenet'. Did you mean 'lenet5'? Available: convnext,"
    )


def test_the_message_for_an_unknown_option_lists_the_available_ones():
    message = error_message("lenet5", {"activatoin": "tanh"})
    assert "'activatoin'" in message
    assert "lenet5" in message
    assert message.endswith("Did you mean 'activation'? Available: activation, connections, subsampling.")


@pytest.mark.parametrize(
    ("architecture", "options", "parts"),
    [
        ("fully_connected", {"units": 0}, ["'units'", "fully_connected", "greater than 0", "0"]),
        ("fully_connected", {"units": "many"}, ["'units'", "an integer", "'many'"]),
        ("lecture_cnn", {"filters": [16, -1]}, ["'filters'", "integer greater than 0", "[16, -1]"]),
        ("lecture_cnn", {"filters": []}, ["'filters'", "at least 1 value", "[]"]),
        ("lecture_cnn", {"kernel_size": 2.5}, ["'kernel_size'", "an integer", "2.5"]),
        ("lenet5", {"activation": "swoosh"}, ["'activation'", "'tanh'", "'swoosh'"]),
        ("resnet", {"blocks_per_stage": True}, ["'blocks_per_stage'", "an integer", "True"]),
    ],
)
def test_the_message_for_an_invalid_option_states_name_rule_and_value(architecture, options, parts):
    message = error_message(architecture, options)
    assert all(part in message for part in parts), message
    assert "\n" not in message


@pytest.mark.parametrize("architecture", ["lecture_cnn", "locally_connected"])
def test_the_message_for_too_small_an_image_names_layer_and_input_size(architecture):
    assert error_message(architecture, {}, shape=(3, 3, 1)) == (
        "Layer 'pool2' (MaxPooling2D, 2×2) does not fit its 1×1 input. "
        f"Architecture {architecture} needs images larger than 3×3, or other options."
    )


def test_a_single_side_may_be_too_small():
    assert "does not fit its 8×1 input" in error_message("lecture_cnn", {}, shape=(16, 2, 1))


def test_the_message_for_too_deep_a_network_names_the_layer():
    message = error_message("lecture_cnn", {"filters": [4] * 8}, shape=(64, 64, 1))
    assert message.startswith("Layer 'pool7' (MaxPooling2D, 2×2) does not fit its 1×1 input.")


def test_a_network_needs_at_least_two_classes():
    assert "at least 2 classes. Received 1: check the labels." in error_message("lenet5", {}, classes=1)


def offer(monkeypatch: pytest.MonkeyPatch, construct: Callable[..., Any]) -> None:
    """Make `construct` the only available architecture, under the name `odd`."""
    monkeypatch.setattr(building, "architecture_names", lambda: ["odd"])
    monkeypatch.setattr(building, "import_module", lambda name: SimpleNamespace(build=construct))


def test_a_network_that_does_not_fit_into_memory_is_a_user_error(monkeypatch):
    def exhausting(input_shape, classes, *, units: int):
        raise ResourceExhaustedError(None, None, "OOM when allocating tensor")

    offer(monkeypatch, exhausting)
    assert error_message("odd", {"units": 10**12}) == (
        "Architecture odd with options {'units': 1000000000000} does not fit into memory for 8×8 images: "
        "use smaller images or options."
    )


def test_other_errors_of_keras_are_quoted(monkeypatch):
    def misshapen(input_shape, classes):
        image = keras.Input(input_shape, name="image")
        return keras.Model(image, keras.layers.Reshape((5, 5), name="odd")(image))

    offer(monkeypatch, misshapen)
    message = error_message("odd", {})
    assert message.startswith("Architecture odd cannot be built for 8×8 images and 10 classes: ")
    assert "\n" not in message and "\x1b" not in message
    assert "target_shape=(5, 5)" in message


def test_a_layer_without_a_rule_does_not_hide_an_error_of_keras(monkeypatch):
    def inverted(input_shape, classes):
        image = keras.Input(input_shape, name="image")
        x = keras.layers.RandomInvert(name="invert")(image)
        return keras.Model(image, keras.layers.MaxPooling2D(20, name="pool")(x))

    offer(monkeypatch, inverted)
    assert "20×20" not in error_message("odd", {})
    assert "zero or negative" in error_message("odd", {})


def test_the_input_of_a_layer_may_be_larger_than_the_image(monkeypatch):
    def upward(input_shape, classes):
        image = keras.Input(input_shape, name="image")
        x = keras.layers.Conv2DTranspose(3, 3, name="up")(image)
        return keras.Model(image, keras.layers.MaxPooling2D(20, name="pool")(x))

    offer(monkeypatch, upward)
    assert error_message("odd", {}).startswith("Layer 'pool' (MaxPooling2D, 20×20) does not fit its 10×10 input.")


def test_an_architecture_receives_the_number_of_subgroups(monkeypatch):
    def counting(input_shape, classes, *, subgroups: int):
        return subgroups, classes

    offer(monkeypatch, counting)
    assert build("odd", {}, input_shape=(8, 8, 1), classes=5, subgroups=3) == (3, 5)
    with pytest.raises(UserError, match="Unknown option 'subgroups': architecture odd has no options"):
        build("odd", {"subgroups": 3}, input_shape=(8, 8, 1), classes=5, subgroups=3)


def test_a_network_with_numbers_rejects_data_without_numbers():
    with pytest.raises(UserError, match=r"image_and_numbers needs images with at least one number each: name columns"):
        build("image_and_numbers", {}, input_shape=(8, 8, 1), classes=2)


@pytest.mark.parametrize("architecture", ["two_inputs", "two_outputs"])
@pytest.mark.parametrize("subgroups", [0, 1])
def test_a_network_with_subgroups_rejects_data_without_subgroups(architecture, subgroups):
    with pytest.raises(UserError) as error:
        build(architecture, {}, input_shape=(8, 8, 1), classes=2, subgroups=subgroups)
    assert str(error.value) == (
        f"Architecture {architecture} needs images with at least 2 subgroups, such as the types of solar modules of "
        f"`data: elpv`. Received {subgroups}."
    )
