from pathlib import Path

import pytest

STAGES = ["prepare", "source", "build", "train", "evaluate", "report"]
WIRING = {Path("pipeline/__main__.py")}


def lies_under(file, deps):
    return any(file == dep or dep in file.parents for dep in deps)


@pytest.mark.parametrize("name", STAGES)
def test_every_module_that_a_stage_imports_lies_under_its_deps(stages, closure, name):
    needed = {file for file in closure(f"pipeline.stages.{name}") if file.name != "__init__.py"} - WIRING
    assert {str(file) for file in needed if not lies_under(file, stages[name].deps)} == set()


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_no_source_that_it_does_not_import(stages, closure, name):
    needed = closure(f"pipeline.stages.{name}")
    sources = {dep for dep in stages[name].deps if dep.parts[0] == "pipeline"}
    # Imported by a name that stands in a configuration.
    by_name = {Path("pipeline/architectures"), Path("pipeline/layers")}
    assert {str(dep) for dep in sources - by_name if not any(lies_under(file, [dep]) for file in needed)} == set()


def test_what_a_network_is_built_from_reaches_build_through_its_own_source(stages):
    assert Path(f"runs/{stages['build'].model}/source.py") in stages["build"].deps
    assert not any(dep.is_relative_to("pipeline/architectures") for dep in stages["build"].deps)


def test_only_prepare_knows_where_images_come_from(stages):
    assert [name for name in STAGES if Path("data/images") in stages[name].deps] == ["prepare"]
