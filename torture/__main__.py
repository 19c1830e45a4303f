"""Damage running commands at random moments, repeat them until they succeed, and write what held.

`dvc repro`, sweeps and experiments on 8×8 digits are killed, interrupted, stopped, and deprived of memory, disk, server
or storage, and the same command is repeated until it succeeds. Then weights, predictions, scores, runs and files must
be those of an undisturbed run. What is committed here is tested, with the packages of this Python.
"""

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random

from pipeline.console import say
from torture.commands import COMMANDS
from torture.report import Record, write_report
from torture.rounds import Undisturbed, drawn_plan, facilities, run_round, undisturbed_run
from torture.violence import Pace
from torture.workspace import disk_available

MOST_ACTS = 12
DRAWN = [name for name, command in COMMANDS.items() if command.share]
PACES = {"long": Pace(stopped=60, outage=20), "short": Pace(stopped=60, outage=5)}


def main() -> None:
    """Run rounds until enough acts are done, or one round, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__.split("\n")[0])
    parser.add_argument("--acts", type=int, default=200, help="acts in all rounds (200)")
    parser.add_argument("--rounds", type=int, default=10**6, help="end after this number of rounds, too")
    parser.add_argument("--seed", type=int, help="of everything that is drawn; default: a new one")
    parser.add_argument("--round", type=int, help="repeat this round alone, without a report")
    parser.add_argument("--commands", nargs="+", choices=DRAWN, default=DRAWN)
    parser.add_argument("--pace", choices=list(PACES), default="long", help="how long disturbances last")
    parser.add_argument("--folder", type=Path, help="where rounds run; default: a new temporary folder")
    options = parser.parse_args()
    # A shell ignores Ctrl-C for commands in the background, and their children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # So that an end by `kill`, too, unmounts disks and ends processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seed = int.from_bytes(os.urandom(3)) if options.seed is None else options.seed
    folder = options.folder or Path(tempfile.mkdtemp(prefix="torture-"))
    say(f"Seed {seed}, folder {folder}")
    record = Record(seed, options.pace, options.commands, facilities(disk_available(folder)))
    with ExitStack() as stack:
        runs: dict[str, Undisturbed] = {}
        numbers = range(options.rounds) if options.round is None else [options.round]
        for number in numbers:
            if record.acts >= options.acts:
                break
            random = Random(f"{seed}-{number}")
            plan = drawn_plan(random, record.missing, MOST_ACTS, options.commands)
            if plan.command not in runs:
                say(f"{plan.command} without disturbance")
                runs[plan.command] = stack.enter_context(undisturbed_run(plan.command, folder / "undisturbed"))
                record.undisturbed[plan.command] = runs[plan.command].seconds
            done = run_round(number, plan, random, runs[plan.command], folder, PACES[options.pace])
            record.rounds.append(done)
            say(f"round {number}  {plan.command}  {len(done.acts)} acts, {record.acts} in all  {done.seconds:.0f} s")
            for act in done.acts:
                say(f"  start {act.start}, after {act.seconds:.1f} s: {act.kind}: {act.what}")
            for problem in done.problems:
                say(f"  FAILED: {problem}")
            if options.round is None:
                write_report(record)
    sys.exit(any(one.problems for one in record.rounds))


if __name__ == "__main__":
    main()
