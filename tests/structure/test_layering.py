"""The levels of the packages: a module imports only from its own package and from packages at its level or below."""

import subprocess
import sys
from collections import Counter

import networkx
import pytest

LEVELS = (
    (
        "errors",
        "safe_text",
        "console",
        "counts",
        "storage",
        "config",
        "arithmetic",
        "augmentation",
        "layers",
        "architectures",
    ),
    ("data", "baselines", "networks", "interpretation", "training"),
    ("evaluation", "statistics", "deployment"),
    ("reporting", "comparison", "watch"),
    ("tracking",),
    ("sweeping", "verification"),
    ("stages", "experiment", "studies", "lecture", "cli", "__main__", "hydra_plugins"),
)
"""From the lowest level upwards. Packages of one level may import each other, but not in a circle."""

LEVEL = {package: level for level, packages in enumerate(LEVELS) for package in packages}

TENSORFLOW_AT_START = (
    "pipeline.architectures.",
    "pipeline.deployment.packaging",
    "pipeline.layers.",
    "pipeline.interpretation.activation_maximisation",
    "pipeline.interpretation.feature_maps",
    "pipeline.interpretation.equivariance",
    "pipeline.interpretation.first_layer",
    "pipeline.interpretation.grad_cam",
    "pipeline.lecture.",
    "pipeline.interpretation.unit_layers",
    "pipeline.studies.",
    "pipeline.training.batch_normalization",
    "pipeline.training.checkpoints",
    "pipeline.training.compiling",
    "pipeline.training.export",
    "pipeline.training.fit",
    "pipeline.training.initial",
    "pipeline.training.latency",
    "pipeline.training.loops",
    "pipeline.training.predict",
    "pipeline.training.preload",
    "pipeline.training.replicate",
    "pipeline.training.snapshots",
    "pipeline.training.start",
)

NAMED_BY_COMMAND = (
    "pipeline.stages.",
    "pipeline.cli.commands.",
    "pipeline.tracking.publish.",
    "pipeline.data.sources.",
)
SAVED_NETWORKS = ("pipeline.layers.", "pipeline.architectures.")
"""Their module names are stored in saved networks, so an architecture and a layer may share one."""


def package_of(module):
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "pipeline" else package


def test_every_module_has_a_package(imports):
    assert {package_of(module) for module in imports} == set(LEVEL)


def test_no_module_imports_from_a_level_above(imports):
    upwards = {
        f"{module} -> {imported}"
        for module, names in imports.items()
        for imported in names
        if LEVEL[package_of(imported)] > LEVEL[package_of(module)]
    }
    assert upwards == set()


def test_no_modules_import_each_other_in_a_circle(imports):
    graph = networkx.DiGraph((module, name) for module, names in imports.items() for name in names)
    assert [circle for circle in networkx.strongly_connected_components(graph) if len(circle) > 1] == []


def test_no_packages_import_each_other_in_a_circle(imports):
    """The commands are found by name, and the sweeper plug-in is registered by the command line that it belongs to."""
    top = set(LEVELS[-1])
    edges = {(package_of(module), package_of(name)) for module, names in imports.items() for name in names}
    graph = networkx.DiGraph((a, b) for a, b in edges if a != b and not {a, b} <= top)
    assert [circle for circle in networkx.strongly_connected_components(graph) if len(circle) > 1] == []


def test_no_two_modules_have_the_same_name(imports):
    names = Counter(
        module.rpartition(".")[2]
        for module in imports
        if module.count(".") > 1 and not module.startswith((*NAMED_BY_COMMAND, SAVED_NETWORKS[1]))
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_layers_import_only_layers_and_architectures_import_only_layers(imports):
    """A logged network includes the source of the layers, but of no other module of this project."""
    for package in ("architectures", "layers"):
        modules = {module for module in imports if module.startswith(f"pipeline.{package}.")}
        assert {package_of(name) for module in modules for name in imports[module]} <= {"layers"}


def test_no_module_imports_a_stage(imports):
    assert {module for module, names in imports.items() if "stages" in map(package_of, names)} == set()


def test_only_tracking_imports_mlflow(importers):
    assert {package_of(module) for module in importers("mlflow")} == {"tracking"}


def test_only_composing_and_sweeping_import_hydra(importers):
    modules = importers("hydra") | importers("omegaconf")
    others = {module for module in modules if package_of(module) not in ("sweeping", "hydra_plugins")}
    assert others == {"pipeline.cli.composing"}


def test_only_sweeping_imports_optuna(importers):
    assert {package_of(module) for module in importers("optuna")} == {"sweeping"}


def test_only_modules_that_compute_tensors_import_tensorflow_at_start(importers):
    modules = importers("tensorflow", at_start=True) | importers("keras", at_start=True)
    assert {module for module in modules if not module.startswith(TENSORFLOW_AT_START)} == set()


@pytest.mark.parametrize(
    "module",
    [
        "__main__",
        "stages.prepare",
        "stages.train",
        "stages.evaluate",
        "stages.baseline",
        "stages.interpret",
        "stages.report",
        "stages.package",
    ],
)
def test_a_command_that_computes_no_tensor_starts_without_tensorflow(module):
    command = f"import sys, pipeline.{module}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_the_shared_fixtures_import_no_library_that_takes_seconds():
    """Every test imports them, also those of `tests/arithmetic`, which use no store."""
    heavy = "{'mlflow', 'tensorflow', 'keras', 'optuna', 'hydra', 'dvc'}"
    command = f"import runpy, sys; runpy.run_path('tests/conftest.py'); sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
