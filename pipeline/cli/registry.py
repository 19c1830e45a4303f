"""The commands of `convtrack`: the module that runs each of them, and the configuration that it takes.

Every module in `pipeline/cli/commands` is a command of the same name, with - in place of _. Its `main` takes the
arguments of the command line. The commands in `HYDRA_COMMANDS` compose a configuration with Hydra instead. Their `main`
takes the sections and settings of that configuration by name.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_FOLDER = Path(__file__).parent / "commands"


@dataclass(frozen=True)
class Command:
    """A command: the module with its `main`, and the groups and single files of `conf/` that it composes.

    A command `for_all_models` takes every model of the comparison, or only the one that `model=NAME` chooses. Every
    command takes the models, metric and margin of the comparison, and those of its other `settings` that are named.
    """

    module: str
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    for_all_models: bool = False

    @property
    def description(self) -> str:
        """The docstring of the module, read without importing the module."""
        spec = find_spec(self.module)
        assert spec is not None and spec.origin is not None
        return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""

    @property
    def summary(self) -> str:
        """The first line of the description."""
        return self.description.splitlines()[0]


HYDRA_COMMANDS: Mapping[str, Command] = {
    "prepare": Command("pipeline.stages.prepare", ("data", "split"), ("audit",), settings=("replicates", "auto")),
    "plan": Command("pipeline.stages.plan", settings=("replicates", "auto")),
    "build": Command("pipeline.stages.build", ("model",), for_all_models=True),
    "train": Command("pipeline.stages.train", ("optimizer", "training", "augmentation", "model")),
    "evaluate": Command("pipeline.stages.evaluate", ("model",), ("evaluation",)),
    "baseline": Command("pipeline.stages.baseline"),
    "interpret": Command("pipeline.stages.interpret", files=("interpretation",)),
    "report": Command("pipeline.stages.report", files=("champion",)),
    "package": Command("pipeline.stages.package"),
    "experiment": Command(
        "pipeline.experiment",
        ("data", "split", "optimizer", "training", "augmentation", "model", "experiment", "sweep"),
        ("audit",),
        settings=("replicates",),
    ),
}
PLAIN_COMMANDS: Mapping[str, Command] = {
    file.stem.replace("_", "-"): Command(f"pipeline.cli.commands.{file.stem}")
    for file in sorted(_FOLDER.glob("*.py"))
    if file.stem != "__init__"
}
COMMANDS: Mapping[str, Command] = {**HYDRA_COMMANDS, **PLAIN_COMMANDS}
STAGES = frozenset({*HYDRA_COMMANDS, "study"} - {"experiment"})
"""The commands that DVC runs as stages."""
