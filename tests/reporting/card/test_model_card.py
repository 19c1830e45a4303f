from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.audit.finding import Finding
from pipeline.deployment.changed_pictures import Accuracy
from pipeline.evaluation.classification_curves import Calibration
from pipeline.reporting import page
from pipeline.reporting.card.card_content import Effort, HeldOut, ModelCard, Subgroup
from pipeline.reporting.card.intended_use import limits, not_intended
from pipeline.reporting.card.model_card import card_document, document_without_champion
from pipeline.reporting.content import DataSummary
from pipeline.statistics.class_scores import ClassScore, ClassScores
from pipeline.statistics.results import Estimate

DATA = DataSummary(
    name="cells",
    title="cells",
    source="photographs",
    licence="CC BY 4.0",
    attribution="Ann Example 2024",
    notes=("Cells of one module stay together.",),
    classes=("functional", "defective"),
    image_shape=(64, 48, 1),
    images=400,
    counts={
        "train": {"functional": 200, "defective": 60},
        "validation": {"functional": 30, "defective": 10},
        "test": {"functional": 70, "defective": 30},
    },
    split_strategy="one test set, drawn by group",
    largest_deviation=0.01,
)


def estimate(mean, low, high):
    return Estimate("champion", mean, float("nan"), low, high)


def class_scores(name, value, images):
    return ClassScores(name, images, 1, dict.fromkeys(("precision", "recall", "f1"), ClassScore(value, value, value)))


CURVE = Calibration(np.array([0.7, 0.95]), np.array([0.6, 0.9]), np.array([40, 60]), 0.07)

HELD_OUT = HeldOut(
    part="test",
    images=100,
    members=1.0,
    groups=8,
    score=estimate(0.92, 0.81, 0.97),
    scores={"accuracy": 0.92, "log_loss": 0.3},
    classes=(class_scores("functional", 1.0, 70), class_scores("defective", 0.73, 30)),
    subgroups=(Subgroup("mono", estimate(0.95, 0.9, 0.98), 60), Subgroup("poly", estimate(0.88, 0.7, 0.95), 40)),
    confusion=np.array([[70, 0], [8, 22]]),
    uncalibrated=CURVE,
    calibrated=CURVE._replace(error=0.02),
    changes=(
        Accuracy("unchanged", 0.92, 0.92),
        Accuracy("shifted by 1 pixel", 0.91, 0.9),
        Accuracy("shifted by 2 pixels", 0.85, 0.8),
        Accuracy("shifted by 3 pixels", 0.8, 0.7),
        Accuracy("mirrored", 0.9, 0.9),
        Accuracy("half as bright", 0.6, 0.6),
    ),
    changed_images=100,
)


@pytest.fixture
def card():
    return ModelCard(
        data=DATA,
        choice={
            "model": "lenet5",
            "replicates": [2],
            "reason": "lenet5 is the cheapest.",
            "by_person": False,
            "metric": "accuracy",
            "score": {"mean": 0.9, "low": 0.85, "high": 0.94},
        },
        settings={
            "decoding": {"resize": "stretch"},
            "runtime": "LiteRT",
            "temperature": 1.4,
            "calibrated_on": 40,
            "thresholds": [
                {"error_rate": 0.01, "confidence": 1.1, "coverage": 0.0, "measured": None},
                {"error_rate": 0.05, "confidence": 0.8, "coverage": 0.7, "measured": 0.043},
                {"error_rate": 0.1, "confidence": 0.0, "coverage": 1.0, "measured": 0.08},
                {"error_rate": 0.5, "confidence": 0.0, "coverage": 1.0, "measured": 0.08},
            ],
            "measured": {"test": {}},
            "seconds_per_image": {"alone": 0.0003, "together": 0.0001},
            "agreement": {"images": 140, "largest_difference": 2e-6, "other_classes": 0},
            "trained": ["abc"],
        },
        architecture="lenet5",
        parameters=61_706,
        multiply_accumulates=416_520,
        configuration={
            "training.epochs": 8,
            "optimizer.name": "SGD",
            "augmentation.shift": 2,
            "augmentation.mixup": 0.0,
        },
        fingerprint="f1",
        commit="8d1b7e",
        dirty=False,
        files={"network.tflite": 250_000},
        held_out=HELD_OUT,
        findings=(),
        effort=Effort(3, 30, 600.0, 10, 120.0),
        versions={"keras": "3"},
        data_digest="d1",
    )


