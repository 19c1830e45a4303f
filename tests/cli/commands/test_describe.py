"""`convtrack describe`: its output, its messages, and that it imports TensorFlow only where needed."""

import json

import pytest

from pipeline.cli.commands import describe
from pipeline.errors import UserError

IMAGE = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 28, 28, 1]}}
FLAT = {"class_name": "Flatten", "config": {"name": "flat"}}
OUTPUT = {"class_name": "Dense", "config": {"name": "output", "units": 10, "use_bias": True}}


def sequential(*layers):
    return json.dumps({"class_name": "Sequential", "config": {"name": "network", "layers": layers}})


@pytest.fixture
def written(tmp_path):
    """Write a file and return its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def described(capsys, *arguments):
    describe.main(arguments)
    return capsys.readouterr().out


def error_message(*arguments):
    with pytest.raises(UserError) as error:
        describe.main(arguments)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_the_table_of_a_file_has_a_line_per_layer_and_totals(capsys, written):
    lines = described(capsys, written("network.json", sequential(IMAGE, FLAT, OUTPUT))).splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["layer", "image", "flat", "output"]
    assert lines[5].split()[2:7] == ["10", "7,850", "7,850", "7,840", "all"]
    assert "7,850 parameters, 30.7 KiB in float32" in lines


def test_with_json_the_output_is_only_json_and_has_the_same_numbers(capsys, written):
    output = json.loads(described(capsys, written("network.json", sequential(IMAGE, FLAT, OUTPUT)), "--json"))
    assert (output["parameters"], output["multiply_accumulates"]) == (7850, 7840)
    assert [layer["name"] for layer in output["layers"]] == ["image", "flat", "output"]
    assert output["layers"][0]["receptive_field"] == [1, 1]


# Keras 3.15 copies a variable with np.array; TensorFlow's variables do not implement the `copy` argument of NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_a_file_saved_by_keras_is_described(capsys, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(3, 5, name="conv")], name="network")
    model.save(tmp_path / "network.keras")
    assert "78 parameters" in described(capsys, str(tmp_path / "network.keras"))


def test_input_sets_an_open_image_size_and_is_rejected_for_a_fixed_one(capsys, written):
    free = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, None, None, 3]}}
    path = written("open.json", sequential(free, FLAT))
    assert "is not fixed: add --input" in error_message(path)
    assert "flat   Flatten     60" in described(capsys, path, "--input", "4x5x3")
    assert "is fixed: remove --input" in error_message(written("n.json", sequential(IMAGE)), "--input", "4x5x3")


def test_how_many_numbers_belong_to_an_image_is_an_argument_of_models_only(capsys):
    model = ("model=image_and_numbers", "--input", "16x16x1", "--classes", "2")
    assert "numbers            InputLayer    3" in described(capsys, *model, "--numbers", "3")
    assert "needs images with at least one number each" in error_message(*model)
    assert "--numbers applies only to model=NAME" in error_message("keras.applications.VGG16", "--numbers", "2")


def test_the_number_of_subgroups_is_an_argument_of_models_only(capsys):
    model = ("model=two_outputs", "--input", "16x16x1", "--classes", "2")
    last = described(capsys, *model, "--subgroups", "3").split("\n\n")[1].splitlines()[-1]
    assert last.split()[:4] == ["subgroup", "Dense", "3", "303"]
    assert "needs images with at least 2 subgroups" in error_message(*model, "--subgroups", "1")
    assert "--subgroups applies only to model=NAME" in error_message("keras.applications.VGG16", "--subgroups", "2")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.keras"], "nowhere.keras does not exist: give model=NAME, a .keras or .json file, or keras.appl"),
        (["."], ". cannot be read (Is a directory): give a .keras or .json file."),
        (["model=lenet5", "--input", "28x28"], "`--input` must be rows, columns and channels, each at least 1"),
        (["model=lenet5", "--input", "28x0x1"], "`--input` must be rows, columns and channels, each at least 1"),
        (["model=lenet5", "--classes", "ten"], "`--classes` must be a positive integer. Received 'ten'."),
        (["a.keras", "b.keras"], "describe accepts one network at a time. Received: a.keras, b.keras."),
        (["a.keras", "model.options.width=3"], "describe accepts one network at a time. Received: a.keras, model.opt"),
        (["a.keras", "--classes", "3"], "The number of classes in a.keras is fixed: remove --classes."),
        (["model=lenet5,resnet8"], "describe accepts one network at a time, but 'model=lenet5,resnet8' has several"),
    ],
)
def test_every_message_is_one_sentence(arguments, sentence):
    assert error_message(*arguments).startswith(sentence)


def test_an_application_has_its_own_size_and_a_thousand_classes_by_default(capsys):
    output = described(capsys, "keras.applications.MobileNet")
    assert output.startswith("keras.applications.MobileNet for 224×224×3 images and 1000 classes:\n")
    assert "4,253,864 parameters" in output
    small = described(capsys, "keras.applications.MobileNet", "--input", "32x48x1", "--classes", "2")
    assert small.startswith("keras.applications.MobileNet for 32×48×1 images and 2 classes:\n")
    assert "Did you mean 'VGG19'" in error_message("keras.applications.VGG18")
    assert "cannot be built: Input size" in error_message("keras.applications.VGG16", "--input", "8x8x3")


def test_a_model_is_described_for_the_given_or_the_prepared_images(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(describe, "PREPARED", tmp_path)
    model = ("model=lecture_cnn", "model.options.padding=valid")
    assert "add --input ROWSxCOLUMNSxCHANNELS and --classes N" in error_message(*model)
    output = described(capsys, *model, "--input", "28x28x1", "--classes", "10")
    assert output.startswith("lecture_cnn for 28×28×1 images and 10 classes:\n")
    assert "26×26×16" in output
    manifest = {"name": "cells", "image_shape": [20, 24, 1], "classes": ["good", "bad"], "subgroups": None}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    output = described(capsys, *model)
    assert output.startswith(
        f"lecture_cnn for 20×24×1 images and 2 classes (shape and classes of cells in {tmp_path}):"
    )


def test_a_layer_without_a_rule_in_a_file_is_measured_by_keras(capsys, written):
    import keras

    image = keras.Input((8, 8, 1), name="image")
    model = keras.Model(image, keras.layers.Dense(2, name="dense")(keras.layers.Resizing(4, 5, name="odd")(image)))
    lines = described(capsys, written("odd.json", model.to_json())).splitlines()
    (line,) = [line for line in lines if line.startswith("odd ")]
    assert line.split()[2:7] == ["4×5×1", "0", "?", "?", "undefined"]
    assert "at least 40 multiply–accumulates per image" in lines
    assert lines[-1].endswith(": odd")


def test_a_file_is_described_without_tensorflow(project, written):
    path = written("network.json", sequential(IMAGE, FLAT, OUTPUT))
    result = project.run("describe", path, python=("-X", "importtime"))
    assert result.code == 0
    assert "7,850 parameters" in result.stdout
    assert not any(heavy in result.stderr for heavy in ("| tensorflow", "| keras", "| matplotlib", "| hydra"))


def test_the_command_applies_overrides_and_reports_mistakes_in_one_sentence(project):
    arguments = ("--input", "28x28x1", "--classes", "10", "--json")
    output = json.loads(project.run("describe", "model=lenet5", "model.options.activation=relu", *arguments).output())
    assert output["layers"][-1]["output_shape"] == [10]
    assert (
        project.run("describe", "model=lenet")
        .error_message()
        .startswith("Unknown model 'lenet'. Did you mean 'lenet5'?")
    )
    misspelt = project.run("describe", "model=lenet5", "model.options.activatoin=x", *arguments).error_message()
    assert "'activatoin'" in misspelt and "Did you mean 'activation'?" in misspelt
