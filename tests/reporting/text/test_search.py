from dataclasses import replace

import pytest

from pipeline.config.schedule import Schedule
from pipeline.reporting import page
from pipeline.reporting.sections import document
from pipeline.reporting.text.search import cannot_be_better, ending, looks_taken, names, restarted
from pipeline.statistics.sequential import Plan, Search, seen

SEARCH = Search(Schedule(10, 20, 5), {})
MEANS = {"lenet5": 0.92, "resnet8": 0.91, "vgg": 0.85}


def test_the_looks_are_stated_with_the_level_of_each():
    assert looks_taken(SEARCH.schedule) == (
        "Each model got as many replicates as its verdicts needed: at least 10 and at most 20, in steps of 5. At most "
        "3 looks at the verdicts were planned. Each look uses the significance level 5 % / 3, so that all looks "
        "together keep 5 % (Bonferroni)."
    )
    once = looks_taken(Schedule(8, 8, 1))
    assert once == "The verdicts were computed once, after 8 replicates of each model."


@pytest.mark.parametrize(
    ("needed", "replicates", "spent", "sentence"),
    [
        (None, 10, None, "More replicates would not decide the remaining pairs: lenet5 – resnet8."),
        (18, 20, None, "The greatest number of replicates, 20, is reached. Undecided: lenet5 – resnet8."),
        (
            18,
            10,
            12.5,
            "The time budget ended the search after 12 min 30 s. More replicates can decide: lenet5",
        ),
        (
            60,
            10,
            None,
            "The remaining pairs are unlikely to get a verdict within the greatest number of replicates, 20: lenet5",
        ),
        (18, 10, None, "The search is not finished: `convtrack decide` continues it. Open: lenet5 – resnet8."),
    ],
)
def test_the_reason_for_the_end_names_the_pairs_without_a_verdict(known, two, needed, replicates, spent, sentence):
    pairs = (two("lenet5", "resnet8", 0.01, needed=needed), two("lenet5", "vgg", 0.07, "better"))
    certainty = known(MEANS, pairs)
    plan = Plan(dict.fromkeys(MEANS, replicates), replace(SEARCH, spent=spent, seen=seen(certainty)))
    assert ending(plan, certainty, plan.search).startswith(sentence)


def test_the_end_without_open_pairs(known, two):
    plan = Plan(dict.fromkeys(MEANS, 10), SEARCH)
    decided = known(MEANS, (two("lenet5", "resnet8", 0.01, "same"),))
    assert ending(plan, decided, SEARCH) == "Every pair of models has a verdict."
    baselines = known(MEANS, (two("most_frequent", "grey_levels", 0.01, needed=18),))
    assert ending(plan, baselines, SEARCH) == "Every pair of models has a verdict, except pairs of baselines."


def test_only_some_of_many_pairs_are_named(two):
    pairs = [two("a", model, 0.1) for model in "bcdefg"]
    assert names(pairs[:2]) == "a – b and a – c"
    assert names(pairs) == "a – b, a – c, a – d, a – e and 2 more"


def test_models_with_different_numbers_of_replicates_are_reported_in_both_formats(compare, result):
    models = (result("lenet5", (0.90, 0.92)), result("resnet8", (0.90, 0.91, 0.93), train_seconds=(40.0, 42.0, 41.0)))
    plan = Plan({"lenet5": 2, "resnet8": 3}, Search(Schedule(2, 3, 1), {}))
    models = (models[0], replace(models[1], costs={**models[1].costs, "seconds_per_image": (0.001, 0.001, 0.001)}))
    report = document(compare(models=models, mistakes={}, plan=plan))
    for text in (page.html(report), page.markdown(report, "figures")[0]):
        assert "2–3 trainings each" in text
        assert "at least 2 and at most 3, in steps of 1" in text
        assert "The search is not finished" in text or "More replicates would not decide" in text


def test_a_schedule_that_can_never_call_a_model_better_is_warned_of():
    assert cannot_be_better(Schedule(2, 6, 1), models=2, strategy="group") == (
        "Warning: with 5 looks at 1 pair, no model can be called better with fewer than 8 replicates. `auto.greatest` "
        "is 6: raise it to at least 8."
    )
    assert cannot_be_better(Schedule(2, 8, 2), models=2, strategy="group") is None
    assert cannot_be_better(Schedule(5, 5, 5), models=5, strategy="kfold") is None
    single = cannot_be_better(Schedule(4, 4, 1), models=2, strategy="group")
    assert single.startswith("Warning: with 1 look at 1 pair, no model can be called better with fewer than 6 rep")
    assert single.endswith("raise it to at least 8.")


def test_a_changed_schedule_starts_the_search_again_and_the_error_rate_holds_for_each_alone():
    assert restarted(Schedule(2, 6, 1), Schedule(2, 10, 2)) == (
        "The schedule of the search changed from 2–6 replicates in steps of 1 to 2–10 replicates in steps of 2: the "
        "search starts again at 2 replicates of each model, and finished trainings are reused. The error rate holds "
        "for each search alone."
    )
