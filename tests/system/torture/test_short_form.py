"""Ten acts of violence, a short form of `make torture`. It takes long, because killed commands start again ten times.

The seeds are fixed, but the moments depend on the machine, too.
"""

from random import Random

import pytest

from torture.rounds import Plan, facilities, run_round, undisturbed_run
from torture.violence import KINDS, Pace
from torture.workspace import disk_available

KINDS_BY_COMMAND = {
    "stages": ["kill_one", "kill_group", "terminate", "interrupt"],
    "sweep": ["interrupt_twice", "kill_one", "fill_disk"],
    "experiment": ["kill_group", "interrupt", "kill_one"],
}


@pytest.mark.parametrize("command", KINDS_BY_COMMAND)
def test_a_command_that_is_repeated_ends_where_an_undisturbed_one_ends(tmp_path, command):
    lacking = facilities(disk_available(tmp_path))
    kinds = [name for name in KINDS_BY_COMMAND[command] if not lacking.get(KINDS[name].needs)]
    with undisturbed_run(command, tmp_path) as undisturbed:
        plan = Plan(command, kinds, served=False, own_clock=False)
        done = run_round(0, plan, Random(command), undisturbed, tmp_path, Pace(stopped=1, outage=5))
    assert done.problems == [], done