def text(document):
    return page.markdown(document, "model_card")[0]


def test_a_card_begins_with_the_score_of_the_packaged_network_and_its_interval(card):
    document = card_document(card)
    assert document.lead[0].text == (
        "lenet5 classifies grey images of 48 × 64 pixels into 2 classes: accuracy 0.920 (95 % interval 0.810 to 0.970) "
        "on 100 test images."
    )
    assert document.lead[1].text == "lenet5 is the cheapest."


def test_a_card_distinguishes_the_packaged_network_from_the_mean_of_the_comparison(card):
    written = text(card_document(card))
    assert "0.900 (95 % interval 0.850 to 0.940)" in written
    assert "mean of 10 replicates, each on its test images" in written
    alone = replace(card, effort=card.effort._replace(own_trainings=1))
    assert "mean of 1 replicate, each" in text(card_document(alone))


@pytest.mark.parametrize(
    "fact",
    [
        "CC BY 4.0",
        "Ann Example 2024",
        "Cells of one module stay together.",
        "git checkout 8d1b7e",
        "**Digest of the data:** d1",
        "differ from those of the evaluation by at most 2e-06, and 0 predicted classes differ",
        "0.070 before and 0.020 after",
        "Augmentation in training: shift 2.",
        "10 trainings of lenet5 took 2 min 00 s",
        "30 trainings of 3 networks: 10 min 00 s",
        "poly",
        "no energy",
    ],
)
def test_a_card_states(card, fact):
    written = text(card_document(card))
    assert (fact in written) != (fact == "no energy")


def test_a_score_of_a_single_replicate_has_no_interval(card):
    alone = replace(card, choice={**card.choice, "score": {"mean": 0.9, "low": None, "high": None}})
    assert "| comparison       | 0.900 " in text(card_document(alone))


def test_a_picture_of_each_figure_is_in_the_page(card):
    _, figures = page.markdown(card_document(card), "model_card")
    assert set(figures) == {"confusions.png", "calibration.png"}
    assert "<svg" in page.html(card_document(card))


def test_only_harmful_changes_are_named_and_of_the_shifts_the_smallest(card):
    (sentence,) = [one for one in not_intended(card) if "section Changed pictures" in one]
    assert sentence.startswith("Pictures that are shifted by 2 pixels or more or half as bright: ")


def test_limits_name_the_weakest_class_the_small_one_and_the_groups(card):
    known = limits(card)
    assert "The network was trained on 260 images, only 60 of them of class defective." in known
    assert "The class with the lowest recall is defective: 0.730 of 30 test images." in known
    assert any(one.startswith("The 100 test images come from 8 groups.") for one in known)


def test_limits_repeat_warnings_of_the_audit_but_no_notes(card):
    found = (
        Finding("copied_images", 2, "Two images are the same.", "Delete one.", severity="warn"),
        Finding("file_shapes", 1, "One image is larger.", "Nothing.", severity="note"),
    )
    known = limits(replace(card, findings=found))
    assert "Audit of the data: Two images are the same." in known
    assert not any("larger" in one for one in known)


def test_abstention_shows_rates_up_to_the_first_at_which_all_pictures_are_answered(card):
    written = text(card_document(card))
    assert "| 5.0 % " in written and "| 10.0 % " in written and "| 50.0 % " not in written
    assert "No threshold reaches an error rate of 1.0 % or less" in written


