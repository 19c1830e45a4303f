"""The champion from the report to a script that knows only MLflow: packaged, registered, changed, published, loaded."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import read_prepared
from pipeline.evaluation.predictions import read_predictions
from tests.conftest import mlflow_client

MODELS = ("fully_connected", "lecture_cnn")

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
def reproduced(first_run, tmp_path_factory):
    """The project after its first run, with its store, which tests of this module may change."""
    return first_run.project


@pytest.fixture
def client(reproduced):
    return mlflow_client(reproduced.folder / "mlflow.db")


def _champion(client):
    return client.get_model_version_by_alias("digits", "champion")


def test_a_script_with_only_mlflow_loads_the_champion_and_agrees_with_the_evaluation(reproduced, tmp_path):
    prepared = read_prepared(reproduced.folder / "data/prepared")
    settings = json.loads((reproduced.folder / "champion/model.json").read_text())
    (predicted,) = read_predictions(reproduced.folder / f"runs/{settings['model']}/evaluate/predictions.npz").values()
    evaluated = predicted[settings["replicates"][0]]
    chosen = slice(0, 20)
    pixels = np.asarray(prepared.pixels[evaluated.images[chosen]])
    np.save(tmp_path / "pixels.npy", pixels)
    for number, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{number}.png")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{reproduced.folder / 'mlflow.db'}"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # Its code comes with the model, not from this project.
    assert found["code"].startswith(str(reproduced.folder / "mlartifacts"))
    *alike, careful = found["answers"]
    for answers in alike:
        assert answers["class"] == evaluated.classes[evaluated.probabilities[chosen].argmax(axis=1)].tolist()
        own = np.stack([answers[f"probability_{name}"] for name in prepared.classes], axis=1)
        np.testing.assert_allclose(own, evaluated.probabilities[chosen], atol=1e-5)
    assert careful["class"] == alike[0]["class"] and any(careful["abstains"])


def test_the_card_is_a_report_and_belongs_to_the_logged_model(reproduced, client):
    card = (reproduced.folder / "reports/model_card.html").read_text()
    model = json.loads((reproduced.folder / "champion/champion.json").read_text())["model"]
    assert f"{model} classifies grey images of 8 × 8 pixels into 10 classes: accuracy 0." in card
    version = _champion(client)
    assert version.tags["score"] in card.replace("test images.", "test images.")
    assert "Model card: champion/model_card.html among the artifacts." in version.description
    identity = version.source.removeprefix("models:/")
    files = {file.name for file in (reproduced.folder / "mlartifacts").rglob(f"{identity}/artifacts/champion/*")}
    assert {"model_card.html", "model_card.md", "network.tflite", "champion.json"} <= files


def test_a_person_chooses_twice_and_returns_to_the_first_network(reproduced, client):
    """The same network is registered once; the alias moves back, and the descriptions say why."""

    def choose(*arguments):
        reproduced.run("python", "-m", "pipeline", "champion", *arguments)
        return _champion(client)

    first = choose(MODELS[0], "--why", "It is simple")
    second = choose(MODELS[1], "--why", "Its kernels can be explained")
    assert first.version != second.version
    assert second.description.startswith("A person chose lecture_cnn: Its kernels can be explained. Replicate ")
    assert f"It replaces version {first.version} (fully_connected)." in second.description
    assert second.tags["chosen by"] == "a person"
    known = len(client.search_model_versions("name = 'digits'"))
    third = choose(MODELS[0], "--why", "It is simple after all")
    assert third.version == first.version
    assert "It is simple after all. " in third.description
    assert f"It replaces version {second.version} (lecture_cnn)." in third.description
    assert len(client.search_model_versions("name = 'digits'")) == known
    shown = reproduced.run("python", "-m", "pipeline", "champion")
    assert shown.startswith("Champion of digits: fully_connected, replicate ")
    assert f"  {second.version}: lecture_cnn, replicate " in shown
    assert choose("--auto").tags["chosen by"] == "the report"
    assert "model: null" in (reproduced.folder / "conf/champion.yaml").read_text()


def test_publish_registers_the_packaged_network_in_a_new_store(project):
    shown = project.run("python", "-m", "pipeline", "champion")
    assert "run `convtrack publish`, which registers it" in shown
    project.run("python", "-m", "pipeline", "publish")
    packaged = json.loads((project.folder / "champion/model.json").read_text())
    client = mlflow_client(project.folder / "mlflow.db")
    assert _champion(client).tags["model"] == packaged["model"]
    assert "champion of digits: " in project.run("python", "-m", "pipeline", "champion").lower()
