from copy import deepcopy

import pytest
import yaml

from development.stage_dependencies import (
    ROOT,
    source_dependencies,
    study_dependencies,
    with_source_dependencies,
    with_study_dependencies,
)
from pipeline.cli.commands.study import study_names


def test_the_source_dependencies_in_dvc_yaml_are_current():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    assert with_source_dependencies(deepcopy(pipeline)) == pipeline, "run `make deps`"


@pytest.mark.parametrize("name", study_names())
def test_the_source_dependencies_of_every_study_are_current(name):
    study = yaml.safe_load((ROOT / "reports" / name / "dvc.yaml").read_text(encoding="utf-8"))
    assert with_study_dependencies(deepcopy(study), name) == study, "run `make deps`"


def test_a_study_depends_on_its_own_folder_with_its_template():
    assert "pipeline/studies/connectivity" in study_dependencies("connectivity")
    assert not any(path.startswith("pipeline/studies/certainty") for path in study_dependencies("connectivity"))


@pytest.mark.parametrize("stage", ["train", "report"])
def test_every_source_dependency_exists(stage):
    assert [path for path in source_dependencies(stage) if not (ROOT / path).exists()] == []


def test_other_dependencies_keep_their_place():
    study = {"stages": {"study": {"deps": ["data/images", "pipeline/removed.py", "requirements.lock"]}}}
    deps = with_study_dependencies(study, "connectivity")["stages"]["study"]["deps"]
    assert deps == ["data/images", *study_dependencies("connectivity"), "requirements.lock"]


def test_a_study_that_trains_depends_on_what_is_found_by_name_and_no_other_study_does():
    trains = {"pipeline/architectures", "pipeline/layers", "pipeline/data/sources", "pipeline/training"}
    assert trains <= set(study_dependencies("depth"))
    assert not trains & set(study_dependencies("connectivity"))
