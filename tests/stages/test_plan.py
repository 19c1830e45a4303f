"""What the stage `plan` reports about a search for verdicts."""

import pytest

from pipeline.config.schema import AutoConfig
from pipeline.stages import plan


@pytest.fixture(autouse=True)
def _prepared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = {"digest": "f00d", "settings": {"split": {"strategy": "group", "folds": None}}}
    monkeypatch.setattr(plan, "read_manifest", lambda _: manifest)


def test_a_search_that_starts_again_and_one_that_can_call_no_model_better_are_reported(capsys):
    plan.main(("lenet5",), ("grey_levels",), "auto", AutoConfig(2, 6, 1))
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("Warning: with 5 looks at 1 pair, no model") and rest[0] == "Replicates: 2 of lenet5"
    plan.main(("lenet5",), ("grey_levels",), "auto", AutoConfig(2, 10, 1))
    changed, planned, _ = capsys.readouterr().out.splitlines()
    assert changed.startswith("The schedule of the search changed from 2–6 ") and planned == "Replicates: 2 of lenet5"
    plan.main(("lenet5",), ("grey_levels",), "auto", AutoConfig(2, 10, 1))
    assert "changed" not in capsys.readouterr().out
