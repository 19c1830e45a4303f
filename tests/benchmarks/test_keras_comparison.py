import keras
import numpy as np
import pytest

from benchmarks.peers import keras_comparison as script

NONE = {"horizontal_flip": False, "vertical_flip": False, "quarter_turns": False, "shift": 0}
COSINE = {"name": "CosineDecay", "options": {}}


@pytest.fixture
def network(tmp_path):
    """An entry of the script's job: a logistic regression on 2×2 images of three classes, with its recipe."""
    image = keras.Input((2, 2, 1), name="image")
    output = keras.layers.Dense(3, activation="softmax", name="output")(keras.layers.Flatten()(image))
    (tmp_path / "network.json").write_text(keras.Model(image, output).to_json())
    return {
        "architecture": str(tmp_path / "network.json"),
        "optimizer": {"name": "Adam", "learning_rate": 0.25, "options": {"beta_1": 0.5}, "schedule": COSINE},
        "training": {"epochs": 20, "batch_size": 4, "patience": None, "class_weights": "balanced"},
        "augmentation": NONE,
    }


def test_the_optimizer_is_that_of_the_recipe(network):
    optimizer = script.compiled(network, steps=10).optimizer
    assert (type(optimizer), optimizer.beta_1) == (keras.optimizers.Adam, 0.5)
    assert float(optimizer.learning_rate) == 0.25
    optimizer.iterations.assign(10)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("augmentation", [NONE, NONE | {"horizontal_flip": True}])
def test_three_classes_are_learned(network, augmentation):
    keras.utils.set_random_seed(0)  # Other tests in this process make operations deterministic, which needs a seed.
    labels = np.arange(30) % 3
    # Every column of an image holds its class, so a horizontal flip does not change it.
    images = np.array([[0, 0], [0, 1], [1, 0]], np.float32)[labels].reshape(-1, 2, 1, 1).repeat(2, axis=2)
    parts = ("train", "validation", "test")
    data = dict.fromkeys(parts, images) | {f"{part}_labels": labels for part in parts}
    assert script.test_accuracy(network | {"augmentation": augmentation}, data) == 1


def test_every_augmented_image_is_one_of_the_possible_ones():
    image = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    batch = np.stack([image] * 200)
    random = np.random.default_rng(0)
    flips = {variant.tobytes() for variant in (image, image[:, ::-1], image[::-1], image[::-1, ::-1])}
    turns = {np.rot90(image, quarters).tobytes() for quarters in range(4)}
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    shifts = {padded[top : top + 3, left : left + 3].tobytes() for top in range(3) for left in range(3)}
    for changed, possible in (
        ({"horizontal_flip": True, "vertical_flip": True}, flips),
        ({"quarter_turns": True}, turns),
        ({"shift": 1}, shifts),
        ({}, {image.tobytes()}),
    ):
        assert {one.tobytes() for one in script.augmented(batch, random, **NONE | changed)} == possible
