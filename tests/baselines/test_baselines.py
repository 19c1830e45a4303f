"""The baselines, against scikit-learn and against cases that can be computed by hand."""

import ast
from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from pipeline.baselines import baseline_module, baseline_names, grey_levels, most_frequent
from pipeline.config.reading import choices_of

RNG = np.random.default_rng(0)
BRIGHT_AND_DARK = np.concatenate([RNG.integers(150, 250, (20, 4, 4, 1)), RNG.integers(0, 100, (30, 4, 4, 1))])
LABELS = np.repeat([1, 0], [20, 30])


@pytest.mark.parametrize("classes", [2, 3])
def test_the_most_frequent_class_is_the_prior_of_scikit_learns_dummy_classifier(classes):
    labels = RNG.permutation(np.repeat(np.arange(classes), [7, 4, 2][:classes]))
    pixels = RNG.integers(0, 256, (len(labels), 4, 4, 1)).astype(np.uint8)
    features = most_frequent.features(pixels)
    expected = DummyClassifier(strategy="prior").fit(pixels.reshape(len(labels), -1), labels).predict_proba(features)
    np.testing.assert_allclose(most_frequent.fit(features, labels, classes)(features), expected)


def test_grey_levels_are_means_and_deviations_of_each_channel():
    pixels = RNG.integers(0, 256, (5, 6, 7, 3)).astype(np.uint8)
    expected = np.hstack([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))])
    np.testing.assert_allclose(grey_levels.features(pixels), expected)


def test_grey_levels_ignore_the_places_of_pixels():
    pixels = RNG.integers(0, 256, (5, 6, 7, 1)).astype(np.uint8)
    shuffled = RNG.permuted(pixels.reshape(5, -1), axis=1).reshape(pixels.shape)
    assert np.array_equal(grey_levels.features(pixels), grey_levels.features(shuffled))


def test_grey_levels_separate_bright_images_from_dark_ones():
    features = grey_levels.features(BRIGHT_AND_DARK.astype(np.uint8))
    probabilities = grey_levels.fit(features, LABELS, 2)(features)
    assert np.array_equal(probabilities.argmax(axis=1), LABELS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_constant_images_get_the_class_shares():
    """Such images have the same mean and deviation, so the regression has only its bias."""
    features = grey_levels.features(np.full((10, 4, 4, 1), 7, np.uint8))
    probabilities = grey_levels.fit(features, np.repeat([0, 1], [7, 3]), 2)(features)
    np.testing.assert_allclose(probabilities, np.tile([0.7, 0.3], (10, 1)), atol=1e-3)


@pytest.mark.parametrize("name", baseline_names())
@pytest.mark.parametrize("labels", [[1] * 6, [0, 2] * 3], ids=["one class", "one class missing"])
def test_a_class_without_training_images_has_probability_zero(name, labels):
    baseline = baseline_module(name)
    features = baseline.features(RNG.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8))
    probabilities = baseline.fit(features, np.array(labels), 3)(features)
    assert probabilities.shape == (6, 3)
    assert probabilities[:, sorted({0, 1, 2} - set(labels))].max() == 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_the_size_of_grey_levels_is_that_of_the_fitted_regression():
    """Two features per channel, a weight each and a bias; squares of all pixels for the deviations."""
    assert grey_levels.size((4, 5, 3), 2) == (7, 4 * 5 * 3 + 6, (4 * 5 + 2) * 3)
    assert grey_levels.size((4, 5, 3), 10) == (70, 4 * 5 * 3 + 60, (4 * 5 + 2) * 3)
    assert most_frequent.size((4, 5, 3), 10) == (9, 0, 10)


def test_no_model_of_the_project_has_the_name_of_a_baseline():
    assert not set(baseline_names()) & set(choices_of("model"))


def test_the_package_says_what_a_baseline_must_have():
    for name in baseline_names():
        tree = ast.parse(Path(baseline_module(name).__file__).read_text())
        assert {"features", "fit", "size"} <= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
