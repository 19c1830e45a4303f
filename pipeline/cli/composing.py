"""The commands that Hydra composes a configuration for, and how: from `conf/` and the command line to arguments.

Which file of each group of `conf/` is taken stands in `conf/comparison.yaml`; an override on the command line comes
before it. Model and named experiment are composed last, so that they can bring values of their own.
"""

import ast
import fnmatch
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

from pipeline.config.overrides import allow_new_options
from pipeline.config.reading import CONF, check_encoding, choices_of, read, read_comparison
from pipeline.config.schema import NAMED, SECTIONS, Settings, TrialAddress
from pipeline.errors import UserError


@dataclass(frozen=True)
class HydraCommand:
    """A command that composes its configuration: the groups and files of `conf/` that it takes."""

    module: str
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


HYDRA_COMMANDS: Mapping[str, HydraCommand] = {
    "prepare": HydraCommand("pipeline.stages.prepare", ("data", "split")),
    "source": HydraCommand("pipeline.stages.source", ("model",)),
    "build": HydraCommand("pipeline.stages.build", ("model",)),
    "train": HydraCommand("pipeline.stages.train", ("optimizer", "training", "augmentation", "model")),
    "evaluate": HydraCommand("pipeline.stages.evaluate", ("model",), ("evaluation",)),
    "report": HydraCommand("pipeline.stages.report"),
    "experiment": HydraCommand(
        "pipeline.experiment",
        ("data", "split", "optimizer", "training", "augmentation", "model", "experiment", "sweep"),
    ),
}


def run(command: str, arguments: Sequence[str]) -> None:
    """Compose what the command takes, with the arguments as overrides, and run it."""
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    from hydra_plugins.convtrack_sweeper import ConvtrackSweeper

    # Hydra raises what it would otherwise print, so that mistakes are told in our words.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    # A file of conf/sweep says what to search; without one `-m` makes a grid of the values on the command line.
    searching = any(argument.startswith("sweep=") for argument in arguments)
    if searching:
        _check_search(arguments)
    primary = primary_config(command, sweeper="convtrack_optuna" if searching else "convtrack_grid")
    if {"-h", "--help"} & set(arguments) and {"model": "???"} in primary["defaults"]:
        # Help shows a composed configuration, so it needs some model.
        primary["defaults"][primary["defaults"].index({"model": "???"})] = {"model": primary["models"][0]}
    ConfigStore.instance().store("convtrack", primary)
    Plugins.instance().register(ConvtrackSweeper)
    sys.argv = [f"convtrack {command}", *map(allow_new_options, arguments)]
    for argument in arguments:
        _check_glob(argument)
    try:
        with _overrides_told():
            hydra.main(config_path=str(CONF.resolve()), config_name="convtrack", version_base="1.3")(_task(command))()
    except _Stopped as stopped:
        raise stopped.problem from None


def _check_search(arguments: Sequence[str]) -> None:
    """Refuse what would leave a file of conf/sweep without effect, or without the sweeper that it is for."""
    if not {"-m", "--multirun", "-h", "--help", "--cfg", "-c"} & set(arguments):
        raise UserError("`sweep=…` searches with many trials: add `-m`.")
    for argument in arguments:
        if argument.startswith("hydra/sweeper=") and not argument.startswith("hydra/sweeper=convtrack_"):
            raise UserError(f"`sweep=…` is for `hydra/sweeper=convtrack_optuna`; leave `{argument}` out.")


def _check_glob(argument: str) -> None:
    """Refuse a pattern that no file fits: Hydra would run no job, and say nothing of it."""
    found = re.fullmatch(r"(\w+)=glob\(([^,()]+)\)", argument)
    if found and not fnmatch.filter(choices_of(found[1]), found[2].strip("'\"")):
        raise UserError(f"No {found[1]} fits '{found[2]}'. Available: {', '.join(choices_of(found[1]))}.")


@contextmanager
def _overrides_told() -> Iterator[None]:
    """What Hydra says of an override by a bare ValueError, as a mistake of the user's."""
    try:
        yield
    except ValueError as problem:
        check_encoding()
        if "override" not in str(problem):
            raise
        raise UserError(f"{str(problem).rstrip('.')}.") from None


def composed(command: str, overrides: Sequence[str]) -> dict[str, Any]:
    """What a Hydra command would take with these overrides, checked, without running it."""
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    ConfigStore.instance().store("convtrack", primary_config(command))
    with _overrides_told(), initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
        config = compose("convtrack", [allow_new_options(one) for one in overrides], return_hydra_config=True)
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    values: Any = OmegaConf.to_container(own, resolve=True)
    return arguments_of(_sections(command), values, config.hydra.runtime.choices)


