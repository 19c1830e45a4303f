"""All stages with every form of Keras network: Functional, Sequential, several inputs or outputs, shared layers."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

from pipeline.networks.build import build
from tests.preloaded.python import preloaded_python

ROOT = Path(__file__).parents[3]
SMALL = {"filters": [4], "units": 8}
MODELS: dict[str, dict[str, Any]] = {
    "lecture_cnn": {},
    "lecture_sequential": {},
    "two_inputs": SMALL,
    "image_and_numbers": SMALL,
    "two_outputs": SMALL,
    "siamese": SMALL,
}

STAGES = """
import json, sys
import mlflow
import numpy as np
from pipeline.config import schema
from pipeline.data.images import LabelledImages
from pipeline.data.prepared import write_prepared
from pipeline.data.splits import replicate_splits
from pipeline.storage.folders import PREPARED
from pipeline.stages import build, evaluate, plan, report, train

random = np.random.default_rng(0)
labels = np.arange(96) % 3
pixels = random.integers(140, size=(96, 8, 8, 1), dtype=np.uint8)
pixels[np.arange(96), labels + 2] += 100
names = np.array([f"image-{number}.png" for number in range(96)])
subgroups = np.array(["poly", "mono"])[random.integers(2, size=96)]
numbers = random.normal((20, 1000), (5, 300), (96, 2)).astype(np.float32)
images = LabelledImages(
    pixels, labels, ("a", "b", "c"), names, subgroups, names, "rows", "CC0", "nobody", (),
    weights=random.uniform(0.5, 2, 96).astype(np.float32), numbers=numbers, number_names=("age", "height"),
)
splits = replicate_splits("random", labels, names, subgroups, replicates=1, seed=0)
split = {"name": "random", "strategy": "random", "test_share": 0.25, "validation_share": 0.15, "folds": None, "seed": 0}
data = {"name": "rows", "source": "rows", "options": {}}
write_prepared(PREPARED, images, splits, settings={"data": data, "split": split})

models = {name: schema.ModelConfig(name, name, options) for name, options in json.loads(sys.argv[1]).items()}
training = schema.TrainingConfig(2, 8, 16, "fit", "best", None, "none", 1, 0)
plan.main(tuple(models), (), 1, schema.AutoConfig(2, 2, 1))
build.main(list(models.values()))
for model in models.values():
    optimizer = schema.OptimizerConfig("SGD", 0.05, {"momentum": 0.9}, None)
    augmentation = schema.AugmentationConfig(True, False, False, 1)
    train.main(model, optimizer, training, augmentation, tuple(models), None, schema.RayConfig(), snapshots=True)
    evaluate.main(model, schema.EvaluationConfig(12))
report.main(tuple(models), (), "accuracy", 0.01, schema.ChampionConfig(None, None, "median"))

client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name("rows").experiment_id
replicates = client.search_runs([experiment], "tags.`convtrack.kind` = 'replicate'")
networks = {run.data.tags["mlflow.parentRunId"]: run.outputs.model_outputs for run in replicates}
found = {}
for run in client.search_runs([experiment], "tags.`convtrack.kind` = 'model'"):
    uri = f"models:/{networks[run.info.run_id][0].model_id}"
    network = mlflow.pyfunc.load_model(uri)
    shape = (3, 8, 8, 1)
    examples = {"image": pixels[:3], "partner": pixels[[3, 4, 6]], "subgroup": np.eye(2)[[0, 1, 0]]}
    examples["numbers"] = numbers[:3]
    inputs = network.metadata.get_input_schema()
    named = inputs.input_names() if inputs.has_input_names() else None
    batch = {name: examples[name].astype(np.float32) for name in named} if named else pixels[:3].astype(np.float32)
    predictions = network.predict(batch)
    outputs = network.metadata.get_output_schema()
    found[run.info.run_name] = {
        "inputs": named,
        "outputs": outputs.input_names() if outputs.has_input_names() else None,
        "shapes": {k: np.shape(v) for k, v in predictions.items()} if isinstance(predictions, dict) else None,
        "metrics": run.data.metrics,
    }
