"""Numbers as people read them: counts, durations and means with their spread."""

import math
from collections.abc import Sequence

import numpy as np


def count(number: int) -> str:
    """A count with its thousands apart.

    >>> count(824201)
    '824,201'
    """
    return f"{number:,}"


def magnitude(number: float) -> str:
    """A large count in thousands (k), millions (M), billions (G) or more.

    >>> [magnitude(n) for n in (410, 61_706, 6_100_000, 999_999, 184_000_000)]
    ['410', '61.7 k', '6.1 M', '1.0 M', '184 M']
    """
    if number < 1000:
        return f"{number:.0f}"
    # Rounded first: 999,999 is 1.0 M, not 1000 k.
    power = next(power for power in (1, 2, 3, 4) if power == 4 or round(number / 1000**power) < 1000)
    scaled, unit = number / 1000**power, "kMGT"[power - 1]
    return f"{scaled:.1f} {unit}" if scaled < 99.95 else f"{scaled:.0f} {unit}"


def storage(size: int) -> str:
    """A size on disk, in bytes, kilobytes (1000 bytes) and so on.

    >>> storage(410), storage(61_706)
    ('410 B', '61.7 kB')
    """
    written = magnitude(size)
    return f"{written}B" if " " in written else f"{written} B"


def duration(seconds: float) -> str:
    """A time one waits for.

    >>> [duration(s) for s in (0.25, 41.23, 192, 7500)]
    ['0.25 s', '41.2 s', '3 min 12 s', '2 h 05 min']
    """
    if not np.isfinite(seconds):
        return "–"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def latency(seconds: float) -> str:
    """A time one does not notice, with the unit it is told in.

    >>> [latency(s) for s in (0.000085, 0.00124, 0.0463, 2.1)]
    ['85 µs', '1.24 ms', '46.3 ms', '2.10 s']
    """
    if not np.isfinite(seconds):
        return "–"
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs" if seconds >= 9.95e-6 else f"{seconds * 1e6:.1f} µs"
    if seconds < 0.9995:
        milliseconds = seconds * 1e3
        return f"{milliseconds:.2f} ms" if milliseconds < 9.995 else f"{milliseconds:.1f} ms"
    return f"{seconds:.2f} s"


def digits(value: float) -> str:
    """Four digits, and all those before the point.

    >>> digits(0.081234), digits(61706.0)
    ('0.08123', '61,706')
    """
    return f"{value:,.0f}" if math.isfinite(value) and abs(value) >= 1000 else f"{value:.4g}"


def share(part: float, *, decimals: int = 0) -> str:
    """A part of one, in per cent.

    >>> share(0.938), share(0.0125, decimals=1)
    ('94 %', '1.2 %')
    """
    return f"{100 * part:.{decimals}f} %" if np.isfinite(part) else "–"


def score(value: float) -> str:
    """A metric's value, three digits after the point.

    >>> score(0.9125)
    '0.912'
    """
    return f"{value:.3f}" if np.isfinite(value) else "–"


def mean(values: Sequence[float]) -> float:
    """Mean over replicates; NaN of none."""
    return float(np.mean(values)) if len(values) else float("nan")


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation over replicates (n − 1 below the line); NaN of fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation; of a single value the value alone.

    >>> spread((0.90, 0.92)), spread((0.90,))
    ('0.910 ± 0.014', '0.900')
    """
    if len(values) < 2:
        return score(mean(values))
    return f"{score(mean(values))} ± {score(deviation(values))}"


def difference(value: float) -> str:
    """A difference with its sign, three digits after the point.

    >>> [difference(value) for value in (0.0312, -0.0312, 0.0001)]
    ['+0.031', '−0.031', '0.000']
    """
    if not np.isfinite(value):
        return "–"
    # Rounded first: nothing is no less than nothing.
    rounded = round(value, 3)
    return f"{rounded:+.3f}".replace("-", "−") if rounded else "0.000"


def interval(low: float, high: float) -> str:
    """An interval's ends; nothing where it is not known.

    >>> interval(-0.0034, 0.012), interval(float("nan"), 0.1)
    ('−0.003 to 0.012', '')
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    return " to ".join(f"{round(end, 3) or 0.0:.3f}".replace("-", "−") for end in (low, high))


def chance(probability: float) -> str:
    """A probability that was estimated, so that none is written as certain.

    >>> [chance(p) for p in (0.9997, 0.962, 0.001)]
    ['more than 99 %', '96 %', 'less than 1 %']
    """
    if probability > 0.99:
        return "more than 99 %"
    return "less than 1 %" if probability < 0.01 else share(probability)


def p_value(p: float) -> str:
    """A p-value as one writes it.

    >>> p_value(0.0312), p_value(0.00002), p_value(1.0)
    ('p = 0.031', 'p < 0.001', 'p = 1')
    """
    if not np.isfinite(p):
        return "p unknown"
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def listed(names: Sequence[str], *, last: str = "and") -> str:
    """Names as a sentence has them.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b"], last="or")
    ('a', 'a, b and c', 'a or b')
    """
    *most, end = names
    return f"{', '.join(most)} {last} {end}" if most else end
