from io import BytesIO

import numpy as np
from PIL import Image

from pipeline.evaluation.predictions import Predictions
from pipeline.reporting.figures.evaluation_figures import curve_figures, mistakes, mistakes_figure


def levels_of(images):
    return images.pixels[:, 0, 0, 0].tolist()


def test_each_replicate_has_a_curve_in_every_figure(predictions):
    figures = curve_figures(predictions)
    assert set(figures) == {"calibration", "roc", "precision_recall"}
    for svg in figures.values():
        assert svg.startswith("<svg")
        assert "replicate 1" in svg
        assert "replicate 2" in svg


def test_a_test_set_of_a_single_class_has_only_a_calibration_curve(predictions):
    single = Predictions(
        images=np.array([0]),
        groups=np.array([0]),
        classes=np.array(["ape", "bee", "cat"]),
        truth=np.array([0]),
        probabilities=np.array([[0.8, 0.1, 0.1]]),
        trained_on=4,
    )
    assert set(curve_figures({**predictions, 2: single})) == {"calibration"}


def test_mistakes_are_those_of_the_mean_prediction(predictions, eight_images):
    # The mean for image 6 is correct: (0.5, 0.3, 0.2). The mean for image 2 is wrong: (0.7, 0.2, 0.1).
    found = mistakes(predictions, eight_images, 12)
    assert levels_of(found) == [20]
    assert " ".join(found.captions[0].split()) == "2.png: bee, taken for ape (70 %)"
    assert found.attribution == "nobody"


def test_the_figure_of_mistakes_is_a_png(predictions, eight_images):
    with Image.open(BytesIO(mistakes_figure(predictions, eight_images, 12))) as image:
        assert image.format == "PNG"


def test_at_most_count_mistakes_are_returned_the_most_confident_first(predictions, eight_images):
    predictions[1].probabilities[1] = (0.05, 0.0, 0.95)
    assert levels_of(mistakes(predictions, eight_images, 1)) == [30]
    assert levels_of(mistakes(predictions, eight_images, 2)) == [30, 20]


def test_correct_predictions_give_no_figure(predictions, eight_images):
    for one in predictions.values():
        one.probabilities[:] = np.eye(3)[one.truth]
    assert mistakes_figure(predictions, eight_images, 12) is None


def test_both_images_of_a_pair_stand_side_by_side(pair_predictions, eight_images):
    found = mistakes(pair_predictions, eight_images, 12)
    assert found.pixels.shape == (2, 4, 8, 1)
    assert found.pixels[:, 0, :, 0].tolist() == [[20] * 4 + [40] * 4, [60] * 4 + [70] * 4]
    assert [" ".join(caption.split()) for caption in found.captions] == [
        "2.png and 4.png: different classes, taken for same class (80 %)",
        "6.png and 7.png: different classes, taken for same class (55 %)",
    ]
