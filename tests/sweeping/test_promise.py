"""What a trial of several replicates tells a pruner."""

from types import SimpleNamespace

from pipeline.sweeping.promise import Promise
from pipeline.training.task import Progress


def promise(*, epochs=3, objective="validation_loss", keep="best"):
    told = []
    trial = SimpleNamespace(
        objectives=[objective],
        report=lambda step, value, prunable: told.append((step, round(value, 6), prunable)),
    )
    return Promise(trial, epochs, keep), told


def history(*losses):
    return [{"val/loss": loss, "val/accuracy": 1 - loss} for loss in losses]


def test_steps_go_on_through_the_replicates_and_the_value_is_the_mean_of_what_each_has_reached():
    tell, told = promise()
    for replicate, losses in enumerate([(0.5, 0.6, 0.3), (0.7, 0.1, 0.9)]):
        for epoch in range(1, 4):
            tell(Progress(replicate, history(*losses[:epoch])))
    assert [(step, value) for step, value, _ in told] == [(1, 0.5), (2, 0.5), (3, 0.3), (4, 0.5), (5, 0.2), (6, 0.2)]


def test_weights_that_are_kept_last_are_worth_what_the_last_epoch_is():
    tell, told = promise(keep="last")
    tell(Progress(0, history(0.5, 0.6)))
    assert [value for _, value, _ in told] == [0.5, 0.6]


def test_accuracy_is_that_of_the_weights_that_would_be_kept():
    tell, told = promise(objective="validation_accuracy")
    tell(Progress(0, [{"val/loss": 0.2, "val/accuracy": 0.7}, {"val/loss": 0.4, "val/accuracy": 0.9}]))
    assert [value for _, value, _ in told] == [0.7, 0.7]


def test_what_was_trained_before_is_told_and_only_the_newest_epoch_may_end_the_trial():
    tell, told = promise()
    tell(Progress(0, history(0.5, 0.4, 0.3)))
    assert told == [(1, 0.5, False), (2, 0.4, False), (3, 0.3, True)]


def test_a_replicate_answered_from_the_store_ends_no_trial():
    tell, told = promise()
    tell(Progress(0, history(0.5, 0.4)), prunable=False)
    assert [prunable for *_, prunable in told] == [False, False]


def test_training_that_ended_early_leaves_its_steps_out():
    tell, told = promise()
    tell(Progress(0, history(0.5)))
    tell(Progress(1, history(0.3)))
    assert [(step, value) for step, value, _ in told] == [(1, 0.5), (4, 0.4)]


def test_an_objective_that_no_epoch_shows_is_not_told():
    tell, told = promise(objective="parameters")
    tell(Progress(0, history(0.5)))
    assert told == []
