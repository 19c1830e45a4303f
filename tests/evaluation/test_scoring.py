from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation.predictions import Answers
from pipeline.storage.folders import ResultFolder
from pipeline.training.runtime import start_tensorflow

# Keras' layers hand their variables to NumPy without the keyword `copy` that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def evaluating():
    start_tensorflow()
    from pipeline.evaluation import evaluate as evaluating

    return evaluating


@pytest.fixture(scope="module")
def prepared():
    """Eight images of 4×4 grey pixels of three classes; image n has grey level 10 n; two replicates."""
    splits = np.full((2, 8), TRAIN, np.uint8)
    splits[0, [0, 2, 4, 6]] = TEST
    splits[1, [2, 3, 6]] = TEST
    splits[:, [1, 5]] = VALIDATION
    return Prepared(
        pixels=np.tile(np.arange(0, 80, 10, dtype=np.uint8)[:, None, None, None], (1, 4, 4, 1)),
        labels=np.array([0, 0, 1, 1, 2, 2, 0, 1]),
        groups=np.arange(8).astype(str),
        subgroups=np.array(["small", "small", "big", "small", "small", "big", "small", "small"]),
        names=np.array([f"folder/{number}.png" for number in range(8)]),
        splits=splits,
        manifest={
            "classes": ["ape", "bee", "cat"],
            "subgroups": ["big", "small"],
            "attribution": "nobody",
            "replicates": [{"mean": [30.0], "standard_deviation": [20.0]}] * 2,
        },
    )


@pytest.fixture
def answers(evaluating, prepared):
    """Of each replicate on its test images; wrong on image 2, twice, and on image 6 in the second replicate."""
    said = {
        0: {0: (0.8, 0.1, 0.1), 2: (0.6, 0.3, 0.1), 4: (0.1, 0.2, 0.7), 6: (0.9, 0.1, 0.0)},
        1: {2: (0.8, 0.1, 0.1), 3: (0.2, 0.7, 0.1), 6: (0.1, 0.5, 0.4)},
    }
    return {
        replicate: Answers(
            images=np.array(list(by_image)),
            partners=None,
            classes=np.array(["ape", "bee", "cat"]),
            truth=prepared.labels[list(by_image)],
            probabilities=np.array(list(by_image.values())),
            groups=np.arange(len(by_image)),
            subgroups=None,
            trained_on=4,
        )
        for replicate, by_image in said.items()
    }


def test_every_replicate_is_asked_about_its_own_test_images(evaluating, prepared, tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((4, 4, 1), name="image"), keras.layers.Flatten(), keras.layers.Dense(3, "softmax", name="output")]
    )
    results, weights = {}, {}
    for replicate in (0, 1):
        results[replicate] = ResultFolder(tmp_path / str(replicate))
        results[replicate].folder.mkdir()
        weights[replicate] = np.random.default_rng(replicate).normal(size=(16, 3)), np.zeros(3)
        network.set_weights(weights[replicate])
        network.save_weights(results[replicate].weights)

    asked = evaluating.ask(network.to_json(), results, prepared, batch_size=3, repeats=1)
    assert asked.seconds_per_image.keys() == {0, 1}
    assert all(seconds > 0 for seconds in asked.seconds_per_image.values())
    questions = [(0, asked.test, [0, 2, 4, 6]), (1, asked.test, [2, 3, 6]), (1, asked.validation, [1, 5])]
    for replicate, answers, images in questions:
        said = answers["output"][replicate]
        assert said.images.tolist() == images
        assert said.partners is None
        assert said.classes.tolist() == ["ape", "bee", "cat"]
        assert said.groups.tolist() == images
        assert said.subgroups.tolist() == prepared.subgroups[images].tolist()
        assert said.trained_on == {0: 2, 1: 3}[replicate]
        assert said.truth.tolist() == prepared.labels[images].tolist()
        logits = np.tile((10.0 * np.array(images)[:, None] - 30) / 20, (1, 16)) @ weights[replicate][0]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        np.testing.assert_allclose(said.probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)


