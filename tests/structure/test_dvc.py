from pathlib import Path

from pipeline.cli.registry import COMMANDS


def test_build_depends_on_the_source_of_its_own_network_only(stages):
    assert Path(f"runs/{stages['build'].model}/source.py") in stages["build"].deps
    assert not any(dep.is_relative_to("pipeline/architectures") for dep in stages["build"].deps)


def test_only_prepare_depends_on_the_users_images(stages):
    assert [name for name, stage in stages.items() if Path("data/images") in stage.deps] == ["prepare"]


def test_every_stage_has_a_module_and_a_command(stages):
    modules = {file.stem for file in Path("pipeline/stages").glob("*.py")} - {"__init__"}
    assert set(stages) == modules
    assert set(stages) <= set(COMMANDS)
