"""Files that the source does not use."""

from collections import Counter
from collections.abc import Iterator

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding


def check(audited: Audited) -> Iterator[Finding]:
    """One finding for all skipped files, with their number for each reason."""
    skipped = audited.images.skipped
    if skipped:
        reasons = Counter(one.reason for one in skipped).most_common()
        yield Finding(
            check="skipped_files",
            severity="warn",
            count=len(skipped),
            summary=f"{len(skipped):,} files or folders are not used: "
            + "; ".join(f"{number:,} {reason}" for reason, number in reasons)
            + ".",
            advice="Check that nothing is missing that should be used.",
            names=tuple(f"{one.name}: {one.reason}" for one in skipped),
        )
