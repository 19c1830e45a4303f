"""Measurements and the file that keeps them, `reports/benchmarks/results.json`.

Each part of the benchmark replaces its own measurements in the file. The others keep their values, dates and machines.
"""

import json
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from pipeline.storage.files import write_json
from pipeline.storage.folders import REPORTS

FOLDER = REPORTS / "benchmarks"
RESULTS = FOLDER / "results.json"
TOLERANCE = 0.15
"""A measurement that is worse than the committed one by a larger share is reported as a regression."""
SMALL_SHARE = 0.02
"""Shares of time below this one differ by chance: changes are relative to at least this share."""
SMALL = {
    "%": SMALL_SHARE,
    "×": 0.01,
    "s": 0.1,
    "ms": 0.1,
    "": 1.0,
    "GiB": 0.1,
    "MiB": 1.0,
    "MB": 0.1,
    "bytes": 1.0,
    "levels": 0.5,
}
"""By unit, the least value that changes are relative to: differences of times may be zero or negative."""


class Machine(NamedTuple):
    """Where and when a part was measured."""

    processor: str
    instructions: str
    cores: int
    memory: str
    system: str
    versions: Mapping[str, str]
    date: str
    commit: str


@dataclass(frozen=True)
class Measurement:
    """One row of the report.

    `value` is what the goal refers to: a ratio to the peer (`unit` ×), a share (%) or a quantity. `low` and `high` are
    its extremes over the rounds. `ours` and `peer` are medians as text with units. `note` says why there is no value.
    """

    part: str
    name: str
    value: float | None
    unit: str = "×"
    goal: float | None = None
    higher_is_better: bool = False
    ours: str = ""
    peer: str = ""
    low: float | None = None
    high: float | None = None
    rounds: int = 1
    note: str = ""
    machine: Machine | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the measurement in the file."""
        return self.part, self.name

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without goal or value."""
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.higher_is_better else self.value <= self.goal


def of_rounds(part: str, name: str, values: Sequence[float], **other: Any) -> Measurement:
    """The measurement whose value is the median of several rounds.

    >>> of_rounds("step", "lenet5", [0.5, 0.7, 0.4], goal=0.65).value
    0.5
    """
    return Measurement(
        part, name, statistics.median(values), low=min(values), high=max(values), rounds=len(values), **other
    )


def written(value: float, unit: str) -> str:
    """A value with its unit.

    >>> written(0.51234, "×"), written(0.021, "%"), written(12.34, "s"), written(8, ""), written(1.5, "GiB")
    ('0.51 ×', '2.1 %', '12.3 s', '8', '1.50 GiB')
    >>> written(0.0123, "s")
    '12.3 ms'
    """
    if unit == "s" and value < 0.1:
        value, unit = 1000 * value, "ms"
    if unit == "%":
        return f"{100 * value:.1f} %"
    if unit == "":
        return f"{value:.0f}"
    return f"{value:.{2 if unit in ('×', 'GiB') else 1}f} {unit}"


def from_json(text: str) -> list[Measurement]:
    """The measurements in the text of the file."""
    return [
        Measurement(**{**row, "machine": Machine(**row["machine"]) if row["machine"] else None})
        for row in json.loads(text)
    ]


def read_results() -> list[Measurement]:
    """The measurements in the file; none if there is no file."""
    return from_json(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []


def committed_results() -> list[Measurement]:
    """The measurements in the file as it is committed; none if it is not committed."""
    shown = subprocess.run(["git", "show", f"HEAD:{RESULTS}"], capture_output=True, text=True, check=False)
    return from_json(shown.stdout) if shown.returncode == 0 else []


def write_results(part: str, new: Iterable[Measurement], machine: Machine) -> list[Measurement]:
    """Replace the measurements of a part in the file, and return all."""
    kept = [one for one in read_results() if one.part != part]
    everything = [*kept, *(replace(one, machine=machine) for one in new)]
    rows = [{**asdict(one), "machine": one.machine._asdict() if one.machine else None} for one in everything]
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_json(RESULTS, rows)
    return everything


def regressions(now: Iterable[Measurement], before: Iterable[Measurement]) -> list[str]:
    """A sentence for each measurement that is worse than before by more than `TOLERANCE`.

    Ratios and shares are compared between machines, other values only if processor and cores are the same.
    """
    old = {one.key: one for one in before}
    found = []
    for one in now:
        earlier = old.get(one.key)
        if earlier is None or earlier.value is None or one.value is None:
            continue
        if one.unit not in ("×", "%") and _hardware(one) != _hardware(earlier):
            continue
        base = earlier.value
        if one.unit == "%" and not one.higher_is_better:
            base = max(base, SMALL_SHARE)
        worse = (base - one.value if one.higher_is_better else one.value - base) / max(abs(base), SMALL[one.unit])
        if worse > TOLERANCE:
            found.append(
                f"{one.part}, {one.name}: {written(one.value, one.unit)}, worse than the committed "
                f"{written(earlier.value, one.unit)} by {worse:.0%}"
            )
    return found


def _hardware(one: Measurement) -> tuple[str, int] | None:
    return (one.machine.processor, one.machine.cores) if one.machine else None
