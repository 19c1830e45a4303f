"""The findings of the audit as a JSON file."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.data.audit.finding import Finding
from pipeline.storage.files import damaged, read_json, write_checked_json

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def write_findings(file: Path, findings: Sequence[Finding]) -> None:
    """Write findings, atomically."""
    write_checked_json(file, {"findings": [asdict(finding) for finding in findings]})


def read_findings(file: Path) -> tuple[Finding, ...]:
    """Read findings.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return _FINDINGS.validate_python(read_json(file, "findings")["findings"])
    except ValidationError:
        raise damaged(file) from None
