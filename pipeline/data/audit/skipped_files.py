"""Files that the source does not use."""

from collections import Counter
from collections.abc import Iterator

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity

SEVERITIES: dict[str, Severity] = {"skipped_files": "warn"}
SHOWN = 5
"""At most so many reasons are in the summary."""


def check(audited: Audited) -> Iterator[Finding]:
    """One finding for all skipped files, with their number for each reason."""
    skipped = audited.images.skipped
    if skipped:
        reasons: Counter[str] = Counter()
        for one in skipped:
            reasons[one.reason] += one.files
        yield Finding(
            check="skipped_files",
            count=reasons.total(),
            summary=f"Files that are not used: {reasons.total():,} ("
            + "; ".join(f"{number:,} {reason}" for reason, number in reasons.most_common(SHOWN))
            + (f"; and {len(reasons) - SHOWN:,} more reasons" if len(reasons) > SHOWN else "")
            + ").",
            advice="Check that none of these files should be used.",
            names=tuple(f"{one.name}: {one.reason}" for one in skipped),
            listing="Files and folders with the reason",
        )
