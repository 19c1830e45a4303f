"""Numbers as text: counts, durations, and means with their spread."""

import math
from collections.abc import Sequence

import numpy as np


def count(number: int) -> str:
    """Format a count with a separator for thousands.

    >>> count(824201)
    '824,201'
    """
    return f"{number:,}"


def whole(number: float) -> str:
    """Format a whole number that may be a mean of equal values.

    >>> whole(824201.0)
    '824,201'
    """
    return count(round(number))


def magnitude(number: float) -> str:
    """Format a large count in thousands (k), millions (M), billions (G) or trillions (T).

    >>> [magnitude(n) for n in (410, 61_706, 6_100_000, 999_999, 184_000_000)]
    ['410', '61.7 k', '6.1 M', '1.0 M', '184 M']
    """
    if number < 1000:
        return f"{number:.0f}"
    # Round first: 999,999 is 1.0 M, not 1000 k.
    power = next(power for power in (1, 2, 3, 4) if power == 4 or round(number / 1000**power) < 1000)
    scaled, unit = number / 1000**power, "kMGT"[power - 1]
    return f"{scaled:.1f} {unit}" if scaled < 99.95 else f"{scaled:.0f} {unit}"


def storage(size: float) -> str:
    """Format a size in bytes, kilobytes (1000 bytes) and so on.

    >>> storage(410), storage(61_706)
    ('410 B', '61.7 kB')
    """
    written = magnitude(size)
    return f"{written}B" if " " in written else f"{written} B"


def duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours.

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
    """Format a short time with a unit from µs to s.

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
    """Format a number with four significant digits, and with all digits before the decimal point.

    >>> digits(0.081234), digits(61706.0)
    ('0.08123', '61,706')
    """
    return f"{value:,.0f}" if math.isfinite(value) and abs(value) >= 1000 else f"{value:.4g}"


def share(part: float, *, decimals: int = 0) -> str:
    """Format a part of one in per cent.

    >>> share(0.938), share(0.0125, decimals=1)
    ('94 %', '1.2 %')
    """
    return f"{100 * part:.{decimals}f} %" if np.isfinite(part) else "–"


def confidence(level: float) -> str:
    """Format a confidence level, or a significance level.

    >>> confidence(0.95), confidence(1 - 0.05 / 3)
    ('95 %', '98.3 %')
    """
    return f"{100 * level:.1f}".removesuffix(".0") + " %"


def score(value: float) -> str:
    """Format the value of a metric with three decimals.

    >>> score(0.9125)
    '0.912'
    """
    return f"{value:.3f}" if np.isfinite(value) else "–"


def mean(values: Sequence[float]) -> float:
    """The mean over replicates, NaN without values."""
    return float(np.mean(values)) if len(values) else float("nan")


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation over replicates (divisor n − 1), NaN with fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def spread(values: Sequence[float]) -> str:
    """Format mean ± sample standard deviation, or a single value alone.

    >>> spread((0.90, 0.92)), spread((0.90,))
    ('0.910 ± 0.014', '0.900')
    """
    if len(values) < 2:
        return score(mean(values))
    return f"{score(mean(values))} ± {score(deviation(values))}"


def difference(value: float) -> str:
    """Format a difference with its sign and three decimals.

    >>> [difference(value) for value in (0.0312, -0.0312, 0.0001)]
    ['+0.031', '−0.031', '0.000']
    """
    if not np.isfinite(value):
        return "–"
    # Round first, so that a tiny negative difference is not written as −0.000.
    rounded = round(value, 3)
    return f"{rounded:+.3f}".replace("-", "−") if rounded else "0.000"


def interval(low: float, high: float) -> str:
    """Format the ends of an interval; empty if one is unknown.

    >>> interval(-0.0034, 0.012), interval(float("nan"), 0.1)
    ('−0.003 to 0.012', '')
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    return " to ".join(f"{round(end, 3) or 0.0:.3f}".replace("-", "−") for end in (low, high))


def chance(probability: float) -> str:
    """Format an estimated probability, which is never written as certain.

    >>> [chance(p) for p in (0.9997, 0.962, 0.001)]
    ['more than 99 %', '96 %', 'less than 1 %']
    """
    if probability > 0.99:
        return "more than 99 %"
    return "less than 1 %" if probability < 0.01 else share(probability)


def p_value(p: float) -> str:
    """Format a p-value.

    >>> p_value(0.0312), p_value(0.00002), p_value(1.0)
    ('p = 0.031', 'p < 0.001', 'p = 1')
    """
    if not np.isfinite(p):
        return "p unknown"
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def sides(lengths: Sequence[int] | None, separator: str = "×") -> str:
    """Format the side lengths of an image or window, a dash without any.

    >>> sides((64, 64, 1)), sides(None)
    ('64×64×1', '–')
    """
    return separator.join(map(str, lengths)) if lengths else "–"


def listed(names: Sequence[str], *, last: str = "and") -> str:
    """Join names for a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b"], last="or")
    ('a', 'a, b and c', 'a or b')
    """
    *most, end = names
    return f"{', '.join(most)} {last} {end}" if most else end


def capitalized(text: str) -> str:
    """Start with a capital letter and keep all others.

    >>> capitalized("ROC AUC"), capitalized("balanced accuracy")
    ('ROC AUC', 'Balanced accuracy')
    """
    return text[:1].upper() + text[1:]
