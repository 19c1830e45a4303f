from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN
from pipeline.runs import ResultFolder
from pipeline.training.runtime import start_tensorflow

# Keras' layers hand their variables to NumPy without the keyword `copy` that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def evaluating():
    start_tensorflow()
    from pipeline import evaluating

    return evaluating


@pytest.fixture(scope="module")
def prepared():
    """Eight images of 4×4 grey pixels of three classes; image n has grey level 10 n; two replicates."""
    splits = np.full((2, 8), TRAIN, np.uint8)
    splits[0, [0, 2, 4, 6]] = TEST
    splits[1, [2, 3, 6]] = TEST
    return Prepared(
        pixels=np.tile(np.arange(0, 80, 10, dtype=np.uint8)[:, None, None, None], (1, 4, 4, 1)),
        labels=np.array([0, 0, 1, 1, 2, 2, 0, 1]),
        groups=np.arange(8).astype(str),
        subgroups=None,
        names=np.array([f"folder/{number}.png" for number in range(8)]),
        splits=splits,
        manifest={
            "classes": ["ape", "bee", "cat"],
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
        replicate: evaluating.Answers(
            images=np.array(list(by_image)),
            truth=prepared.labels[list(by_image)],
            probabilities=np.array(list(by_image.values())),
            seconds_per_image=0.5,
        )
        for replicate, by_image in said.items()
    }


def test_every_replicate_is_asked_about_its_own_test_images(evaluating, prepared, tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax", name="output")]
    )
    results, weights = {}, {}
    for replicate in (0, 1):
        results[replicate] = ResultFolder(tmp_path / str(replicate))
        results[replicate].folder.mkdir()
        weights[replicate] = np.random.default_rng(replicate).normal(size=(16, 3)), np.zeros(3)
        network.set_weights(weights[replicate])
        network.save_weights(results[replicate].weights)

    asked = evaluating.ask(network.to_json(), results, prepared, batch_size=3, repeats=1)
    for replicate, images in {0: [0, 2, 4, 6], 1: [2, 3, 6]}.items():
        said = asked[replicate]
        assert said.images.tolist() == images
        assert said.truth.tolist() == prepared.labels[images].tolist()
        logits = np.tile((10.0 * np.array(images)[:, None] - 30) / 20, (1, 16)) @ weights[replicate][0]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        np.testing.assert_allclose(said.probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)
        assert said.seconds_per_image > 0


def test_scores_are_each_replicates_and_confusion_is_that_of_all(evaluating, answers):
    by_replicate, confusion = evaluating.score(answers)
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


def test_the_class_table_has_a_row_for_each_answer(evaluating, answers, prepared):
    table = evaluating.class_table(answers, prepared)
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
    alone = evaluating.Answers(
        images=np.array([0]), truth=np.array([0]), probabilities=np.array([[0.8, 0.1, 0.1]]), seconds_per_image=0.5
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
