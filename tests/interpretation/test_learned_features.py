import io

import numpy as np
import pytest
from PIL import Image

from pipeline.interpretation.subject import Replicate, Subject
from pipeline.networks.build import build
from pipeline.training.runtime import start_tensorflow

MAPS = ["1-kernels", "2-feature-maps-1", "2-feature-maps-2", "3-units", "4-grad-cam"]


@pytest.fixture(scope="module")
def pictures():
    start_tensorflow()
    from pipeline.interpretation.learned_features import pictures

    return pictures


def subject(architecture, shape, *, classes=("0", "1"), labels=None, **options):
    """An untrained network and random images, of which it misclassifies some, or none if it predicts the `labels`."""
    import keras

    keras.utils.set_random_seed(0)
    network = build(architecture, options, input_shape=shape, classes=len(classes))
    pixels = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    if labels is None:
        labels = np.arange(12) % len(classes)
    best = Replicate(0, network, pixels, labels, lambda some: (np.asarray(some, np.float32) - 128) / 64)
    return Subject("model", network.to_json(), classes, best, lambda: iter([best]))


@pytest.mark.parametrize(
    ("architecture", "shape", "names"),
    [
        ("logistic", (5, 5, 1), ["1-kernels", "3-units"]),
        ("logistic", (1, 40, 1), ["1-kernels", "3-units"]),
        ("fully_connected", (8, 8, 3), ["1-kernels", "3-units"]),
        ("lecture_cnn", (8, 8, 1), MAPS),
        ("lecture_cnn", (9, 12, 3), MAPS),
        ("lecture_cnn", (8, 8, 2), MAPS),
        ("locally_connected", (8, 8, 1), MAPS),
        ("resnet", (1, 40, 1), MAPS),
    ],
)
def test_a_network_has_the_pictures_of_what_it_has(pictures, architecture, shape, names):
    found = dict(pictures(subject(architecture, shape)))
    assert list(found) == names
    for png in found.values():
        sheet = Image.open(io.BytesIO(png))
        assert sheet.format == "PNG" and min(sheet.size) > 80


def test_class_names_in_other_scripts_are_replaced_by_numbers(pictures):
    """The font of the sheets does not have their letters."""
    assert dict(pictures(subject("logistic", (5, 5, 1), classes=("好", "坏")))) == dict(
        pictures(subject("logistic", (5, 5, 1), classes=("class 0", "class 1")))
    )


def test_without_mistakes_there_is_no_grad_cam(pictures):
    all_right = subject("lecture_cnn", (8, 8, 1))
    best = all_right.best
    predicted = (np.asarray(best.network(best.standardise(best.pixels)))[:, -1] > 0.5).astype(np.int64)
    found = dict(pictures(subject("lecture_cnn", (8, 8, 1), labels=predicted)))
    assert "4-grad-cam" not in found and "3-units" in found


def test_equal_networks_have_equal_pictures(pictures):
    assert dict(pictures(subject("lecture_cnn", (8, 8, 1)))) == dict(pictures(subject("lecture_cnn", (8, 8, 1))))
