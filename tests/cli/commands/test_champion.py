"""`convtrack champion`: what it prints, and what it writes into conf/champion.yaml."""

import json
import subprocess
import sys

import pytest

from pipeline.cli.champion_text import champion_lines
from pipeline.cli.commands import champion
from pipeline.config.champion_file import read_champion
from pipeline.config.schema import ChampionConfig
from pipeline.errors import UserError
from pipeline.storage.folders import CHAMPION, CHOICE, RunFolder
from pipeline.tracking.registered_versions import RegisteredVersion

TAGS = {"model": "lenet5", "replicates": "3", "chosen by": "a person", "score": "accuracy 0.9", "champion since": "now"}
FIRST = RegisteredVersion(1, False, "resnet8 is the cheapest.", {"model": "resnet8", "replicates": "1, 2, 3"})
SECOND = RegisteredVersion(2, True, "A person chose lenet5: it is small.", TAGS)
CHOSEN = {
    "data": "cells",
    "model": "lenet5",
    "replicates": [2],
    "reason": "A person chose lenet5: it is small.",
    "by_person": True,
    "metric": "accuracy",
    "score": None,
}


@pytest.fixture
def ran(project, monkeypatch):
    """The commands of DVC that the command runs in a project without a store; they do nothing."""
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    commands = []
    monkeypatch.setattr(champion, "run_dvc", lambda *arguments, **_: commands.append(arguments))
    return commands


def test_a_choice_is_written_with_its_reason_and_packaged(ran, project):
    champion.main(["lenet5", "--why", " Its kernels\ncan be explained "])
    assert read_champion() == ChampionConfig("lenet5", "Its kernels can be explained", "median")
    assert ran == [("repro", "package")]
    before = (champion_yaml := project.folder / "conf/champion.yaml").read_text()
    assert "# why a person chose this model" in before
    champion.main(["--ensemble"])
    assert read_champion() == ChampionConfig("lenet5", "Its kernels can be explained", "ensemble")
    champion.main(["--auto", "--median"])
    assert read_champion() == ChampionConfig(None, None, "median")
    assert champion_yaml.read_text().startswith("# @package champion\n")


def test_giving_the_choice_back_restores_the_file(ran, project):
    file = project.folder / "conf/champion.yaml"
    before = file.read_text()
    champion.main(["lenet5", "--why", 'It is "small": #1'])
    champion.main(["--auto"])
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5"], "The reason for lenet5 is missing"),
        (["lenet5", "--why", "  "], "The reason for lenet5 is missing"),
        (["lenet", "--why", "x"], "Unknown network of the comparison 'lenet'. Did you mean 'lenet5'"),
        (["grey_levels", "--why", "x"], "'grey_levels' is a baseline"),
        (["lenet5", "--why", "x", "--auto"], "`--auto` lets the report choose"),
        (["--auto", "--why", "x"], "`--auto` lets the report choose"),
        (["--why", "x"], "needs the name of a network"),
        (["--median", "--ensemble"], "not allowed with"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(ran, arguments, message):
    before = read_champion()
    with pytest.raises(UserError, match=message):
        champion.main(arguments)
    assert read_champion() == before and ran == []


def test_a_network_with_other_inputs_cannot_be_chosen(ran, monkeypatch):
    architecture = RunFolder.of("lenet5").architecture
    architecture.parent.mkdir(parents=True)
    architecture.write_text("{}")
    monkeypatch.setattr(champion, "usable_networks", lambda _: [])
    with pytest.raises(UserError, match="needs other inputs than an image"):
        champion.main(["lenet5", "--why", "x"])


def test_a_project_without_the_file_is_one_sentence(ran, project):
    (project.folder / "conf/champion.yaml").unlink()
    with pytest.raises(UserError, match=r"champion\.yaml does not exist here"):
        champion.main(["--auto"])


def test_the_champion_is_shown_with_reason_score_and_the_versions_before(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    lines = list(champion_lines("cells", "cells", CHOSEN, [SECOND, FIRST]))
    assert lines[:5] == [
        "Champion of cells: lenet5, replicate 3 (version 2, champion since now)",
        "  A person chose lenet5: it is small.",
        "  chosen by: a person",
        "  score: accuracy 0.9",
        "  address: models:/cells@champion in sqlite:///mlflow.db",
    ]
    assert lines[-3:] == [
        "Other versions:",
        "  1: resnet8, 3 replicates together",
        "  resnet8 is the cheapest.",
    ]


def test_another_choice_of_the_last_report_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    choice = {**CHOSEN, "model": "resnet8", "replicates": [0], "reason": "resnet8 is the cheapest."}
    assert (
        "The last report chooses resnet8, replicate 1: run `dvc repro package`, which registers it."
        in champion_lines("cells", "cells", choice, [SECOND])
    )
    assert not any("last report" in line for line in champion_lines("cells", "cells", CHOSEN, [SECOND]))


def test_a_packaged_network_that_the_store_lacks_is_published(tmp_path, monkeypatch):
    """As in a clone after `dvc pull`, where DVC has nothing to run."""
    monkeypatch.chdir(tmp_path)
    CHAMPION.mkdir()
    (CHAMPION / CHOICE.name).write_text(json.dumps(CHOSEN))
    lines = list(champion_lines("cells", "cells", CHOSEN, []))
    assert lines[1] == "The report chooses lenet5: run `convtrack publish`, which registers it."


def test_without_champion_the_reason_is_shown():
    choice = {**CHOSEN, "model": None, "reason": "No network is better than guessing."}
    first, reason, _ = champion_lines("cells", "cells", choice, [])
    assert first.startswith("There is no champion of cells in ")
    assert reason == "No network is better than guessing."
    assert "dvc repro" in list(champion_lines("cells", "cells", None, []))[1]


def test_showing_the_champion_imports_neither_tensorflow_nor_mlflow():
    heavy = "{'tensorflow', 'keras', 'mlflow', 'dvc', 'pandas', 'matplotlib'}"
    command = f"import sys, pipeline.cli.commands.champion; sys.exit(str({heavy} & sys.modules.keys() or ''))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_a_choice_in_another_encoding_is_one_sentence(ran, project):
    (project.folder / "conf/champion.yaml").write_bytes(b"model: null\nwhy: caf\xe9\nreplicate: median\n")
    with pytest.raises(UserError, match=r"champion\.yaml is not valid YAML in UTF-8: correct it by hand"):
        champion.main(["--ensemble"])
