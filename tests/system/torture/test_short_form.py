"""Ten acts of violence, a short form of `make torture`. It takes long, because killed commands start again ten times.

The seeds are fixed, but the moments depend on the machine, too.
"""

from random import Random

import pytest

from torture.rounds import Plan, run_round, undisturbed_run
from torture.violence import Pace

KILLS = ["kill_one", "kill_group", "terminate", "interrupt", "interrupt_twice"]


@pytest.mark.parametrize(("command", "acts"), [("stages", 4), ("sweep", 3), ("experiment", 3)])
def test_a_killed_command_that_is_repeated_ends_where_an_undisturbed_one_ends(tmp_path, command, acts):
    random = Random(command)
    plan = Plan(command, random.choices(KILLS, k=acts), served=False, own_clock=False)
    with undisturbed_run(command, tmp_path) as undisturbed:
        done = run_round(0, plan, random, undisturbed, tmp_path, Pace(stopped=1, outage=5))
    assert done.problems == [], done