def _sections(command: str) -> list[str]:
    """The sections of the configuration that a command takes."""
    taken = HYDRA_COMMANDS[command]
    return [name for name in (*taken.groups, *taken.files) if name in SECTIONS]


def primary_config(command: str, *, sweeper: str = "convtrack_grid") -> dict[str, Any]:
    """The configuration that Hydra starts from: the comparison's choices and settings, as the command takes them."""
    taken, comparison = HYDRA_COMMANDS[command], read_comparison()
    chosen = {**comparison.choices, "model": "???", "experiment": None, "sweep": None}
    last = ("model", "experiment", "sweep")
    defaults: list[Any] = [{group: chosen[group]} for group in taken.groups if group not in last]
    defaults += [*taken.files, "config"]
    defaults += [{group: chosen[group]} for group in last if group in taken.groups]
    hydra_settings: dict[str, Any] = {"help": {"template": _help(command)}, "job": {"name": command}}
    settings = {
        "replicates": comparison.replicates,
        "models": list(comparison.models),
        "primary_metric": comparison.primary_metric,
        "margin": comparison.margin,
    }
    if command == "experiment":
        settings["replicates"] = 1
        defaults.append({"override hydra/sweeper": sweeper})
    else:
        # A stage's folder is the project's; it needs no job folder and no log file of Hydra's.
        hydra_settings |= {"run": {"dir": "."}, "output_subdir": None}
        defaults += [{"override hydra/job_logging": "none"}, {"override hydra/hydra_logging": "none"}]
    # A named experiment comes after these settings; a stage's come after conf/config.yaml.
    ordered = ["_self_", *defaults] if command == "experiment" else [*defaults, "_self_"]
    return {"defaults": ordered, "hydra": hydra_settings, **settings}


class _Stopped(BaseException):
    """Carries what went wrong in a job past Hydra, which would print a line of its own before our sentence."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem


def _task(command: str) -> Callable[[Any], Any]:
    def task(composed: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        def run_command(**further: Any) -> Any:
            values: Any = OmegaConf.to_container(composed, resolve=True)
            choices = HydraConfig.get().runtime.choices
            # Once before the import, which takes seconds.
            arguments_of(_sections(command), values, choices)
            main = import_module(HYDRA_COMMANDS[command].module).main
            names = [name for name in signature(main).parameters if name != "trial"]
            return main(**arguments_of(names, values, choices), **further)

        try:
            told = HydraConfig.get().sweeper.get("trial")
            if told is None:
                return run_command()
            from pipeline.sweeping.trial import make

            # On another machine of a cluster a worker starts in a folder of its own.
            os.chdir(HydraConfig.get().runtime.cwd)
            address = read(TrialAddress, OmegaConf.to_container(told), "hydra.sweeper.trial")
            make(address, lambda trial: run_command(trial=trial))
        except Exception as problem:
            # In a sweep the other jobs go on, and Hydra's line says which job failed.
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise
            raise _Stopped(problem) from None

    return task


def arguments_of(names: Iterable[str], values: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """What a command takes by these names, checked: sections of the configuration, and single settings.

    A section that bears the name of its file, such as `data`, gets it from `choices`.
    """
    settings = read(Settings, {name: value for name, value in values.items() if name not in SECTIONS}, "")
    taken: dict[str, Any] = {}
    for name in names:
        if name not in SECTIONS:
            taken[name] = getattr(settings, name)
            continue
        if name not in values:
            raise UserError(f"The section `{name}` is missing; choose one with `{name}=NAME`.")
        named = {"name": choices[name]} if name in NAMED else {}
        taken[name] = read(SECTIONS[name], values[name], name, given=named)
    return taken


def _help(command: str) -> str:
    """What `--help` shows; Hydra puts the composed configuration in place of $CONFIG."""
    taken = HYDRA_COMMANDS[command]
    choices = [f"  {group:<13} {', '.join(choices_of(group))}" for group in taken.groups]
    return "\n".join(
        [
            f"convtrack {command} [overrides]",
            "",
            description(taken.module),
            "",
            *(["Choices, as in GROUP=NAME:", "", *choices, ""] if choices else []),
            "Settings, as in SETTING=VALUE:",
            "",
            "$CONFIG",
            "`--cfg job` shows what overrides make of them, `-m` runs a job for each of several values (a,b), and",
            "`--hydra-help` says more.",
        ]
    )


def description(module: str) -> str:
    """A module's docstring, read without importing what the module needs."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
