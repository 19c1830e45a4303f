"""Compose the configuration of a command with Hydra, from `conf/` and the command line, and run the command with it.

`conf/comparison.yaml` chooses a file in each group of `conf/`. An override on the command line takes precedence. The
model and a named experiment are composed last, because they may set values of other sections.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from pipeline.cli.registry import HYDRA_COMMANDS
from pipeline.config.overrides import allow_new_options
from pipeline.config.reading import CONF, check_choice, check_encoding, parse_yaml, read, read_comparison
from pipeline.config.schema import NAMED, SECTIONS, ModelConfig, Settings, TrialAddress
from pipeline.errors import UserError

COMPOSED_LAST = ("model", "experiment", "sweep")


def run(command: str, arguments: Sequence[str]) -> None:
    """Compose the configuration of a command, with the arguments as overrides, and run the command."""
    import hydra
    from hydra._internal.utils import get_args_parser
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    from hydra_plugins.convtrack_sweeper import ConvtrackSweeper
    from pipeline.cli.arguments import RUN_MANY, check_arguments, config_folders, is_search
    from pipeline.cli.help import help_template
    from pipeline.cli.usage import parsed

    # Hydra's parser rejects `-m` between overrides.
    ordered = sorted(arguments, key=lambda argument: argument not in RUN_MANY)
    parsed(get_args_parser().parse_args, ordered, help_command=f"convtrack {command} --hydra-help")
    check_arguments(arguments)
    # Hydra then raises its errors instead of printing them, so that a message of ours takes their place.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    primary = primary_config(command, sweeper="convtrack_optuna" if is_search(arguments) else "convtrack_grid")
    primary["hydra"]["help"] = {"template": help_template(command, config_folders(arguments))}
    if {"-h", "--help"} & set(arguments) and {"model": "???"} in primary["defaults"]:
        # Help prints a composed configuration, which needs some model.
        primary["defaults"][primary["defaults"].index({"model": "???"})] = {"model": primary["models"][0]}
    ConfigStore.instance().store("convtrack", primary)
    Plugins.instance().register(ConvtrackSweeper)
    sys.argv = [f"convtrack {command}", *map(allow_new_options, ordered)]
    try:
        with _hydra_errors_as_user_errors():
            hydra.main(config_path=str(CONF.resolve()), config_name="convtrack", version_base="1.3")(_task(command))()
    except _Stopped as stopped:
        raise stopped.problem from None


@contextmanager
def _hydra_errors_as_user_errors() -> Iterator[None]:
    """Turn the bare ValueErrors and OSErrors that Hydra raises for invalid arguments into UserErrors."""
    try:
        yield
    except ValueError as problem:
        check_encoding()
        reason = str(problem).rstrip(".")
        if "override" in reason:
            raise UserError(f"Invalid override: write GROUP=NAME or SETTING=VALUE. Hydra: {reason}.") from None
        *_, (frame, _) = traceback.walk_tb(problem.__traceback__)
        if not frame.f_globals["__name__"].startswith("hydra."):
            raise
        raise UserError(f"Invalid arguments: `--hydra-help` lists the options of Hydra. Hydra: {reason}.") from None
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise UserError(
            f"Cannot create {problem.filename} ({problem.strerror}). Name a folder inside an existing one with "
            "`hydra.run.dir=FOLDER`."
        ) from None


def composed(command: str, overrides: Sequence[str], *, settings: Sequence[str] = ()) -> dict[str, Any]:
    """The checked configuration of a Hydra command with these overrides, by name; the command is not run.

    It has the sections of the command and these single settings.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    ConfigStore.instance().store("convtrack", primary_config(command))
    # A command that Hydra runs has initialised it already, and Hydra refuses to be initialised twice.
    running = GlobalHydra.instance().is_initialized()
    with (
        _hydra_errors_as_user_errors(),
        nullcontext() if running else initialize_config_dir(str(CONF.resolve()), version_base="1.3"),
    ):
        config = compose("convtrack", [allow_new_options(one) for one in overrides], return_hydra_config=True)
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    values: Any = OmegaConf.to_container(own, resolve=True)
    return arguments_of([*_sections(command), *settings], values, config.hydra.runtime.choices)


def _sections(command: str) -> list[str]:
    """The sections of the configuration that a command takes."""
    taken = HYDRA_COMMANDS[command]
    return [name for name in (*taken.groups, *taken.files) if name in SECTIONS]


def primary_config(command: str, *, sweeper: str = "convtrack_grid") -> dict[str, Any]:
    """The configuration that Hydra starts from: the choices and settings of the comparison that the command takes."""
    taken, comparison = HYDRA_COMMANDS[command], read_comparison()
    model = None if taken.for_all_models else "???"
    chosen = {**comparison.choices, "model": model, "experiment": None, "sweep": None}
    defaults: list[Any] = [{group: chosen[group]} for group in taken.groups if group not in COMPOSED_LAST]
    defaults += [*taken.files, "config"]
    defaults += [{group: chosen[group]} for group in COMPOSED_LAST if group in taken.groups]
    hydra_settings: dict[str, Any] = {"job": {"name": command}}
    settings = {
        **{name: asdict(comparison)[name] for name in taken.settings},
        "models": list(comparison.models),
        "baselines": list(comparison.baselines),
        "primary_metric": comparison.primary_metric,
        "margin": comparison.margin,
    }
    if command == "experiment":
        settings["replicates"] = 1
        defaults.append({"override hydra/sweeper": sweeper})
    else:
        # A stage runs in the project's folder and needs neither a job folder nor a log file of Hydra.
        hydra_settings |= {"run": {"dir": "."}, "output_subdir": None}
        defaults += [{"override hydra/job_logging": "none"}, {"override hydra/hydra_logging": "none"}]
    # A named experiment may override these settings; in a stage they override conf/config.yaml.
    ordered = ["_self_", *defaults] if command == "experiment" else [*defaults, "_self_"]
    return {"defaults": ordered, "hydra": hydra_settings, **settings}


