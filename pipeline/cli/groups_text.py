"""The output of `convtrack compare --group-by`, as lines of text."""

import math
import re
from collections.abc import Callable, Sequence

from pipeline.console import columns
from pipeline.reporting.text.quantities import chance, listed, p_value, share
from pipeline.statistics.results import LEVEL
from pipeline.statistics.run_groups import Group, GroupComparison, GroupPair, least_runs, unbeaten
from pipeline.tracking.grouped_runs import GroupedRuns

MISSING = "–"
DECIMALS = 8
"""Numbers that need more decimals are written in scientific notation."""
LARGE = 1e9
"""Numbers from here on are written in scientific notation."""


def comparison_lines(
    found: GroupedRuns, compared: GroupComparison, *, metric: str, by: str, margin: float, lower_is_better: bool
) -> list[str]:
    """The table of groups, what pairs their runs, a verdict per pair of groups, and the conclusion."""
    write = _writer(compared.groups)
    better = "lower" if lower_is_better else "higher"
    runs = sum(one.runs for one in compared.groups)
    limit = f", margin {margin:g}" if margin else ""
    rows = [(by, "runs", metric, "95 % interval"), *(_row(one, write) for one in compared.groups)]
    return [
        f"{runs} runs of experiment {found.experiment} by {metric} ({better} is better, last logged value{limit}):",
        "",
        *columns(rows, right=(1, 2)),
        "",
        *found.remarks,
        *_basis(found, compared),
        "The images were not resampled: the statements hold for the images on which these runs were measured.",
        "",
        *(
            _sentence(pair, metric, write, margin, len(compared.pairs), lower=lower_is_better)
            for pair in compared.pairs
        ),
        *([""] if compared.pairs else []),
        _answer(compared, metric, write, margin),
    ]


def _writer(groups: Sequence[Group]) -> Callable[[float], str]:
    """A format with as many decimals as the differences between the groups need, at least three digits.

    If there are more than `DECIMALS` of them, or a mean is at least `LARGE`, it is a format in scientific notation.
    """
    means = [one.mean for one in groups if math.isfinite(one.mean)]
    largest, spread = max(map(abs, means), default=0), max(means, default=0) - min(means, default=0)
    places = [3 - math.ceil(math.log10(largest))] if largest else [3]
    if spread:
        places.append(1 - math.floor(math.log10(spread)))
    scientific = max(places) > DECIMALS or largest >= LARGE
    decimals = max(places) if scientific else max(0, *places)

    def write(value: float) -> str:
        if not math.isfinite(value):
            return MISSING
        # 0.0 is added, because a rounded small negative value would be written as −0.
        rounded = round(value, decimals) + 0.0
        text = _scientific(rounded) if scientific else f"{rounded:.{decimals}f}"
        return text.replace("-", "−")

    return write


def _scientific(value: float) -> str:
    """A number with up to ten digits and, if it is small or large, a power of ten.

    >>> _scientific(3.21e-12), _scientific(1e300), _scientific(0.9), _scientific(0.0)
    ('3.21e-12', '1e300', '0.9', '0')
    """
    return re.sub(r"e([-+])0*", lambda found: f"e{found[1].strip('+')}", f"{value:.10g}")


def _row(group: Group, write: Callable[[float], str]) -> tuple[str, ...]:
    spread = f" ± {write(group.deviation)}" if math.isfinite(group.deviation) else ""
    return (group.name, str(group.runs), write(group.mean) + spread, _ends(group.low, group.high, write) or MISSING)


def _ends(low: float, high: float, write: Callable[[float], str]) -> str:
    return f"{write(low)} to {write(high)}" if math.isfinite(low) and math.isfinite(high) else ""


def _basis(found: GroupedRuns, compared: GroupComparison) -> list[str]:
    """What the comparison rests on: pairs or independent samples, and the groups that are left out."""
    lines = []
    keys = listed([str(one) for one in found.paired_by]) if found.paired_by else ""
    if keys and any(pair.paired for pair in compared.pairs):
        lines.append(f"Paired by {keys}: t test and sign-flip test on the differences of runs with the same value.")
    if any(not pair.paired for pair in compared.pairs):
        which = "Groups that share too few values of it are" if keys else "Not paired by a seed or fold. Groups are"
        lines.append(f"{which} compared as independent samples: Welch's t test and permutation test.")
    if found.tested_share:
        lines.append(
            "Folds and splits share training images. Variances are corrected as by Nadeau and Bengio (2003), for "
            f"{share(found.tested_share / (1 + found.tested_share))} of the images tested in each."
        )
    without = [one.name for one in compared.groups if not math.isfinite(one.mean)]
    if without:
        lines.append(f"Not compared, because the value of a run is not a finite number: {listed(without)}.")
    return lines


