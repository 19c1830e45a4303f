"""The intermediate values that a trial with several replicates reports to the pruner."""

from types import SimpleNamespace

from pipeline.sweeping.intermediate_values import IntermediateValues
from pipeline.training.task import Progress


def values(*, epochs=3, objective="validation_loss", keep="best"):
    """Intermediate values, and the list of what they report: step, value, and whether it may prune."""
    reported = []
    trial = SimpleNamespace(
        objectives=[objective],
        report=lambda step, value, prunable: reported.append((step, round(value, 6), prunable)),
    )
    return IntermediateValues(trial, epochs, keep).report, reported


def history(*losses):
    return [{"val/loss": loss, "val/accuracy": 1 - loss} for loss in losses]


def test_steps_continue_through_the_replicates_and_the_value_is_their_mean():
    report, reported = values()
    for replicate, losses in enumerate([(0.5, 0.6, 0.3), (0.7, 0.1, 0.9)]):
        for epoch in range(1, 4):
            report(Progress(replicate, history(*losses[:epoch])))
    assert [(step, value) for step, value, _ in reported] == [
        (1, 0.5),
        (2, 0.5),
        (3, 0.3),
        (4, 0.5),
        (5, 0.2),
        (6, 0.2),
    ]


def test_the_value_of_last_weights_is_that_of_the_last_epoch():
    report, reported = values(keep="last")
    report(Progress(0, history(0.5, 0.6)))
    assert [value for _, value, _ in reported] == [0.5, 0.6]


def test_accuracy_is_that_of_the_weights_with_the_lowest_loss():
    report, reported = values(objective="validation_accuracy")
    report(Progress(0, [{"val/loss": 0.2, "val/accuracy": 0.7}, {"val/loss": 0.4, "val/accuracy": 0.9}]))
    assert [value for _, value, _ in reported] == [0.7, 0.7]


def test_earlier_epochs_are_reported_but_only_the_last_one_may_prune():
    report, reported = values()
    report(Progress(0, history(0.5, 0.4, 0.3)))
    assert reported == [(1, 0.5, False), (2, 0.4, False), (3, 0.3, True)]


def test_a_reused_replicate_never_prunes_a_trial():
    report, reported = values()
    report(Progress(0, history(0.5, 0.4)), prunable=False)
    assert [prunable for *_, prunable in reported] == [False, False]


def test_an_early_stop_skips_the_remaining_steps():
    report, reported = values()
    report(Progress(0, history(0.5)))
    report(Progress(1, history(0.3)))
    assert [(step, value) for step, value, _ in reported] == [(1, 0.5), (4, 0.4)]


def test_an_objective_that_is_unknown_after_an_epoch_is_not_reported():
    report, reported = values(objective="parameters")
    report(Progress(0, history(0.5)))
    assert reported == []
