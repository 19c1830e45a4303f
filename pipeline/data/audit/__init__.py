"""The audit of a data set before any training: each module in `CHECKS` looks for one kind of fault.

The function `check` of a module yields findings. The module's `SEVERITIES` lists the checks that it makes, and the
default severity of their findings; conf/audit.yaml overrides it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import AuditConfig
from pipeline.data.audit import (
    adversarial_validation,
    class_sizes,
    copied_images,
    file_shapes,
    joined_groups,
    poor_images,
    row_order,
    several_frames,
    shortcuts,
    skipped_files,
)
from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity
from pipeline.errors import UserError, unknown

CHECKS: Sequence[ModuleType] = (
    skipped_files,
    several_frames,
    file_shapes,
    poor_images,
    class_sizes,
    copied_images,
    joined_groups,
    row_order,
    shortcuts,
    adversarial_validation,
)
ORDER: Sequence[Severity] = ("stop", "warn", "note")
EXAMPLES = 3
"""Images of a set that an error message names, at most."""


def default_severities() -> Mapping[str, Severity]:
    """The default severity of each check, by its name."""
    return {name: severity for module in CHECKS for name, severity in module.SEVERITIES.items()}


def audit(audited: Audited, settings: AuditConfig) -> list[Finding]:
    """Run all checks that are not ignored; findings that stop come first.

    Raises:
        UserError: the settings name an unknown check.
    """
    severities = default_severities()
    for name in settings.checks:
        if name not in severities:
            raise unknown("check of the audit", name, severities)
    chosen = {**severities, **settings.checks}
    findings = []
    for module in CHECKS:
        if all(chosen[name] == "ignore" for name in module.SEVERITIES):
            continue
        for finding in module.check(audited):
            severity = chosen[finding.check]
            if severity != "ignore":
                findings.append(replace(finding, severity=severity))
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))


def stops(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that prevent training."""
    return [finding for finding in findings if finding.severity == "stop"]


def stop_on(findings: Sequence[Finding], names: NDArray[np.str_], *, page: Path | None = None) -> None:
    """Raise a UserError if there is a finding that stops.

    Args:
        findings: those of the audit.
        names: the name of each image, for an example of each finding.
        page: the file that shows the images of the findings, if it was written.
    """
    found = stops(findings)
    if not found:
        return
    see = "" if page is None else f"See the images in {page}. "
    described = "".join(
        f"\n  {finding.check}: {finding.summary}{_example(finding, names)} {finding.advice}" for finding in found
    )
    raise UserError(
        f"The audit of the images found errors that prevent training. {see}Correct the data; or, to train on them as "
        f"they are, set the check to 'warn' under 'checks' in conf/audit.yaml.{described}"
    )


def _example(finding: Finding, names: NDArray[np.str_]) -> str:
    """The first images of a finding, which belong together, as a sentence; empty if it has none."""
    if not finding.images:
        return ""
    shown = [f"'{name}'" for name in names[list(finding.images[0][:EXAMPLES])].tolist()]
    return f" For example {' and '.join(shown)}."