def _sentence(
    pair: GroupPair, metric: str, write: Callable[[float], str], margin: float, pairs: int, *, lower: bool
) -> str:
    first, second = pair.first, pair.second
    ends = _ends(-pair.high, -pair.low, write) if lower else _ends(pair.low, pair.high, write)
    size = f"{metric} {write(abs(pair.difference))} {'lower' if lower else 'higher'}"
    if pair.difference == 0:
        size = f"the same mean {metric}"
    difference = size + (f" ({share(LEVEL)} interval {ends})" if ends else "")
    if pair.verdict == "better":
        corrected = ", corrected for all pairs" if pairs > 1 else ""
        return f"{first} is better than {second}: {difference}, {_wins(pair)} ({p_value(pair.adjusted)}{corrected})."
    if pair.verdict == "same" and not margin and pair.difference == 0:
        return f"{first} and {second} are practically the same: all {_counts(pair)} have equal values."
    if pair.verdict == "same" and pair.equivalence >= LEVEL:
        probability = chance(pair.equivalence)
        return (
            f"{first} and {second} are practically the same: {difference}, and within the margin of {margin:g} with a "
            f"probability of {probability}."
        )
    if pair.verdict == "same":
        return f"{first} and {second} are practically the same: {difference}, significant, but {_wins(pair)} only."
    missing = ""
    if not pair.decidable:
        least = least_runs(pairs, paired=pair.paired)
        missing = f" With {_counts(pair)} no test can show a difference: at least {least} runs per group are needed."
    return f"No verdict on {first} and {second}: {first} has {difference}.{missing}"


def _counts(pair: GroupPair) -> str:
    return f"{pair.runs[0]} pairs" if pair.paired else f"{pair.runs[0]} and {pair.runs[1]} runs"


def _wins(pair: GroupPair) -> str:
    if pair.paired:
        return f"better in {pair.wins * pair.runs[0]:g} of {pair.runs[0]} pairs of runs"
    return f"a run of it is better in {share(pair.wins)} of all combinations"


def _answer(compared: GroupComparison, metric: str, write: Callable[[float], str], margin: float) -> str:
    finite = [one for one in compared.groups if math.isfinite(one.mean)]
    if not finite:
        return f"No group has a finite {metric} in every run, so none can be recommended."
    if len(finite) == 1:
        return f"Only {finite[0].name} has a finite {metric} in every run, so there is nothing to compare."
    best = unbeaten(compared) or [one.name for one in finite]
    means = {one.name: one.mean for one in finite}
    if len(best) == 1:
        others = {pair.second for pair in compared.pairs if pair.first == best[0] and pair.verdict == "better"}
        if len(others) == len(finite) - 1:
            return f"Use {best[0]} ({metric} {write(means[best[0]])}): it is better than {listed(sorted(others))}."
        return f"Use {best[0]} ({metric} {write(means[best[0]])}): every other group is worse than some group."
    between = [pair for pair in compared.pairs if {pair.first, pair.second} <= set(best)]
    ruled_out = [name for name in means if name not in best]
    rest = f" Ruled out, because another group is better: {listed(ruled_out)}." if ruled_out else ""
    if all(pair.verdict == "same" for pair in between):
        within = all(pair.equivalence >= LEVEL for pair in between)
        reason = "; where one is ahead, it is ahead too rarely to matter"
        if within:
            reason = f" (margin {margin:g})" if margin else " (equal values)"
        return f"{listed(best)} are practically the same{reason}. Use the cheapest of them.{rest}"
    lowest, highest = sorted((means[best[0]], means[best[-1]]))
    word = "between" if len(best) == 2 else "among"
    return f"No clear winner {word} {listed(best)} ({metric} {write(lowest)}–{write(highest)}).{rest}"
