"""The readers of a project's files that `development.damaged_files` tries: functions, and whole commands."""

import io
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

from development.damaged_files import Reader
from pipeline.cli import main as command_line
from pipeline.comparison.choice_file import read_choice, usable_networks
from pipeline.comparison.gather import gather_comparison
from pipeline.comparison.planned import planned_replicates
from pipeline.config.champion_file import read_champion
from pipeline.config.reading import read_comparison
from pipeline.data.audit.findings_file import read_findings
from pipeline.data.looks import read_looks, test_set_digest
from pipeline.data.prepared import read_prepared
from pipeline.data.test_sets import read_test_set
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.reference import REFERENCE, read_reference
from pipeline.evaluation.interpreted import interpretation_digest
from pipeline.evaluation.model_predictions import read_model_predictions
from pipeline.storage.files import read_json, read_network_text
from pipeline.storage.folders import AUDIT, CHAMPION, CHOICE, PREPARED, TEST_SETS, RunFolder, looks_file


def readers() -> Mapping[str, Reader]:
    """The readers that need neither TensorFlow nor a command, by name. They take milliseconds."""
    return {
        "prepared": _prepared,
        "predictions": _predictions,
        "comparison": _comparison,
        "networks": lambda: usable_networks(read_comparison().models),
        "interpretation": lambda: [interpretation_digest(RunFolder.of(one), 10) for one in read_comparison().models],
        "plan": lambda: [planned_replicates(model) for model in read_comparison().models],
        "looks": lambda: read_looks(looks_file(_data())),
        "test set": _test_set,
        "findings": lambda: read_findings(AUDIT),
        "choice": lambda: dict(read_choice(CHOICE)),
        "configuration": lambda: (read_comparison(), read_champion()),
        "champion": _champion,
        "reference": lambda: [np.asarray(one).tobytes() for one in read_reference(CHAMPION / REFERENCE).training],
    }


def commands() -> Mapping[str, Reader]:
    """Commands that read the project, by name. They take seconds."""
    model = read_comparison().models[0]
    return {
        "convtrack plan": command("plan"),
        "convtrack champion": command("champion"),
        "convtrack compare": command("compare"),
        "convtrack predict": command("predict", "reports/comparison/mistakes-" + model + ".png"),
        "convtrack describe": command("describe", f"model={model}"),
        "convtrack evaluate": command("evaluate", f"model={model}"),
        "convtrack train": command("train", f"model={model}"),
        "convtrack baseline": command("baseline"),
        "convtrack report": command("report"),
        "convtrack publish": command("publish"),
        "convtrack interpret": command("interpret"),
    }


def command(*arguments: str) -> Reader:
    """A reader that runs a command of `convtrack` in this process and returns its output."""

    def run() -> str:
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            command_line._run(arguments)
        return printed.getvalue()

    return run


def _data() -> str:
    return str(read_comparison().data)


def _prepared() -> Any:
    prepared = read_prepared(PREPARED)
    arrays = (prepared.labels, prepared.splits, prepared.digests, np.asarray(prepared.pixels))
    return [one.tobytes() for one in arrays], prepared.names.tolist(), prepared.groups.tolist(), prepared.classes


def _predictions() -> Any:
    prepared, found = read_prepared(PREPARED), []
    for model in read_comparison().models:
        run = RunFolder.of(model)
        numbers = [one["replicate"] for one in read_json(run.replicates, "replicates")["replicates"]]
        results = {number: run.result(number) for number in numbers}
        predicted = read_model_predictions(read_network_text(run.architecture), results, prepared)
        found.append(
            [one.probabilities.tobytes() for by in predicted.test.values() for one in by.values()]
            + [str(predicted.seconds_per_image)]
        )
    return found


def _comparison() -> Any:
    settings, prepared = read_comparison(), read_prepared(PREPARED)
    found = gather_comparison(
        [*settings.models, *settings.baselines],
        prepared.manifest,
        test_set=test_set_digest(prepared),
        primary_metric=settings.primary_metric,
        margin=settings.margin,
        tracking_link=None,
    )
    return repr(found)


def _test_set() -> Any:
    prepared, settings = read_prepared(PREPARED), read_comparison()
    file = TEST_SETS / f"{settings.data}-{settings.split}.json"
    groups = prepared.names if settings.split == "random" else prepared.groups
    return read_test_set(file, prepared.digests, groups).tobytes()


def _champion() -> Any:
    model = PictureModel.load(CHAMPION)
    return model.probabilities(np.zeros((1, *model.image_shape))).tobytes()
