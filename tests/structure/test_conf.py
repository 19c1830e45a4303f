from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from pipeline.cli.composing import arguments_of, primary_config
from pipeline.cli.registry import HYDRA_COMMANDS
from pipeline.config.reading import choices_of, read_comparison

GROUPS = ("data", "split", "optimizer", "training", "augmentation", "model")
CHOICES = [(group, choice) for group in GROUPS for choice in choices_of(group)]


@pytest.fixture
def composed():
    """Compose a command's configuration as the command line does, and return its files."""

    def made(command, *overrides):
        ConfigStore.instance().store("convtrack", primary_config(command))
        with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
            configuration = compose("convtrack", list(overrides), return_hydra_config=True)
            loader = GlobalHydra.instance().config_loader()
            defaults = loader.compute_defaults_list("convtrack", list(overrides), RunMode.RUN).defaults
        choices = OmegaConf.to_container(configuration.hydra.runtime.choices)
        with_values = OmegaConf.to_container(
            OmegaConf.masked_copy(configuration, [key for key in configuration if key != "hydra"]), resolve=True
        )
        files = {f"conf/{one.config_path}.yaml" for one in defaults if one.config_path != "convtrack"}
        return with_values, choices, {file for file in files if not file.startswith("conf/hydra/")}

    return made


def taken(configuration, *names):
    values, choices, _ = configuration
    return arguments_of(names, values, choices)


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_file_of_a_group_composes_and_is_valid(composed, group, choice):
    model = () if group == "model" else ("model=lecture_cnn",)
    configuration = composed("experiment", *model, f"{group}={choice}")
    assert taken(configuration, *GROUPS).keys() == set(GROUPS)


@pytest.mark.parametrize("name", choices_of("experiment"))
def test_every_named_experiment_composes_and_is_valid(composed, name):
    overrides = [f"experiment={name}"]
    if "override /model" not in Path(f"conf/experiment/{name}.yaml").read_text():
        overrides.append("model=lecture_cnn")
    assert taken(composed("experiment", *overrides), *GROUPS)["training"].epochs > 0


def test_a_named_experiment_comes_before_the_comparison(composed):
    values = taken(composed("experiment", "experiment=debug"), *GROUPS)
    assert (values["data"].name, values["model"].name, values["training"].epochs) == ("digits", "lecture_cnn", 2)


def test_the_command_line_comes_before_all(composed):
    values = taken(composed("experiment", "experiment=debug", "training.epochs=5", "data=elpv"), *GROUPS)
    assert (values["data"].name, values["training"].epochs) == ("elpv", 5)


def test_a_choice_is_in_the_comparison_and_nowhere_else():
    chosen = set(read_comparison().choices) | {"model", "models"}
    runner = yaml.safe_load(Path("conf/config.yaml").read_text())
    assert set(runner) == {"workers", "ray", "snapshots", "hydra"}
    assert not chosen & set(runner)


@pytest.mark.parametrize("command", [name for name in HYDRA_COMMANDS if name != "experiment"])
def test_a_stage_declares_exactly_the_files_it_composes(composed, stages, command):
    """Except conf/config.yaml, which contains no choice, and the comparison, whose keys each stage declares."""
    stage = stages[command]
    overrides = [f"model={stage.item}"] if "model" in HYDRA_COMMANDS[command].groups and stage.item else []
    _, _, files = composed(command, *overrides)
    assert set(stage.params) - {"conf/comparison.yaml"} == files - {"conf/config.yaml"}


def test_build_composes_every_model_and_depends_on_their_folder(stages):
    assert HYDRA_COMMANDS["build"].for_all_models
    assert Path("conf/model") in stages["build"].deps


def test_stages_declare_the_keys_of_the_comparison_that_they_use(stages):
    declared = {name: set(stage.params.get("conf/comparison.yaml", ())) for name, stage in stages.items()}
    assert declared == {
        "prepare": {"data", "split", "replicates", "auto"},
        "plan": {"models", "baselines", "replicates", "auto"},
        "build": {"models"},
        "train": {"optimizer", "training", "augmentation"},
        "evaluate": set(),
        "baseline": set(),
        "interpret": {"models"},
        "report": {"models", "baselines", "primary_metric", "margin"},
        "package": {"models"},
    }