def test_scores_are_each_replicates_and_confusion_is_that_of_all(evaluating, answers):
    by_replicate, confusion = evaluating.score({"output": answers}), evaluating.confusion(answers)
    assert {number: scores["accuracy"] for number, scores in by_replicate.items()} == {
        0: 3 / 4,
        1: pytest.approx(1 / 3),
    }
    assert confusion == [[2, 1, 0], [2, 1, 0], [0, 0, 1]]
    assert all(type(count) is int for row in confusion for count in row)


def test_spreads_are_mean_and_sample_deviation_of_what_all_replicates_have(evaluating):
    spreads = evaluating.spreads({0: {"accuracy": 0.5, "f1": 0.1, "roc_auc": 1.0}, 1: {"accuracy": 0.9, "f1": 0.1}})
    assert spreads == {
        "accuracy": {"mean": pytest.approx(0.7), "deviation": pytest.approx(0.4 / 2**0.5)},
        "f1": {"mean": pytest.approx(0.1), "deviation": pytest.approx(0)},
    }


def test_one_replicate_has_no_deviation(evaluating):
    assert evaluating.spreads({3: {"accuracy": 0.5}}) == {"accuracy": {"mean": 0.5}}


def test_the_class_table_has_a_row_for_each_answer(evaluating, answers):
    table = evaluating.class_table(answers)
    assert list(table.itertuples(index=False, name=None)) == [
        ("ape", "ape"),
        ("bee", "ape"),
        ("cat", "cat"),
        ("ape", "ape"),
        ("bee", "ape"),
        ("bee", "bee"),
        ("ape", "bee"),
    ]


def test_every_replicate_has_its_curves(evaluating, answers):
    pictures = evaluating.curve_pictures(answers)
    assert set(pictures) == {"calibration", "roc", "precision_recall"}
    for text in pictures.values():
        assert text.startswith("<svg")
        assert "replicate 1" in text
        assert "replicate 2" in text


def test_where_a_test_set_holds_one_class_only_there_is_no_roc(evaluating, answers):
    alone = Answers(
        images=np.array([0]),
        partners=None,
        classes=np.array(["ape", "bee", "cat"]),
        truth=np.array([0]),
        probabilities=np.array([[0.8, 0.1, 0.1]]),
        groups=np.array([0]),
        subgroups=None,
        trained_on=4,
    )
    assert set(evaluating.curve_pictures({**answers, 2: alone})) == {"calibration"}


@pytest.fixture
def shown(evaluating, monkeypatch):
    """What is given to the drawing of mistakes."""
    given = []

    def drawn(pixels, captions, attribution):
        given.append((pixels[:, 0, 0, 0].tolist(), captions, attribution))
        return drawing(pixels, captions, attribution)

    drawing = evaluating.images.mistakes
    monkeypatch.setattr(evaluating.images, "mistakes", drawn)
    return given


def test_mistakes_are_those_of_the_mean_answer_the_most_confident_first(evaluating, answers, prepared, shown):
    # Image 6 is right on average: (0.5, 0.3, 0.2). Image 2 is wrong with (0.7, 0.2, 0.1).
    picture = evaluating.mistakes_picture(answers, prepared, 12)
    assert shown == [([20], ["2.png: bee, taken for ape (70 %)"], "nobody")]
    with Image.open(BytesIO(picture)) as image:
        assert image.format == "PNG"


def test_no_more_mistakes_are_shown_than_wanted(evaluating, answers, prepared, shown):
    answers[1].probabilities[1] = (0.05, 0.0, 0.95)
    evaluating.mistakes_picture(answers, prepared, 1)
    evaluating.mistakes_picture(answers, prepared, 2)
    assert [levels for levels, _, _ in shown] == [[30], [30, 20]]


def test_without_mistakes_there_is_no_picture(evaluating, answers, prepared):
    for said in answers.values():
        said.probabilities[:] = np.eye(3)[said.truth]
    assert evaluating.mistakes_picture(answers, prepared, 12) is None


# Other questions than the class of an image


