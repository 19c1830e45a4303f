import pytest

from pipeline.config.schedule import MOST_LOOKS, Schedule, most_replicates
from pipeline.config.schema import AutoConfig, SplitConfig
from pipeline.errors import UserError


def schedule(least, greatest, *, strategy="group", folds=None):
    return Schedule.of(AutoConfig(least, greatest, 1), strategy=strategy, folds=folds)


def numbers(planned):
    """The number of replicates at every look."""
    found = [planned.least]
    while found[-1] < planned.greatest:
        found.append(planned.after(found[-1]))
    return found


def test_without_folds_the_step_spreads_the_looks_evenly():
    assert numbers(schedule(8, 20)) == [8, 11, 14, 17, 20]
    assert numbers(schedule(10, 11)) == [10, 11]
    assert numbers(schedule(6, 6)) == [6]


def test_with_folds_a_step_is_one_repetition_or_several():
    assert numbers(schedule(10, 20, strategy="kfold", folds=5)) == [10, 15, 20]
    assert numbers(schedule(5, 60, strategy="kfold", folds=5)) == [5, 20, 35, 50, 60]


def test_folds_of_another_split_are_ignored():
    assert numbers(schedule(8, 10, folds=5)) == [8, 9, 10]


@pytest.mark.parametrize("least", range(2, 12))
@pytest.mark.parametrize("more", range(30))
def test_the_planned_looks_are_those_that_can_happen_and_are_few(least, more):
    planned = schedule(least, least + more)
    assert len(numbers(planned)) == planned.looks <= MOST_LOOKS
    assert numbers(planned)[-1] == least + more


def test_a_model_with_fewer_replicates_than_the_least_gets_the_least():
    assert schedule(8, 20).after(2) == 8


@pytest.mark.parametrize(
    ("least", "greatest", "message"),
    [
        (20, 10, "`auto.least` must be at most `auto.greatest`, 10. Received 20: lower it, or raise `auto.greatest`."),
        (8, 20, "`auto.least` must be a multiple of the 5 folds of the split, .* Received 8: use 10."),
        (10, 22, "`auto.greatest` must be a multiple of the 5 folds of the split, .* Received 22: use 25."),
    ],
)
def test_numbers_that_do_not_fit_are_rejected_with_the_rule(least, greatest, message):
    with pytest.raises(UserError, match=message):
        schedule(least, greatest, strategy="kfold", folds=5)


def splits_for(replicates, *, strategy="kfold"):
    split = SplitConfig("mine", strategy, None, 0.2, 5, None, 0)
    return most_replicates(replicates, AutoConfig(10, 20, 1), split)


@pytest.mark.parametrize("replicates", [1, 4, 5, 10])
def test_replicates_of_kfold_are_whole_repetitions_or_less_than_one(replicates):
    assert splits_for(replicates) == replicates
    assert splits_for("auto") == 20


def test_an_incomplete_second_repetition_of_kfold_is_rejected_with_the_next_numbers():
    assert splits_for(7, strategy="random") == 7
    with pytest.raises(UserError) as error:
        splits_for(7)
    assert str(error.value) == (
        "`replicates` must be a multiple of `split.folds`, 5, for split=mine, so that every image is tested equally "
        "often. Received 7. Use 5 or 10."
    )
