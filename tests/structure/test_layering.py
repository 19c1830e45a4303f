import subprocess
import sys

import pytest

TENSORFLOW_AT_START = (
    "pipeline.architectures.",
    "pipeline.layers.",
    "pipeline.interpretation.first_layer",
    "pipeline.studies.",
    "pipeline.evaluation.predict",
    "pipeline.training.checkpoints",
    "pipeline.training.compiling",
    "pipeline.training.fit",
    "pipeline.training.initial",
    "pipeline.training.loops",
    "pipeline.training.replicate",
    "pipeline.training.start",
)


def packages_of(modules):
    return {name.split(".")[1] for name in modules}


@pytest.mark.parametrize("package", ["arithmetic", "evaluation", "reporting"])
def test_the_packages_that_compute_and_show_import_nothing_of_ours_but_each_other(ours, package):
    imported = set().union(*(names for name, names in ours.items() if name.startswith(f"pipeline.{package}")))
    assert packages_of(imported) <= {"arithmetic", "evaluation", "reporting"}


def test_architectures_stand_on_layers_and_layers_on_nothing_else_of_ours(ours):
    # A logged network takes the layers along, and nothing else, to those who have not the project.
    for package, allowed in (("architectures", {"layers"}), ("layers", {"layers"})):
        imported = set().union(*(names for name, names in ours.items() if name.startswith(f"pipeline.{package}.")))
        assert packages_of(imported) <= allowed


def test_nobody_imports_a_stage(ours):
    importing = {name for name, names in ours.items() if any(one.startswith("pipeline.stages.") for one in names)}
    assert importing == set()


def test_only_tracking_imports_mlflow(importers):
    assert all(name.startswith("pipeline.tracking.") for name in importers("mlflow"))


def test_only_composing_and_sweeps_know_hydra(importers):
    knowing = importers("hydra") | importers("omegaconf")
    assert {name for name in knowing if not name.startswith("pipeline.sweeping.")} == {"pipeline.cli.composing"}


def test_only_sweeps_know_optuna(importers):
    knowing = {name for name in importers("optuna") if not name.startswith("pipeline.sweeping.")}
    assert knowing <= {"pipeline.cli.commands.adopt"}


def test_tensorflow_is_imported_at_start_only_where_tensors_are_computed(importers):
    importing = importers("tensorflow", at_start=True) | importers("keras", at_start=True)
    assert {name for name in importing if not name.startswith(TENSORFLOW_AT_START)} == set()


@pytest.mark.parametrize("module", ["__main__", "stages.prepare", "stages.source", "stages.train", "stages.report"])
def test_what_computes_no_tensor_starts_without_tensorflow(module):
    command = f"import sys, pipeline.{module}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
