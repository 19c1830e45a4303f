"""Run one part of the benchmark in this process, print its measurements and write them."""

import argparse
import signal
import sys
from importlib import import_module

from benchmarks.measurements import Measurement, write_results, written
from benchmarks.this_machine import this_machine
from pipeline.console import say


def run_part(name: str) -> None:
    """Read the command line of a part, measure, and replace the part's rows in the file of results."""
    part = import_module(f"benchmarks.{name}")
    command = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=(part.__doc__ or "").split("\n")[0]
    )
    command.add_argument("--rounds", type=int, default=part.ROUNDS, help=f"default: {part.ROUNDS}")
    rounds = command.parse_args().rounds
    # Without this, workers would survive a benchmark that is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    machine = this_machine()
    found = []
    for measurement in part.measure(rounds):
        say(line(measurement))
        found.append(measurement)
    write_results(name, found, machine)


def line(one: Measurement) -> str:
    """A measurement in one line.

    >>> line(Measurement("step", "lenet5, against Keras", 0.5, goal=0.65, ours="8 ms", peer="16 ms"))
    'step: lenet5, against Keras: 0.50 × (8 ms, 16 ms); goal 0.65 ×: met'
    """
    if one.value is None:
        return f"{one.part}: {one.name}: {one.note}"
    compared = ", ".join(filter(None, (one.ours, one.peer)))
    goal = "" if one.goal is None else f"; goal {written(one.goal, one.unit)}: {'met' if one.met else 'missed'}"
    return f"{one.part}: {one.name}: {written(one.value, one.unit)}" + (f" ({compared})" if compared else "") + goal
