import json

import pytest

from pipeline.tracking.served_model import shown_model

SETTINGS = {
    "data": "digits",
    "model": "lenet5",
    "replicates": [2],
    "thresholds": [{"error_rate": 0.01}, {"error_rate": 0.1}],
    "measured": {"test": {"images": 1500, "accuracy": 0.9512}, "validation": {"images": 700, "accuracy": 0.96}},
}


@pytest.fixture
def folder(tmp_path):
    """The folder of a packaged network whose model has a score in the comparison."""
    score = {"mean": 0.95, "low": 0.94, "high": 0.96}
    (tmp_path / "champion.json").write_text(json.dumps({"metric": "accuracy", "score": score}))
    return tmp_path


def test_the_page_names_the_model_and_its_score(folder):
    shown = shown_model(folder, SETTINGS, "version 3 (champion)")
    assert (shown.data, shown.model, shown.version) == ("digits", "lenet5 (replicate 3)", "version 3 (champion)")
    assert shown.score == (
        "Accuracy 0.951 on 1,500 test images; mean of the model in the comparison: 0.950 (0.940 to 0.960)."
    )
    assert shown.error_rates == [0.01, 0.1]


def test_without_test_images_the_score_is_that_of_validation_images(folder):
    shown = shown_model(folder, SETTINGS | {"replicates": [0, 1], "measured": SETTINGS["measured"] | {"test": {}}}, "1")
    assert shown.model == "lenet5 (replicates 1, 2)"
    assert shown.score.startswith("Accuracy 0.960 on 700 validation images")


def test_a_network_without_a_score_shows_none(folder):
    assert shown_model(folder, SETTINGS | {"measured": {}}, "1").score == ""
