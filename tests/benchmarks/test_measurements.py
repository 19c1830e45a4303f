import subprocess
from dataclasses import replace

import pytest

from benchmarks.measurements import (
    RESULTS,
    SMALL,
    Measurement,
    committed_results,
    of_rounds,
    read_results,
    regressions,
    write_results,
)

RATIO = Measurement("step", "lenet5, against Keras", 0.50, goal=0.65)
SHARE = Measurement("share", "lenet5", 0.50, unit="%", goal=0.45, higher_is_better=True)


@pytest.mark.parametrize(
    ("one", "value", "met"),
    [(RATIO, 0.65, True), (RATIO, 0.66, False), (SHARE, 0.45, True), (SHARE, 0.44, False), (RATIO, None, None)],
)
def test_a_goal_is_met_at_its_value(one, value, met):
    assert replace(one, value=value).met is met
    assert replace(one, goal=None).met is None


@pytest.mark.parametrize(("one", "kept", "worse"), [(RATIO, 0.57, 0.58), (SHARE, 0.43, 0.42)])
def test_only_a_value_that_is_worse_by_more_than_15_percent_is_a_regression(one, kept, worse):
    assert regressions([replace(one, value=kept)], [one]) == []
    (found,) = regressions([replace(one, value=worse)], [one])
    assert found.startswith(f"{one.part}, {one.name}: ")
    assert found.endswith("by 16%")


def test_a_better_new_or_missing_value_is_no_regression():
    assert regressions([replace(RATIO, value=0.1), replace(SHARE, value=0.9)], [RATIO, SHARE]) == []
    assert regressions([RATIO], []) == []
    assert regressions([replace(RATIO, value=None)], [RATIO]) == []
    assert regressions([RATIO], [replace(RATIO, value=None)]) == []


def test_shares_near_zero_may_change_by_chance():
    waiting = Measurement("input", "waiting", 0.022, unit="%")
    for before in (0.0, -0.02, 0.01):
        assert regressions([waiting], [replace(waiting, value=before)]) == []
    assert regressions([replace(waiting, value=0.03)], [waiting])


def test_values_may_be_zero_or_negative():
    overhead = Measurement("sweeps", "overhead", -0.05, unit="s")
    assert regressions([replace(overhead, value=-0.2)], [overhead]) == []
    assert regressions([replace(overhead, value=0.5)], [overhead])
    assert regressions([replace(overhead, value=0.5)], [replace(overhead, value=0.0)])


def test_every_unit_of_the_committed_results_can_be_compared():
    everything = committed_results()
    assert regressions(everything, everything) == []
    assert {one.unit for one in everything} <= SMALL.keys()


def test_seconds_are_not_compared_between_machines(machine):
    seconds = Measurement("whole", "stage build", 5.0, unit="s", machine=machine)
    slower = replace(seconds, value=10.0)
    assert regressions([slower], [seconds])
    assert regressions([replace(slower, machine=machine._replace(processor="another"))], [seconds]) == []


def test_the_value_is_the_median_of_the_rounds():
    one = of_rounds("step", "lenet5", [0.4, 0.9, 0.5])
    assert (one.value, one.low, one.high, one.rounds) == (0.5, 0.4, 0.9, 3)


def test_a_part_replaces_its_own_results_and_keeps_the_others(tmp_path, monkeypatch, machine):
    monkeypatch.chdir(tmp_path)
    write_results("step", [RATIO, replace(RATIO, name="old")], machine)
    later = machine._replace(date="2026-02-02")
    write_results("share", [SHARE], later)
    write_results("step", [replace(RATIO, value=0.4)], later)
    assert read_results() == [replace(SHARE, machine=later), replace(RATIO, value=0.4, machine=later)]


def test_committed_results_are_those_of_the_last_commit(tmp_path, monkeypatch, machine):
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert committed_results() == []
    write_results("step", [RATIO], machine)
    subprocess.run([*git, "add", str(RESULTS)], check=True)
    subprocess.run([*git, "commit", "-qm", "results"], check=True)
    write_results("step", [replace(RATIO, value=0.9)], machine)
    assert committed_results() == [replace(RATIO, machine=machine)]
