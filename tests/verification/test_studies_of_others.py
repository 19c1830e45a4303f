import pytest

from pipeline.verification.comparison_checks import _read_by_studies
from pipeline.verification.locked_files import Locked, LockedStage


@pytest.fixture
def study():
    """A study that has read a file of the code, the images and the champion."""
    return LockedStage(
        "study", tuple(Locked(path, path) for path in ("pipeline/a.py", "data/prepared", "champion")), (), {}
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ((), [("studies", "ok")]),
        (("champion",), [("reports/shifts", "unknown"), ("studies", "ok")]),
        (("pipeline/a.py",), [("studies", "differs")]),
        (("pipeline/a.py", "data/prepared"), [("reports/shifts", "unknown"), ("studies", "differs")]),
    ],
)
def test_a_study_of_another_comparison_is_unknown_and_one_of_other_code_differs(study, changed, expected, monkeypatch):
    checks = list(_read_by_studies({"shifts": study}, lambda path: None if path in changed else path))
    assert [(check.subject, check.state) for check in checks] == expected
    assert all("dvc repro reports/" in check.remedy for check in checks if check.state != "ok")
