"""The champion from the report to a script that knows only MLflow: packaged, registered, changed, published, loaded."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import read_prepared
from pipeline.evaluation.predictions import read_predictions
from tests.conftest import mlflow_client

MODELS = ("fully_connected", "lecture_cnn")
WITHOUT_STORE = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
"""A store belongs to one folder, because it contains the absolute path of its artifacts."""

SCRIPT = """
import json, sys
import mlflow
import numpy as np
import pandas as pd

model = mlflow.pyfunc.load_model("models:/digits@champion")
pixels = np.load("pixels.npy")
arrays, names = list(pixels), [f"{number}.png" for number in range(len(pixels))]
encoded = [open(name, "rb").read() for name in names]
answers = [model.predict(pd.DataFrame({"picture": pictures})) for pictures in (arrays, names, encoded)]
answers.append(model.predict(pd.DataFrame({"picture": arrays}), params={"error_rate": 0.001}))
code = sys.modules["pipeline.deployment.picture_model"].__file__
print(json.dumps({"code": code, "answers": [one.to_dict("list") for one in answers]}))
"""


@pytest.fixture(scope="module")
def chosen(first_run, tmp_path_factory):
    """A copy of the project after its first run, without its store; a person has then chosen the champion."""
    folder = tmp_path_factory.mktemp("chosen") / "project"
    shutil.copytree(first_run.project.folder, folder, symlinks=True, ignore=WITHOUT_STORE)
    project = replace(first_run.project, folder=folder)
    project.run("python", "-m", "pipeline", "champion", MODELS[0], "--why", "It is simple")
    return project


@pytest.fixture
def client(chosen):
    return mlflow_client(chosen.folder / "mlflow.db")


def _champion(client):
    return client.get_model_version_by_alias("digits", "champion")


def _evaluated(project):
    """The evaluation's predictions of the packaged replicate."""
    settings = json.loads((project.folder / "champion/model.json").read_text())
    (predicted,) = read_predictions(project.folder / f"runs/{settings['model']}/evaluate/predictions.npz").values()
    return predicted[settings["replicates"][0]]


def _predictions_of_script(project, evaluated, folder, python):
    """Run the script in a folder with the first 20 test images; it knows neither project nor code."""
    prepared = read_prepared(project.folder / "data/prepared")
    pixels = np.asarray(prepared.pixels[evaluated.images[:20]])
    np.save(folder / "pixels.npy", pixels)
    for number, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{project.folder / 'mlflow.db'}"
    command = [python, "-c", SCRIPT]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_script_with_only_mlflow_loads_the_champion_and_agrees_with_the_evaluation(chosen, tmp_path):
    evaluated = _evaluated(chosen)
    found = _predictions_of_script(chosen, evaluated, tmp_path, sys.executable)
    # Its code comes with the model, not from this project.
    assert found["code"].startswith(str(chosen.folder / "mlartifacts"))
    *alike, careful = found["answers"]
    for answers in alike:
        assert answers["class"] == evaluated.classes[evaluated.probabilities[:20].argmax(axis=1)].tolist()
        own = np.stack([answers[f"probability_{name}"] for name in evaluated.classes], axis=1)
        np.testing.assert_allclose(own, evaluated.probabilities[:20], atol=1e-5)
    assert careful["class"] == alike[0]["class"] and any(careful["abstains"])


@pytest.mark.skipif("CONVTRACK_ENVIRONMENTS" not in os.environ, reason="installs packages; `make test-extras` runs it")
def test_the_requirements_of_the_logged_model_suffice_in_a_new_environment(chosen, client, tmp_path):
    """Only MLflow and what the model requires are installed there; this project is not."""
    identity = _champion(client).source.removeprefix("models:/")
    (requirements,) = (chosen.folder / "mlartifacts").rglob(f"{identity}/artifacts/requirements.txt")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    modules = "import importlib.util as u; print([n for n in ('pipeline', 'tensorflow', 'keras') if u.find_spec(n)])"
    here = {"cwd": tmp_path, "capture_output": True, "text": True, "check": True}
    assert subprocess.run([python, "-I", "-c", modules], **here).stdout.strip() == "[]"
    evaluated = _evaluated(chosen)
    found = _predictions_of_script(chosen, evaluated, tmp_path, python)
    assert found["answers"][0]["class"] == evaluated.classes[evaluated.probabilities[:20].argmax(axis=1)].tolist()


