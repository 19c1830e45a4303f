"""One HTML page of a whole experiment: its runs as a table, their learning curves and parallel coordinates.

The page needs neither a server nor a network: data and script are part of it. The data are JSON; the script writes
names and values as text, never as HTML.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.counts import number_of
from pipeline.reporting.templates.rendering import template

Curve = Sequence[tuple[int, float]]
"""Steps, ascending, with the values of a metric."""

POINTS = 60_000
"""Points of all curves together. They take most of the page, about 8 bytes each."""
FEWEST_POINTS, MOST_POINTS = 12, 200
"""Points of one curve."""
NOT_FINITE = "not finite"
"""The cell of a metric that is NaN or infinite; the script leaves it out of the numbers of its column."""
LONGEST = 300
"""Characters of a value."""


@dataclass(frozen=True)
class FrozenRun:
    """A run: its values, and the learning curves of its metrics.

    `seconds` is None without a known end. `parent` is the identity of the run above it, None without one.
    """

    identity: str
    name: str
    status: str
    started: datetime | None
    seconds: float | None
    parent: str | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    curves: Mapping[str, Curve] = field(default_factory=dict)


def frozen_page(experiment: str, store: str, runs: Sequence[FrozenRun], *, remarks: Sequence[str] = ()) -> str:
    """The page as HTML.

    Args:
        experiment: its name.
        store: where it was read from.
        runs: the runs, in the order of the table.
        remarks: what the page does not show.
    """
    written = datetime.now(UTC)
    places = {run.identity: place for place, run in enumerate(runs)}
    parents = [places.get(run.parent or "") for run in runs]
    names = [run.name for run in runs]
    data = {"runs": names, "parents": parents, **_columns(runs, parents), **_curves(runs)}
    return template("frozen.html.j2", autoescape=True).render(
        experiment=experiment,
        store=store,
        count=number_of(len(runs), "run"),
        written=f"{written:%Y-%m-%d %H:%M} UTC",
        remarks=remarks,
        same=_same(runs),
        data=_embedded(data),
        script=Markup(template("frozen.js.j2", autoescape=False).render(not_finite=NOT_FINITE)),
    )


def thinned(curve: Curve, most: int) -> Curve:
    """At most about `most` points of a curve: the first, the last, and the extremes of equally long stretches.

    >>> thinned([(step, float(step == 70)) for step in range(100)], 6)
    [(0, 0.0), (1, 0.0), (50, 0.0), (70, 1.0), (99, 0.0)]
    """
    if len(curve) <= most:
        return list(curve)
    values = np.array([value for _, value in curve])
    kept = {0, len(curve) - 1}
    for stretch in np.array_split(np.arange(1, len(curve) - 1), max(1, (most - 2) // 2)):
        finite = stretch[np.isfinite(values[stretch])]
        if len(finite):
            kept |= {int(finite[values[finite].argmin()]), int(finite[values[finite].argmax()])}
        if len(finite) < len(stretch):
            kept.add(int(stretch[~np.isfinite(values[stretch])][0]))
    return [curve[place] for place in sorted(kept)]


def _columns(runs: Sequence[FrozenRun], parents: Sequence[int | None]) -> dict[str, Any]:
    """The columns of the table, and a row of cells per run. `parents` are the places of the runs above."""
    metrics = sorted({name for run in runs for name in run.metrics})
    params, tags = (_differing([getattr(run, kind) for run in runs]) for kind in ("params", "tags"))
    columns = [("status", "run"), ("started", "run"), ("seconds", "run")]
    if any(place is not None for place in parents):
        columns.append(("parent run", "run"))
    kinds = (("metric", metrics), ("param", params), ("tag", tags))
    columns += [(name, kind) for kind, names in kinds for name in names]
    rows = []
    for run, parent in zip(runs, parents, strict=True):
        started = f"{run.started:%Y-%m-%d %H:%M:%S}" if run.started else None
        own = {
            ("status", "run"): run.status,
            ("started", "run"): started,
            ("seconds", "run"): run.seconds,
            ("parent run", "run"): None if parent is None else runs[parent].name,
        }
        own |= {(name, "metric"): _rounded(value, 6) for name, value in run.metrics.items()}
        own |= {(name, "param"): _parsed(value) for name, value in run.params.items()}
        own |= {(name, "tag"): _short(value) for name, value in run.tags.items()}
        rows.append([own.get(column) for column in columns])
    return {"columns": [{"name": name, "kind": kind} for name, kind in columns], "rows": rows}


def _differing(values: Sequence[Mapping[str, str]]) -> list[str]:
    names = sorted({name for own in values for name in own})
    return [name for name in names if len({own.get(name) for own in values}) > 1]


def _same(runs: Sequence[FrozenRun]) -> list[tuple[str, str]]:
    """The parameters and tags that all runs share, unless there is a single run, whose values are no columns."""
    found = []
    for kind in ("params", "tags"):
        values = [getattr(run, kind) for run in runs]
        different = set(_differing(values))
        found += [(name, _short(value)) for name, value in sorted(values[0].items()) if name not in different]
    return found


def _curves(runs: Sequence[FrozenRun]) -> dict[str, Any]:
    """The thinned curves by metric, each as [run, number of its steps, values]; curves share equal lists of steps."""
    count = sum(len(run.curves) for run in runs)
    most = min(MOST_POINTS, max(FEWEST_POINTS, POINTS // max(1, count)))
    steps: dict[tuple[int, ...], int] = {}
    curves: dict[str, list[Any]] = {}
    for place, run in enumerate(runs):
        for name, curve in run.curves.items():
            kept = thinned(curve, most)
            number = steps.setdefault(tuple(step for step, _ in kept), len(steps))
            curves.setdefault(name, []).append([place, number, [_rounded(value, 4) for _, value in kept]])
    return {"steps": list(steps), "curves": dict(sorted(curves.items()))}


def _rounded(value: float, digits: int) -> float | str | None:
    if not math.isfinite(value):
        return None if digits < 6 else NOT_FINITE
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _parsed(text: str) -> float | str:
    """A number if the text is one that would be written again as it is; text otherwise, such as 007."""
    try:
        number = float(text)
    except ValueError:
        return _short(text)
    return number if math.isfinite(number) and not text.strip("+-").startswith("00") else _short(text)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _embedded(data: object) -> Markup:
    """JSON that cannot end the script element that contains it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
