"""The audit of a data set before any training: each module in `CHECKS` looks for one kind of fault.

The function `check` of a module yields its findings without deciding about their severity beyond its default, which is
its constant `SEVERITY`; conf/audit.yaml overrides it.
"""

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

from pipeline.config.schema import AuditConfig
from pipeline.data.audit import class_sizes, exact_duplicates, skipped_files
from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding
from pipeline.errors import UserError, unknown

CHECKS: Sequence[ModuleType] = (skipped_files, exact_duplicates, class_sizes)


def audit(audited: Audited, settings: AuditConfig) -> list[Finding]:
    """Run all checks that are not ignored; findings that stop come first.

    Raises:
        UserError: the settings name an unknown check.
    """
    names = [module.__name__.rpartition(".")[2] for module in CHECKS]
    for name in settings.checks:
        if name not in names:
            raise unknown("check of the audit", name, names)
    findings = []
    for name, module in zip(names, CHECKS, strict=True):
        chosen = settings.checks.get(name)
        if chosen == "ignore":
            continue
        for finding in module.check(audited):
            findings.append(finding if chosen is None else replace(finding, severity=chosen))
    return sorted(findings, key=lambda finding: ("stop", "warn", "note").index(finding.severity))


def stop_on(findings: Sequence[Finding]) -> None:
    """Raise a UserError if there is a finding that stops."""
    stops = [finding for finding in findings if finding.severity == "stop"]
    if stops:
        listed = "".join(f"\n  {finding.check}: {finding.summary} {finding.advice}" for finding in stops)
        raise UserError(
            f"The audit of the images stops before training. To continue with a finding, set its check to "
            f"`warn` or `ignore` in conf/audit.yaml.{listed}"
        )