class _Stopped(BaseException):
    """The exception of a job, wrapped so that Hydra does not catch it and print its own line."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem


def _task(command: str) -> Callable[[Any], Any]:
    """The function that Hydra calls with the configuration of each job."""

    def task(configuration: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        def run_command(**more: Any) -> Any:
            values: Any = OmegaConf.to_container(configuration, resolve=True)
            choices = HydraConfig.get().runtime.choices
            # Report mistakes before the import below, which takes seconds.
            if HYDRA_COMMANDS[command].for_all_models:
                more["candidates"] = _candidates(command, values, choices)
            else:
                arguments_of(_sections(command), values, choices)
            main = import_module(HYDRA_COMMANDS[command].module).main
            names = [name for name in signature(main).parameters if name not in ("observer", "candidates")]
            return main(**arguments_of(names, values, choices), **more)

        # Store, cache and record of looks lie in the project's folder, but `hydra.job.chdir=true` changes to the job's
        # folder, and a worker on another machine starts in another folder.
        os.chdir(HydraConfig.get().runtime.cwd)
        try:
            address = HydraConfig.get().sweeper.get("trial")
            if address is None:
                return run_command()
            from pipeline.sweeping.job import run_trial

            trial_address = read(TrialAddress, OmegaConf.to_container(address), "hydra.sweeper.trial")
            run_trial(trial_address, lambda observer: run_command(observer=observer))
        except Exception as problem:
            # In a multirun Hydra continues with the other jobs, and its own line names the failed job.
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise
            raise _Stopped(problem) from None

    return task


def _candidates(command: str, values: Mapping[str, Any], choices: Mapping[str, Any]) -> tuple[ModelConfig, ...]:
    """The model that the command line chooses, or every model of the comparison.

    Raises:
        UserError: a model is unknown, or its file is invalid.
    """
    from pipeline.cli.messages import sentence

    if choices.get("model") is not None or "model" in values:
        return (arguments_of(["model"], values, choices)["model"],)
    candidates = []
    for name in arguments_of(["models"], values, choices)["models"]:
        check_choice("model", name)
        file = CONF / "model" / f"{name}.yaml"
        try:
            candidates.append(composed(command, [f"model={name}"])["model"])
        except Exception as problem:
            message = sentence(problem)
            if message is None or str(file) in message:
                raise
            raise UserError(f"In {file}: {message}") from None
    return tuple(candidates)


def arguments_of(names: Iterable[str], values: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """The checked arguments of a command: sections of the configuration and single settings, by name.

    A section in `NAMED`, such as `data`, gets the name of its file from `choices`.

    Raises:
        UserError: a section is missing, or a value is invalid.
    """
    # Imported here so that metrics and baselines are no dependency of the stages that do not compute them.
    from pipeline.baselines import check_baselines
    from pipeline.evaluation.metrics import metric_named

    settings = _settings(values, choices)
    metric_named(settings.primary_metric)
    check_baselines(settings.baselines)
    taken: dict[str, Any] = {}
    for name in names:
        if name not in SECTIONS:
            taken[name] = getattr(settings, name)
            continue
        file = _file_of(name, choices)
        if name not in values or (name in NAMED and choices.get(name) is None):
            if (CONF / name).is_dir() and choices.get(name) is None:
                raise UserError(f"The section `{name}` is missing: choose one with `{name}=NAME`.")
            which = f" `{name}`" if name in choices else ""
            raise UserError(f"{file} has no settings{which}. Restore the file, for example with Git.")
        file_name = {"name": choices[name]} if name in NAMED else {}
        try:
            taken[name] = read(SECTIONS[name], values[name], name, given=file_name)
        except UserError as problem:
            faulty = _faulty_file(name, choices, file_name, problem)
            raise (problem if faulty is None else UserError(f"In {faulty}: {problem}")) from None
    return taken


def _settings(values: Mapping[str, Any], choices: Mapping[str, str]) -> Settings:
    """The settings that are in no section."""
    single = {name: value for name, value in values.items() if name not in SECTIONS}
    for name in single:
        if choices.get(name) is not None:
            raise UserError(
                f"{_file_of(name, choices)} has no settings, or no line `# @package …` above them. Restore it, for "
                "example with Git."
            )
    try:
        return read(Settings, single, "")
    except UserError as problem:
        # Those of the comparison are always there.
        if "is missing" in str(problem):
            raise UserError(f"In {CONF / 'config.yaml'}: {problem}") from None
        raise


def _file_of(section: str, choices: Mapping[str, str]) -> Path:
    """The file of conf/ that holds a section."""
    choice = choices.get(section)
    return CONF / f"{section}.yaml" if choice is None else CONF / section / f"{choice}.yaml"


def _faulty_file(section: str, choices: Mapping[str, str], given: Mapping[str, Any], problem: UserError) -> Path | None:
    """The file of conf/ that causes a problem of a section; None if it is an override of the command line.

    Files of the groups that are composed last may set values of other sections.
    """
    content: dict[str, Any] = {}
    for group in (section, *(one for one in COMPOSED_LAST if one != section and choices.get(one))):
        file = _file_of(group, choices)
        try:
            held = parse_yaml(file.read_text(encoding="utf-8")) or {}
            held = {held: None} if isinstance(held, str) else held  # as Hydra reads a single word
            content |= held.get(section, held if group == section else {})
            read(SECTIONS[section], content, section, given=given)
        except UserError as own:
            if str(own) == str(problem):
                return file
        except (OSError, ValueError, TypeError, AttributeError, YAMLError):
            return None
    return None
