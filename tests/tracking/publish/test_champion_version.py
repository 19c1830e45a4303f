"""What a version of the registered model says: the choice, the version before, and the score."""

from types import SimpleNamespace

import pytest

from pipeline.tracking.publish.champion import _description, _tags

CHOICE = {"model": "lenet5", "reason": "lenet5 is the cheapest.", "by_person": False, "metric": "accuracy"}
BEFORE = SimpleNamespace(version="4", tags={"model": "resnet8", "replicates": "2"})
SETTINGS = {"model": "lenet5", "replicates": [0, 4]}


@pytest.mark.parametrize(
    ("before", "number", "changed"),
    [
        (None, 1, "It is the first champion."),
        (BEFORE, 5, "It replaces version 4 (resnet8, replicate 2)."),
        (BEFORE, 4, "The network is that of the champion before."),
    ],
)
def test_a_description_gives_the_reason_what_changed_and_the_card(before, number, changed):
    assert _description(CHOICE, before, number) == (
        f"lenet5 is the cheapest. {changed} Model card: champion/model_card.html among the artifacts."
    )


def test_tags_name_the_replicates_from_one_who_chose_and_the_score_with_its_interval():
    score = {"mean": 0.91234, "low": 0.88, "high": 0.94, "part": "test", "images": 1200}
    assert _tags({**CHOICE, "by_person": True, "packaged_score": score}, SETTINGS) == {
        "model": "lenet5",
        "replicates": "1, 5",
        "chosen by": "a person",
        "score": "accuracy 0.912 (95 % interval 0.880 to 0.940) on 1,200 test images",
    }


def test_an_unknown_score_has_no_tag_and_an_unknown_interval_is_left_out():
    assert "score" not in _tags({**CHOICE, "packaged_score": None}, SETTINGS)
    score = {"mean": 0.9, "low": None, "high": None, "part": "validation", "images": 1}
    tags = _tags({**CHOICE, "packaged_score": score}, SETTINGS)
    assert tags["score"] == "accuracy 0.900 on 1 validation image"
