"""The page on the audit lists every check with its default severity."""

import re
from pathlib import Path

from pipeline.data.audit import default_severities


def test_the_page_lists_every_check_with_its_default_severity():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", Path("docs/audit.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == default_severities()