def test_the_card_is_a_report_and_belongs_to_the_logged_model(chosen, client):
    card = (chosen.folder / "reports/model_card.html").read_text()
    model = json.loads((chosen.folder / "champion/champion.json").read_text())["model"]
    assert f"{model} classifies grey images of 8 × 8 pixels into 10 classes: accuracy 0." in card
    version = _champion(client)
    assert version.tags["score"] in card
    assert "Model card: champion/model_card.html among the artifacts." in version.description
    identity = version.source.removeprefix("models:/")
    files = {file.name for file in (chosen.folder / "mlartifacts").rglob(f"{identity}/artifacts/champion/*")}
    assert {"model_card.html", "model_card.md", "network.tflite", "champion.json"} <= files


def test_a_comparison_without_champion_has_a_card_and_a_reason(project):
    """Networks that are trained for one epoch are not better than the baseline."""
    choice = json.loads((project.folder / "champion/champion.json").read_text())
    assert choice["model"] is None
    assert choice["reason"] in (project.folder / "reports/model_card.md").read_text()
    shown = " ".join(project.run("python", "-m", "pipeline", "champion").split())
    assert shown.startswith("There is no champion of digits in ")
    assert choice["reason"] in shown


def test_publish_registers_the_packaged_network_in_a_new_store(chosen, tmp_path):
    shutil.copytree(chosen.folder, tmp_path / "project", symlinks=True, ignore=WITHOUT_STORE)
    copied = replace(chosen, folder=tmp_path / "project")
    assert "run `convtrack publish`, which registers it" in copied.run("python", "-m", "pipeline", "champion")
    copied.run("python", "-m", "pipeline", "publish")
    assert _champion(mlflow_client(copied.folder / "mlflow.db")).tags["model"] == MODELS[0]
    assert copied.run("python", "-m", "pipeline", "champion").startswith("Champion of digits: fully_connected, ")


def test_a_champion_whose_files_are_gone_is_logged_again(chosen, tmp_path):
    shutil.copytree(chosen.folder, tmp_path / "project", symlinks=True, ignore=WITHOUT_STORE)
    copied = replace(chosen, folder=tmp_path / "project")
    copied.run("python", "-m", "pipeline", "publish")
    client = mlflow_client(copied.folder / "mlflow.db")
    gone = _champion(client).source.removeprefix("models:/")
    (files,) = (copied.folder / "mlartifacts").rglob(gone)
    shutil.rmtree(files)
    copied.run("python", "-m", "pipeline", "publish")
    assert int(_champion(client).version) == 2
    picture = tmp_path / "picture.png"
    Image.new("L", (8, 8)).save(picture)
    copied.run("python", "-m", "pipeline", "predict", str(picture))


def test_a_person_chooses_twice_and_returns_to_the_first_network(chosen, client):
    """The same network is registered once; the alias moves back, and the descriptions say why."""

    def choose(name, why):
        chosen.run("python", "-m", "pipeline", "champion", name, "--why", why)
        return _champion(client)

    first = _champion(client)
    second = choose(MODELS[1], "Its kernels can be explained")
    assert (int(first.version), int(second.version)) == (1, 2)
    assert second.description.startswith("A person chose lecture_cnn: Its kernels can be explained. Replicate ")
    assert "It replaces version 1 (fully_connected, replicate " in second.description
    assert second.tags["chosen by"] == "a person"
    third = choose(MODELS[0], "It is simple after all")
    assert int(third.version) == 1
    assert "It is simple after all. " in third.description
    assert "It replaces version 2 (lecture_cnn, replicate " in third.description
    assert len(client.search_model_versions("name = 'digits'")) == 2
    shown = chosen.run("python", "-m", "pipeline", "champion")
    assert shown.startswith("Champion of digits: fully_connected, replicate ")
    assert "  2: lecture_cnn, replicate " in shown
