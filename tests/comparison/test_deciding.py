"""The search for verdicts, with a simulated `dvc repro` and simulated verdicts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.comparison.deciding import decide
from pipeline.config.schedule import Schedule
from pipeline.statistics.sequential import Plan, Search

LEAST = {"a": 4, "b": 4, "c": 4}


class Project:
    """Models whose pairs are decided at given numbers of replicates; one replicate takes 60 seconds to train."""

    def __init__(self, decided_at, *, replicates=LEAST, kill_at=None):
        self.decided_at = decided_at
        self.plan = Plan(replicates, Search(Schedule(4, 10, 2), {}))
        self.trained = dict.fromkeys(replicates, 0)
        self.time, self.kill_at = 0.0, kill_at
        self.looks, self.reports = [], []

    def reproduce(self):
        """Train what is missing, 10 seconds of other work included, and report."""
        if self.trained != self.plan.replicates:
            for model, count in self.plan.replicates.items():
                self.time += 60 * (count - self.trained[model])
                if self.kill_at == (model, count):
                    self.kill_at = None
                    raise KeyboardInterrupt
                self.trained[model] = count
            self.time += 10
        self.reports.append(self.plan.search)

    def look(self):
        self.looks.append(dict(self.trained))
        pairs = []
        for (first, second), needed in self.decided_at.items():
            decided = needed is not None and min(self.trained[first], self.trained[second]) >= needed
            verdict = "better" if decided else "open"
            pairs.append(
                SimpleNamespace(first=first, second=second, verdict=verdict, needed=None if decided else needed)
            )
        return SimpleNamespace(metric="accuracy", margin=0.01, estimates=[], pairs=pairs)

    def record(self, plan):
        self.plan = plan

    def decide(self, minutes=1000.0):
        decide(
            reproduce=self.reproduce,
            read_plan=lambda: self.plan,
            record=self.record,
            look=self.look,
            seconds=lambda more: 60.0 * sum(more.values()),
            minutes=minutes,
            clock=lambda: self.time,
        )


def test_only_models_in_open_pairs_are_trained_further_until_every_pair_has_a_verdict(capsys):
    project = Project({"ab": 4, "ac": 4, "bc": 8})
    project.decide()
    assert project.looks == [LEAST, {"a": 4, "b": 6, "c": 6}, {"a": 4, "b": 8, "c": 8}]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "1 of 3 pairs can still be decided: b – c. Training more replicates (2 of b, 2 of c); next look in about "
        "4 min 10 s."
    )
    assert lines[-1] == "Finished: Every pair of models has a verdict."


def test_a_pair_that_no_number_of_replicates_decides_is_not_trained_further(capsys):
    project = Project({"ab": 4, "ac": 4, "bc": None})
    project.decide()
    assert project.looks == [LEAST]
    assert capsys.readouterr().out == "Finished: More replicates would not decide the remaining pairs: b – c.\n"


def test_the_greatest_number_ends_the_search(capsys):
    project = Project({"ab": 18})
    project.decide()
    assert [look["a"] for look in project.looks] == [4, 6, 8, 10]
    end = "Finished: The greatest number of replicates, 10, is reached. Undecided: a – b.\n"
    assert capsys.readouterr().out.endswith(end)


def test_no_step_starts_that_would_end_after_the_budget_and_the_report_states_it(capsys):
    """The least takes 12:10 minutes, a step for two models 4:10 minutes: two steps end before minute 21."""
    project = Project({"ab": 18})
    project.decide(minutes=21)
    assert [look["a"] for look in project.looks] == [4, 6, 8]
    assert project.time / 60 < 21
    assert project.reports[-1].spent == pytest.approx(project.time / 60)
    *_, over, end = capsys.readouterr().out.splitlines()
    assert over.startswith("20 min 30 s of 21 min 00 s are used, and the next step would take about 4 min 10 s: no fu")
    assert end == "Finished: The time budget ended the search after 20 min 30 s. More replicates can decide: a – b."


def test_the_least_is_trained_even_if_the_budget_is_smaller(capsys):
    project = Project({"ab": 18})
    project.decide(minutes=1)
    assert project.looks == [LEAST]
    assert "The time budget ended the search after 12 min 10 s" in capsys.readouterr().out


def test_a_second_call_continues_with_the_whole_budget_and_forgets_that_the_first_was_spent():
    project = Project({"ab": 8})
    project.decide(minutes=1)
    project.decide(minutes=10)
    assert [look["a"] for look in project.looks] == [4, 4, 6, 8]
    assert project.reports[-1].spent is None


def test_an_interrupted_search_takes_the_same_looks_when_it_is_continued():
    whole, interrupted = Project({"ab": 8, "bc": 10}), Project({"ab": 8, "bc": 10}, kill_at=("b", 8))
    whole.decide()
    with pytest.raises(KeyboardInterrupt):
        interrupted.decide()
    interrupted.decide()
    assert interrupted.looks == whole.looks
    assert interrupted.plan == whole.plan == replace(whole.plan, replicates={"a": 8, "b": 10, "c": 10})


def test_a_budget_smaller_than_one_step_is_reported_with_one_that_suffices(capsys):
    """The step takes 4:10 minutes, so another call with the same budget would train nothing."""
    project = Project({"ab": 18})
    project.decide(minutes=4)
    *_, over, _ = capsys.readouterr().out.splitlines()
    assert over == (
        "The next step would take about 4 min 10 s, which does not fit in the budget of 4 min 00 s even if a call "
        "trains nothing else. To continue, set `auto.minutes` in conf/comparison.yaml to at least 6 and run `convtrack "
        "decide` again."
    )
    project.decide(minutes=6)
    assert project.looks[-1]["a"] > 4


def test_a_second_call_that_trains_nothing_counts_its_own_time_to_the_budget_that_suffices(capsys):
    """The step takes 4 minutes, and starting the stages takes 1 minute in the second call, in which nothing trains."""
    project = Project({"ab": 18})
    project.decide(minutes=4)
    train = project.reproduce

    def slow():
        project.time += 60
        train()

    project.reproduce = slow
    project.decide(minutes=4.9)
    *_, over, _ = capsys.readouterr().out.splitlines()
    assert "set `auto.minutes` in conf/comparison.yaml to at least 6" in over
