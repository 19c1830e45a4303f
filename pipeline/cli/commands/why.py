"""Explain why a stage would run: which value, file or package has changed, or which output is missing.

Also state how long the stage took last time, and which trainings would be reused.

STAGE is the name of a stage, such as train@resnet8_mnist or report, the first part of such names, such as train, or the
name of a study. Without STAGE, all stages that `dvc repro` would run are explained. Nothing is run or changed.

  convtrack why
  convtrack why train@resnet8_mnist
  convtrack why lecun1989
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence

from pipeline.cli.composing import composed
from pipeline.cli.usage import parsed
from pipeline.config.reading import read_comparison
from pipeline.console import duration, say
from pipeline.errors import UserError
from pipeline.storage.durations import read_durations
from pipeline.storage.folders import RunFolder
from pipeline.verification.checked_link import names
from pipeline.verification.stage_reasons import StageReasons, following, stage_reasons


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack why", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("stage", nargs="*", metavar="STAGE", help="a stage or a study (default: all that would run)")
    return command


def main(arguments: Sequence[str]) -> None:
    """Print a block of lines per stage that would run, and then the stages that may follow."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack why --help")
    read_comparison()
    stages = stage_reasons(given.stage)
    durations = read_durations()
    running = [stage for stage in stages if stage.reasons]
    for stage in running:
        for line in _block(stage, durations):
            say(line)
    waiting = following(stages)
    for name, above in waiting.items():
        say(f"{name} runs only if an output of {names(above)} changes")
    for stage in stages:
        if given.stage and not stage.reasons and stage.name not in waiting:
            say(f"{stage.name} would not run: its settings, files and outputs are those of its last run")
    if not running and not given.stage:
        say("No stage would run: settings, files and outputs are those of the last run.")


def _block(stage: StageReasons, durations: Mapping[str, float]) -> Iterator[str]:
    yield f"{stage.name} would run:"
    for reason in stage.reasons:
        yield f"  {reason}"
    if stage.command in durations:
        yield f"  last time it took {duration(durations[stage.command])}"
    if (reused := _reused(stage)) is not None:
        yield f"  {reused}"


def _reused(stage: StageReasons) -> str | None:
    """What the stage would reuse; None for a stage that computes everything again."""
    from pipeline.verification.reused_work import reused_interpretations, reused_trainings

    name, _, item = stage.name.partition("@")
    try:
        if name == "train":
            if not RunFolder.of(item).architecture.is_file():
                return "what is reused is known after `dvc repro build`"
            return reused_trainings(item, composed("train", [f"model={item}"]), code=stage.code)
        if name == "interpret":
            settings = composed("interpret", [])
            return reused_interpretations(read_comparison().models, settings["interpretation"].images)
    except UserError as problem:
        return f"what is reused is not known yet: {problem}"
    if name == "build":
        return "an unchanged network keeps its bytes, so its trainings are kept, too"
    if stage.command.startswith("study "):
        return "trainings with the same fingerprint are reused"
    return None
