"""Networks in files: the formats that are read, and the messages for files without a readable network."""

import json
import zipfile

import pytest

from pipeline.errors import UserError
from pipeline.networks.from_keras import network_of_file

IMAGE = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 28, 28, 1]}}
FLAT = {"class_name": "Flatten", "config": {"name": "flat"}}


def sequential(*layers):
    return json.dumps({"class_name": "Sequential", "config": {"name": "network", "layers": layers}})


def error_message(path, shape=None):
    with pytest.raises(UserError) as error:
        network_of_file(path, shape)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_the_content_of_a_file_determines_its_format(tmp_path):
    text = sequential(IMAGE, FLAT)
    archive, plain = tmp_path / "network.json", tmp_path / "network.keras"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("config.json", text)
    plain.write_text(text)
    assert network_of_file(archive, None) == network_of_file(plain, None)
    assert [row.output_shape for row in network_of_file(plain, None).rows] == [(28, 28, 1), (784,)]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("garbage.keras", b"PK\x03\x04 \xff", "does not contain a Keras 3 model (UnicodeDecodeError"),
        ("text.json", "layers: 3", "does not contain a Keras 3 model (JSONDecodeError"),
        ("empty.json", "", "does not contain a Keras 3 model (JSONDecodeError"),
        ("list.json", "[1, 2]", "does not contain a Keras 3 model: give a .keras file"),
        ("other.json", '{"class_name": "Adam", "config": {}}', "must be a Functional or Sequential"),
        ("torn.json", '{"class_name": "Sequential", "config": 3}', "does not contain a Keras 3 model (Attrib"),
        ("torn2.json", sequential({"config": {}}), "does not contain a Keras 3 model (KeyError"),
        ("model.h5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file, the format of Keras 2: load it with Keras and save it"),
        ("none.json", sequential(FLAT), "must state the shape of its input"),
        (
            "unknown.json",
            sequential(IMAGE, {"class_name": "Unheard", "config": {"name": "look"}}),
            "Layer 'look' is of class Unheard, which has no rule: add one under pipeline/arithmetic/rules. Keras",
        ),
        (
            "large.json",
            sequential(
                IMAGE,
                {
                    "class_name": "MaxPooling2D",
                    "config": {"name": "pool", "pool_size": [40, 2], "strides": [1, 1], "padding": "valid"},
                },
            ),
            "Layer 'pool' (MaxPooling2D, 40×2) does not fit its 28×28 input",
        ),
    ],
)
def test_a_file_without_a_network_is_rejected(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = error_message(path)
    assert message.startswith(str(path))
    assert sentence in message


def test_a_shape_must_agree_with_the_sides_that_a_file_fixes(tmp_path):
    image = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, None, None, 3]}}
    pooled = {"class_name": "GlobalAveragePooling2D", "config": {"name": "mean", "keepdims": False}}
    path = tmp_path / "open.json"
    path.write_text(sequential(image, pooled))
    assert network_of_file(path, (16, 20, 3)).rows[0].output_shape == (16, 20, 3)
    assert "is not fixed" in error_message(path)
    message = error_message(path, (16, 16, 1))
    assert message.startswith("--input 16×16×1 contradicts the network's input, ?×?×3")


def test_an_archive_that_is_not_from_keras_is_rejected(tmp_path):
    with zipfile.ZipFile(tmp_path / "network.keras", "w") as file:
        file.writestr("notes.txt", "{}")
    assert "does not contain a Keras 3 model (KeyError" in error_message(tmp_path / "network.keras")