print("FOUND " + json.dumps(found))
"""


@dataclass(frozen=True)
class Compared:
    """The folder of a comparison of these models, and the contents of its MLflow store."""

    folder: Path
    store: dict[str, Any]

    def read(self, model: str, file: str) -> Any:
        return json.loads((self.folder / "runs" / model / file).read_text(encoding="utf-8"))

    def weights(self, model: str) -> list[np.ndarray]:
        """The kept weights in the order of their layers."""
        arrays: dict[str, np.ndarray] = {}

        def collect(path: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[path] = item[()]

        (file,) = (self.folder / "runs" / model / "train" / "replicate-0").glob("*.h5")
        with h5py.File(file) as saved:
            saved.visititems(collect)
        return [arrays[path] for path in sorted(arrays)]

    @cached_property
    def report(self) -> str:
        return (self.folder / "reports" / "comparison.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Compared:
    """All models, built, trained, evaluated and reported in a separate process."""
    folder = tmp_path_factory.mktemp("project")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    command = [preloaded_python(), "-c", STAGES, json.dumps(MODELS)]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return Compared(folder, json.loads(done.stdout.split("FOUND ")[1]))


def test_the_sequential_and_the_functional_network_have_the_same_weights_and_predictions():
    built = []
    for architecture in ("lecture_cnn", "lecture_sequential"):
        keras.utils.set_random_seed(3)
        built.append(build(architecture, {}, input_shape=(9, 12, 3), classes=4))
    functional, sequential = built
    assert type(functional) is not type(sequential)
    for one, other in zip(functional.weights, sequential.weights, strict=True):
        assert one.path.split("/")[-2:] == other.path.split("/")[-2:]
        np.testing.assert_array_equal(one, other)
    images = np.random.default_rng(0).normal(size=(5, 9, 12, 3)).astype("float32")
    np.testing.assert_array_equal(functional(images), sequential(images))


def test_the_sequential_network_loaded_from_json_has_the_initial_weights_of_the_functional_one():
    drawn = []
    for architecture in ("lecture_cnn", "lecture_sequential"):
        text = build(architecture, {}, input_shape=(8, 8, 1), classes=2).to_json()
        keras.backend.clear_session()
        keras.utils.set_random_seed(3)
        drawn.append(keras.models.model_from_json(text).get_weights())
    for one, other in zip(*drawn, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_sequential_and_the_functional_network_have_identical_results(compared):
    functional, sequential = (compared.weights(model) for model in ("lecture_cnn", "lecture_sequential"))
    assert len(functional) == 8
    for one, other in zip(functional, sequential, strict=True):
        np.testing.assert_array_equal(one, other)
    functional, sequential = (
        pd.read_csv(compared.folder / "runs" / model / "train" / "history.csv").drop(columns="seconds")
        for model in ("lecture_cnn", "lecture_sequential")
    )
    pd.testing.assert_frame_equal(functional, sequential, check_exact=True)
    scores = [compared.read(model, "metrics.json")["test"] for model in ("lecture_cnn", "lecture_sequential")]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("model", MODELS)
def test_the_layer_table_and_keras_agree_on_the_parameters(compared, model):
    folder = compared.folder / "networks" / model
    network = keras.models.model_from_json((folder / "architecture.json").read_text(encoding="utf-8"))
    assert json.loads((folder / "layers.json").read_text(encoding="utf-8"))["parameters"] == network.count_params()


def test_a_second_output_has_its_own_scores(compared):
    evaluated = compared.read("two_outputs", "evaluate/scores.json")
    assert {"accuracy", "subgroup/accuracy", "subgroup/roc_auc"} <= set(evaluated["replicates"][0]["scores"])
    assert (evaluated["question"], evaluated["classes"]) == ("output", ["a", "b", "c"])
    assert "test/subgroup/accuracy" in compared.store["two_outputs"]["metrics"]
    assert not [name for name in compared.store["two_inputs"]["metrics"] if "subgroup" in name]


def test_a_siamese_network_is_evaluated_on_pairs(compared):
    scores = compared.read("siamese", "evaluate/scores.json")
    assert (scores["question"], scores["classes"]) == ("same", ["different classes", "same class"])
    assert np.sum(scores["confusion"]) == 24
    with np.load(next((compared.folder / "runs" / "siamese" / "evaluate").glob("*.npz"))) as arrays:
        prepared = np.load(compared.folder / "data" / "prepared" / "labels.npy")
        same = prepared[arrays["same-images-0"]] == prepared[arrays["same-partners-0"]]
        assert arrays["same-truth-0"].tolist() == same.astype(int).tolist()
    table = pd.read_csv(compared.folder / "runs" / "siamese" / "confusion.csv")
    assert set(table["actual"]) == {"different classes", "same class"}
    assert list((compared.folder / "runs" / "siamese" / "evaluate").glob("*.png"))


def test_the_report_lists_further_outputs_and_other_tasks(compared):
    sentence = (
        "siamese predicts whether two images show the same class, so its scores cannot be compared with those of the"
    )
    assert sentence in compared.report
    assert "two_outputs predicts" not in compared.report
    further = compared.report[compared.report.index("Further outputs") :]
    assert re.search(r"\n\| two_outputs +\| subgroup +\| ", further)
    for model in MODELS:
        assert re.search(rf"\n\| {model} +\| ", compared.report)


@pytest.mark.parametrize(
    ("model", "inputs", "outputs"),
    [
        ("lecture_sequential", None, None),
        ("two_inputs", {"image", "subgroup"}, None),
        ("image_and_numbers", {"image", "numbers"}, None),
        ("two_outputs", None, {"output": [3, 3], "subgroup": [3, 1]}),
        ("siamese", {"image", "partner"}, None),
    ],
)
def test_the_logged_network_has_named_inputs_and_outputs(compared, model, inputs, outputs):
    found = compared.store[model]
    assert (set(found["inputs"]) if found["inputs"] else None) == inputs
    assert (set(found["outputs"]) if found["outputs"] else None) == (set(outputs) if outputs else None)
    assert found["shapes"] == outputs