def test_a_card_whose_network_reaches_no_threshold_has_no_table_of_thresholds(card):
    thresholds = [{**one, "confidence": 1.1} for one in card.settings["thresholds"]]
    written = text(card_document(replace(card, settings={**card.settings, "thresholds": thresholds})))
    assert "wanted share of errors" not in written
    assert "No threshold reaches an error rate of 50.0 % or less: 40 validation images are too few" in written


def test_a_threshold_that_does_not_hold_on_test_images_is_a_warning(card):
    """8 errors among 70 answers are too many for 5 %, and 3 are not; 1 among 100 is not for 0.5 %."""

    def warned(**changes):
        thresholds = [{**card.settings["thresholds"][1], **changes}]
        return "Do not rely on the thresholds" in text(
            card_document(replace(card, settings={**card.settings, "thresholds": thresholds}))
        )

    assert warned(measured=8 / 70) and not warned(measured=3 / 70)
    assert not warned(error_rate=0.005, coverage=1.0, measured=0.01)
    assert not warned(coverage=0.0, measured=None)


def test_a_score_without_spread_has_no_interval(card):
    perfect = HELD_OUT._replace(score=estimate(1.0, 1.0, 1.0), scores={"accuracy": 1.0})
    document = card_document(replace(card, held_out=perfect, choice=card.choice | {"metric": "roc_auc"}))
    assert document.lead[0].text.endswith(": ROC AUC 1.000 on 100 test images.")
    assert "The ROC AUC on these 100 images stays at 1.000 whichever of them are left out" in text(document)


def ensemble(card, held_out):
    """The card of three replicates together."""
    settings = {**card.settings, "agreement": None}
    return replace(card, choice={**card.choice, "replicates": [0, 1, 2]}, settings=settings, held_out=held_out)


def test_an_ensemble_that_has_seen_each_image_says_which_replicates_its_score_comes_from(card):
    document = card_document(ensemble(card, HELD_OUT._replace(members=1.25, changes=())))
    warning = document.lead[2]
    assert warning.role == "warning"
    assert warning.text.startswith(
        "No score of all 3 replicates together can be measured, because most images trained "
    )
    assert "by the replicates that have it as a test image, 1.2 on average" in warning.text
    assert "Some of them can be test images of other replicates" in warning.text
    written = text(document)
    assert "100 test images, each by 1.2 of 3 replicates" in written
    assert "no predictions to compare an ensemble with" in written
    assert "changes" not in [section.anchor for section in document.sections]


def test_an_ensemble_with_common_test_images_has_a_score_of_its_own(card):
    document = card_document(ensemble(card, HELD_OUT._replace(members=3.0)))
    assert not [block for block in document.lead if getattr(block, "role", "") == "warning"]
    assert "each by" not in text(document)


def test_scores_of_validation_images_are_marked(card):
    document = card_document(replace(card, held_out=HELD_OUT._replace(part="validation")))
    assert document.lead[2].role == "warning"
    assert document.lead[2].text.startswith("The split has no test images. ")
    assert "Expect a lower score on new pictures." in document.lead[2].text


def test_a_network_without_any_held_out_image_has_no_score(card):
    without = replace(card, settings={**card.settings, "calibrated_on": 0}, held_out=None)
    document = card_document(without)
    assert document.lead[0].text.endswith("The score of the packaged network could not be measured.")
    assert document.lead[2].text == "The split has no validation and no test images."
    assert [section.anchor for section in document.sections] == [
        "use",
        "limits",
        "scores",
        "network",
        "running",
        "data",
        "reproduce",
    ]


def test_a_card_without_champion_gives_the_reason():
    choice = {"model": None, "reason": "There is no champion, because no network is better than guessing."}
    written = text(document_without_champion(choice, DATA))
    assert choice["reason"] in written
    assert "convtrack champion NAME --why" in written
    assert "Ann Example 2024" in written
