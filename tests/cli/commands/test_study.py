from importlib.util import find_spec

import pytest

from pipeline.cli.commands import study
from pipeline.errors import UserError
from pipeline.storage.imports import ROOT


def test_every_folder_of_studies_is_a_study_with_a_description(capsys):
    assert study.study_names() == sorted(file.parent.name for file in (ROOT / "reports").glob("*/dvc.yaml"))
    with pytest.raises(SystemExit):
        study.main(["--help"])
    shown = capsys.readouterr().out
    assert "  certainty      Measure by simulation how often" in shown
    assert "  connectivity   Count the weights of" in shown


@pytest.mark.parametrize("name", study.study_names())
def test_every_study_has_the_module_that_runs_it(name):
    assert find_spec(study.study_module(name)) is not None


def test_an_unknown_study_lists_the_available_ones():
    with pytest.raises(UserError, match=r"'certanty'.*certainty, connectivity, .*shifts"):
        study.main(["certanty"])