@pytest.fixture
def paired(evaluating):
    """Of each replicate on the same two pairs and one of its own: wrong on images 2 and 4, twice, and on 6 and 7."""
    said = {
        0: {(0, 1): (0.1, 0.9), (2, 4): (0.3, 0.7), (3, 5): (0.9, 0.1)},
        1: {(0, 1): (0.4, 0.6), (2, 4): (0.1, 0.9), (6, 7): (0.45, 0.55)},
    }
    same = {(0, 1): 1, (2, 4): 0, (3, 5): 0, (6, 7): 0}
    return {
        replicate: Answers(
            images=np.array([image for image, _ in by_pair]),
            partners=np.array([partner for _, partner in by_pair]),
            classes=np.array(["different classes", "same class"]),
            truth=np.array([same[pair] for pair in by_pair]),
            probabilities=np.array(list(by_pair.values())),
            groups=np.arange(len(by_pair)),
            subgroups=None,
            trained_on=4,
        )
        for replicate, by_pair in said.items()
    }


def test_a_further_output_is_scored_under_its_name(evaluating, answers, paired):
    by_replicate = evaluating.score({"output": answers, "same": paired})
    assert by_replicate[0]["accuracy"] == 3 / 4
    assert by_replicate[0]["same/accuracy"] == pytest.approx(2 / 3)
    assert by_replicate[1]["same/accuracy"] == pytest.approx(1 / 3)
    alone = evaluating.score({"same": paired})
    assert {f"same/{name}" for name in alone[0]} == {name for name in by_replicate[0] if "/" in name}
    assert alone[0]["accuracy"] == by_replicate[0]["same/accuracy"]


def test_pairs_are_counted_in_the_words_of_their_question(evaluating, paired):
    assert evaluating.confusion(paired) == [[1, 3], [0, 2]]
    rows = list(evaluating.class_table(paired).itertuples(index=False, name=None))
    assert rows[:2] == [("same class", "same class"), ("different classes", "same class")]
    assert len(rows) == 6


def test_a_mistake_about_a_pair_shows_both_images_side_by_side(evaluating, paired, prepared, monkeypatch):
    given = []
    drawing = evaluating.images.mistakes
    monkeypatch.setattr(
        evaluating.images, "mistakes", lambda *arguments: given.append(arguments) or drawing(*arguments)
    )
    assert evaluating.mistakes_picture(paired, prepared, 12)
    ((pixels, captions, _),) = given
    assert pixels.shape == (2, 4, 8, 1)
    assert pixels[:, 0, :, 0].tolist() == [[20] * 4 + [40] * 4, [60] * 4 + [70] * 4]
    assert captions == [
        "2.png and 4.png: different classes, taken for same class (80 %)",
        "6.png and 7.png: different classes, taken for same class (55 %)",
    ]


def test_each_output_is_asked_for_its_own_truth(evaluating, prepared, tmp_path):
    import keras
    from keras import layers

    image, partner = (keras.Input((4, 4, 1), name=name) for name in ("image", "partner"))
    flat = layers.Flatten(name="flatten")
    both = layers.Concatenate(name="both")([flat(image), flat(partner)])
    answers = [
        layers.Dense(width, "softmax" if width > 1 else "sigmoid", name=name)(both)
        for name, width in (("same", 1), ("output", 3), ("subgroup", 1))
    ]
    network = keras.Model([image, partner], answers)
    network.save_weights(ResultFolder(tmp_path).weights)
    asked = evaluating.ask(network.to_json(), {1: ResultFolder(tmp_path)}, prepared, batch_size=2, repeats=1).test

    assert list(asked) == ["same", "output", "subgroup"]
    same, output, subgroup = (said[1] for said in asked.values())
    assert same.classes.tolist() == ["different classes", "same class"]
    assert same.truth.tolist() == (prepared.labels[same.images] == prepared.labels[same.partners]).tolist()
    assert set(same.partners.tolist()) <= {2, 3, 6}
    assert (output.classes.tolist(), output.truth.tolist()) == (["ape", "bee", "cat"], [1, 1, 0])
    assert (subgroup.classes.tolist(), subgroup.truth.tolist()) == (["big", "small"], [0, 1, 1])
    for said in (same, output, subgroup):
        assert said.probabilities.shape == (3, len(said.classes))
        assert said.images.tolist() == [2, 3, 6]
        np.testing.assert_allclose(said.probabilities.sum(axis=1), 1, rtol=1e-6)
