import subprocess
from pathlib import Path

from pipeline.cli.registry import COMMANDS
from pipeline.data.watching import NOTHING


def test_one_build_serves_all_models_and_the_other_stages_depend_on_the_network_of_their_own_model(stages):
    assert not stages["build"].item
    for name in ("train", "evaluate"):
        networks = {dep for dep in stages[name].deps if dep.is_relative_to("networks")}
        assert networks == {Path("networks", stages[name].item)}
        assert not any(dep.is_relative_to("pipeline/architectures") for dep in stages[name].deps)


def test_only_prepare_depends_on_the_watched_paths(stages):
    assert [name for name, stage in stages.items() if Path(NOTHING) in stage.deps] == ["prepare"]


def test_every_stage_has_a_module_and_a_command(stages):
    modules = {file.stem for file in Path("pipeline/stages").glob("*.py")} - {"__init__"}
    assert set(stages) == modules
    assert set(stages) <= set(COMMANDS)


def test_git_ignores_results_without_entries_of_dvc():
    # DVC removes the entries that a `dvc repro` has added if a later stage fails, and git then lists the results.
    results = ["data/prepared", "networks", "runs/any/train", "runs/any/evaluate", "interpretation", "champion"]
    ignored = subprocess.run(["git", "check-ignore", *results], capture_output=True, text=True, check=True).stdout
    assert ignored.splitlines() == results
    tracked = subprocess.run(["git", "ls-files", "runs"], capture_output=True, text=True, check=True).stdout
    assert ".gitignore" not in tracked
