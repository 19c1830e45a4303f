"""Pictures that look unlike the training images are flagged, and about 0.5 % of others."""

import json
from itertools import chain

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from pipeline.data.sources.mnist_sample import load
from pipeline.deployment.picture_features import MEASURES, PictureFeatures, picture_features
from pipeline.deployment.unusual import FLAGGED_SHARE, FLAGS, UNLIKE, flags, limits


@pytest.fixture(scope="module")
def digits():
    pixels = np.asarray(load().pixels[:])
    return pixels[np.random.default_rng(0).permutation(len(pixels))]


@pytest.fixture(scope="module")
def learned(digits):
    return json.loads(json.dumps(limits(picture_features(digits[:2000]))))


def flagged(pixels, learned):
    """The share of pictures with a flag."""
    return np.mean([bool(one) for one in flags(picture_features(pixels), learned)])


def test_measures_of_a_picture_worked_by_hand():
    left_red = np.zeros((1, 2, 4, 3), np.uint8)
    left_red[:, :, :2] = 255, 0, 0
    found = picture_features(left_red)
    brightness, contrast, detail, clipped, colour = found.measures[0].tolist()
    assert brightness == pytest.approx(255 / 6)
    assert contrast == pytest.approx(255 / 6)
    assert detail == pytest.approx(1 / 2 * 85 / (255 / 6))  # |second differences| across: 85 and 85; down: none
    assert clipped == 0.5
    assert colour == pytest.approx((170 + 85 + 85) / 3 / 2)
    assert found.joined().shape == (1, 64 + len(MEASURES))


def test_about_the_wanted_share_of_held_out_images_is_flagged(digits):
    features = picture_features(digits)
    shares = []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(digits))
        learned = limits(features.of(order[:2000]))
        shares.append(np.mean([bool(one) for one in flags(features.of(order[2000:]), learned)]))
    assert np.mean(shares) == pytest.approx(FLAGGED_SHARE, abs=0.002)


def test_few_training_images_do_not_flag_many_others(digits):
    learned = limits(picture_features(digits[:100]))
    assert flagged(digits[100:], learned) < 0.03


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (lambda pixels: 255 - pixels, "brighter"),
        (np.zeros_like, "less contrast"),
        (lambda pixels: np.full_like(pixels, 255), "brighter"),
        (lambda pixels: np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8), "noisy or fine structure"),
        (lambda pixels: np.roll(pixels, 14, axis=2), UNLIKE),
    ],
    ids=["inverted", "black", "white", "noise", "cut in the middle"],
)
def test_unusual_pictures_are_flagged_and_the_flag_says_why(digits, learned, change, flag):
    found = flags(picture_features(change(digits[2000:2100])), learned)
    assert np.mean([flag in one for one in found]) > 0.9


def test_photographs_are_flagged_by_a_model_of_digits(learned):
    photographs = [Image.fromarray(one).convert("L").resize((28, 28)) for one in load_sample_images().images]
    assert flagged(np.stack(photographs)[..., None], learned) == 1


def test_colour_is_unusual_for_grey_training_images(digits, learned):
    coloured = np.concatenate([digits[:50], np.zeros_like(digits[:50]), digits[:50]], axis=3)
    assert all("more colour" in one for one in flags(picture_features(coloured), learned))


def test_training_images_that_are_all_alike_do_not_flag_tiny_changes():
    pixels = np.full((20, 8, 8, 1), 100, np.uint8)
    learned = limits(picture_features(pixels))
    assert flags(picture_features(pixels[:1] + np.uint8(1)), learned) == [()]
    assert flags(picture_features(pixels[:1] + np.uint8(100)), learned)[0]


def test_no_pictures_have_no_flags(digits, learned):
    assert flags(picture_features(digits[:0]), learned) == []


def test_fewer_images_than_folds_are_rejected():
    with pytest.raises(ValueError, match=r"at least 5 images\. Received 2"):
        limits(PictureFeatures(np.zeros((2, 64), np.uint8), np.zeros((2, 5), np.float32)))


def test_every_flag_has_a_name_of_its_own():
    names = [*chain.from_iterable(FLAGS), UNLIKE]
    assert len(names) == len(set(names)) == 2 * len(MEASURES) + 1


def test_limits_learned_from_few_images_can_be_read_from_json():
    few = picture_features(np.random.default_rng(0).integers(256, size=(9, 8, 8, 1), dtype=np.uint8))
    assert len(flags(few, json.loads(json.dumps(limits(few))))) == 9
