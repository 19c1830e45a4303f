import numpy as np
import pytest

from pipeline.deployment.calibration import (
    ERROR_RATES,
    NEVER,
    fitted_temperature,
    lowest_confidence,
    tempered,
    thresholds,
)
from pipeline.evaluation.metrics import METRICS


def drawn(temperature, images=20_000, classes=4):
    """Truths drawn from known probabilities, and those probabilities at another temperature."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (images, classes))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (random.random((images, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    return truth, tempered(honest, temperature)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_fitted_temperature_undoes_a_known_one(temperature):
    truth, distorted = drawn(temperature)
    assert fitted_temperature(truth, distorted) == pytest.approx(1 / temperature, rel=0.03)


def test_overconfident_probabilities_are_calibrated_afterwards():
    truth, overconfident = drawn(0.4)
    error = METRICS["calibration_error"].score
    calibrated = tempered(overconfident, fitted_temperature(truth, overconfident))
    assert error(truth, overconfident) > 0.1
    assert error(truth, calibrated) < 0.02
    assert (calibrated.argmax(axis=1) == overconfident.argmax(axis=1)).all()


@pytest.mark.parametrize("images", [2, 30, 200])
def test_images_without_a_mistake_do_not_make_the_network_certain(images):
    truth = np.arange(images) % 2
    probabilities = np.where(np.eye(2)[truth] == 1, 0.98, 0.02)
    calibrated = tempered(probabilities, fitted_temperature(truth, probabilities))
    assert 0.98 < calibrated.max() < 1 - 1 / (2 * images + 100)


@pytest.mark.parametrize("images", [20, 50, 200])
def test_few_images_do_not_spoil_probabilities_that_are_calibrated(images):
    truth, honest = drawn(1.0)
    parts = [slice(start, start + images) for start in range(0, 40 * images, images)]
    fitted = [fitted_temperature(truth[part], honest[part]) for part in parts]
    losses = [METRICS["log_loss"].score(truth, tempered(honest, one)) for one in fitted]
    assert np.mean(losses) < METRICS["log_loss"].score(truth, honest) * 1.02


def test_the_lowest_confidence_agrees_with_trying_every_one():
    truth, probabilities = drawn(0.5, images=200)
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != truth
    for rate in ERROR_RATES:
        chosen = [(least, confidence >= least) for least in confidence]
        allowed = [least for least, kept in chosen if (wrong[kept].sum() + 1) / (kept.sum() + 1) <= rate]
        expected = min(allowed, default=NEVER)
        found = lowest_confidence(truth, probabilities, rate)
        assert found == expected or (found == 0 and expected == confidence.min())


def test_images_of_the_same_confidence_are_answered_together():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1]])
    assert lowest_confidence(np.array([0, 1]), probabilities, 0.4) == NEVER


def test_no_image_is_answered_if_the_most_confident_one_is_wrong():
    assert lowest_confidence(np.array([1, 0]), np.array([[0.9, 0.1], [0.6, 0.4]]), 0.1) == NEVER


@pytest.mark.parametrize(("images", "answers"), [(98, False), (99, True)])
def test_an_error_rate_of_one_percent_needs_99_images_without_a_mistake(images, answers):
    probabilities = np.column_stack([np.linspace(0.8, 0.99, images), np.linspace(0.2, 0.01, images)])
    assert (lowest_confidence(np.zeros(images, int), probabilities, 0.01) == 0) == answers


@pytest.mark.parametrize("images", [50, 200])
def test_the_wanted_error_rate_holds_on_average_for_other_images(images):
    truth, probabilities = drawn(1.0)
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != truth
    errors = []
    for start in range(0, 60 * images, images):
        part = slice(start, start + images)
        answered = confidence >= lowest_confidence(truth[part], probabilities[part], 0.05)
        errors.append(wrong[answered].mean() if answered.any() else 0)
    assert np.mean(errors) <= 0.05


def test_thresholds_are_chosen_on_validation_images_and_measured_on_test_images():
    truth, probabilities = drawn(0.5)
    half = len(truth) // 2
    found = thresholds((truth[:half], probabilities[:half]), (truth[half:], probabilities[half:]))
    for one in found:
        answered = probabilities[half:].max(axis=1) >= one.confidence
        assert one.coverage == answered.mean()
        if one.measured is not None:
            assert one.measured == pytest.approx(one.error_rate, abs=0.02) or one.confidence == 0
    assert [one.coverage for one in found] == sorted(one.coverage for one in found)
