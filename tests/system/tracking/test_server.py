import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import VALIDATION
from tests.system.tracking.conftest import BASELINES, EPOCHS, MODELS, REPLICATES, SECRET

REPLICATE_NAMES = {f"{model} replicate {number + 1}" for model in MODELS for number in range(REPLICATES)}


@pytest.fixture(scope="module")
def compared(served):
    """The comparison after `convtrack publish`."""
    served.run("publish")
    return served


def record_of(project, model):
    return json.loads((project.folder / "runs" / model / "train" / "replicates.json").read_text(encoding="utf-8"))


def test_each_model_has_a_run_and_below_it_one_per_replicate(served):
    parents, children = served.runs("model"), served.runs("replicate")
    assert set(parents) == set(MODELS)
    assert set(children) == REPLICATE_NAMES
    for name, run in children.items():
        assert run.data.tags["mlflow.parentRunId"] == parents[name.split()[0]].info.run_id


def test_every_run_is_finished(served):
    runs = [*served.runs("model").values(), *served.runs("replicate").values()]
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_baselines_have_runs_with_their_scores_and_intervals(compared):
    parents, children = compared.runs("model", baselines=True), compared.runs("replicate", baselines=True)
    assert set(parents) == set(BASELINES)
    assert set(children) == {f"{name} replicate {number + 1}" for name in BASELINES for number in range(REPLICATES)}
    for name, run in parents.items():
        values = run.data.metrics
        assert values["test/roc_auc_low"] <= values["test/roc_auc"] <= values["test/roc_auc_high"]
        replicates = [one.data.metrics["test/roc_auc"] for key, one in children.items() if key.startswith(name)]
        assert values["test/roc_auc"] == pytest.approx(np.mean(replicates))
    assert {run.info.status for run in (*parents.values(), *children.values())} == {"FINISHED"}


def test_the_experiment_opens_in_the_mode_for_trained_models(served):
    tags = served.client().get_experiment_by_name("digits").tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_run_table_has_a_view_with_the_models_as_rows(served):
    tags = served.client().get_experiment_by_name("digits").tags
    view = json.loads(tags["mlflow.sharedViewState.comparison"])
    assert view["searchFilter"] == "tags.`convtrack.compared` = 'true'"
    assert view["selectedColumns"][:2] == ["tags.`Verdict`", "tags.`Score`"]


def test_parameters_are_the_resolved_configuration_with_dotted_names(served):
    parameters = served.runs("model")["lecture_cnn"].data.params
    training = yaml.safe_load((served.folder / "conf/training/lecture.yaml").read_text(encoding="utf-8"))
    training |= {"epochs": EPOCHS}
    seed = training["seed"]
    assert {name: parameters[f"training.{name}"] for name in training} == {
        name: str(value) for name, value in training.items()
    }
    assert parameters["model.architecture"] == "lecture_cnn"
    assert parameters["optimizer.options.momentum"] == "0.9"
    assert parameters["data.source"] == "digits"
    assert served.runs("replicate")["lecture_cnn replicate 1"].data.params == {"training.seed": str(seed)}


def test_every_epoch_is_logged_once_with_its_step(served):
    client = served.client()
    for name, run in served.runs("replicate").items():
        model, _, number = name.split()
        folder = served.folder / "runs" / model / "train" / f"replicate-{int(number) - 1}"
        history = pd.read_csv(folder / "history.csv")
        for metric in ("train/loss", "train/accuracy", "val/loss", "val/accuracy"):
            logged = client.get_metric_history(run.info.run_id, metric)
            assert [point.step for point in logged] == list(range(1, EPOCHS + 1))
            assert [point.value for point in logged] == pytest.approx(history[metric].tolist())


def test_a_models_run_holds_means_and_costs(served):
    for model, run in served.runs("model").items():
        measured = json.loads((served.folder / "runs" / model / "metrics.json").read_text(encoding="utf-8"))
        for name, spread in measured["test"].items():
            assert run.data.metrics[f"test/{name}"] == pytest.approx(spread["mean"])
            assert run.data.metrics[f"test/{name}_deviation"] == pytest.approx(spread["deviation"])
        for name, value in measured["cost"].items():
            assert run.data.metrics[name] == pytest.approx(value)
        assert run.data.metrics["replicates"] == REPLICATES


def test_every_run_has_tags_for_commit_data_and_fingerprint(served):
    digest = read_prepared(served.folder / "data/prepared").manifest["digest"]
    for model, run in served.runs("model").items():
        assert run.data.tags["convtrack.fingerprint"] == record_of(served, model)["model_fingerprint"]
    for name, run in served.runs("replicate").items():
        model, _, number = name.split()
        record = record_of(served, model)["replicates"][int(number) - 1]
        assert run.data.tags["convtrack.fingerprint"] == record["fingerprint"]
        assert run.data.tags["mlflow.source.git.commit"] == record["commit"]
        assert run.data.tags["convtrack.dirty"] in ("true", "false")
        assert run.data.tags["convtrack.data_digest"] == digest


def test_a_models_run_holds_validation_means_and_its_interval(compared):
    for model, run in compared.runs("model").items():
        measured = json.loads((compared.folder / "runs" / model / "metrics.json").read_text(encoding="utf-8"))
        for name, spread in measured["validation"].items():
            assert run.data.metrics[f"validation/{name}"] == pytest.approx(spread["mean"])
        values = run.data.metrics
        assert values["test/roc_auc_low"] <= values["test/roc_auc"] <= values["test/roc_auc_high"]


def test_a_description_begins_with_the_score_and_has_the_differing_settings(compared):
    for model, run in compared.runs("model").items():
        differs = {name: value for name, value in run.data.tags.items() if name.startswith("differs.")}
        assert differs["differs.architecture"] == model
        text = run.data.tags["mlflow.note.content"]
        assert text.startswith("Test ROC AUC **")
        assert text.index("All models") < text.index("[report]") < text.index("`model.architecture`")


def test_one_run_holds_the_report_and_the_tables(compared):
    (run,) = compared.runs("comparison").values()
    client = compared.client()
    assert run.info.status == "FINISHED"
    assert {"models.csv", "pairs.csv", "report"} <= {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "report/comparison.html" in {file.path for file in client.list_artifacts(run.info.run_id, "report")}
    pairs = pd.read_csv(client.download_artifacts(run.info.run_id, "pairs.csv"))
    assert set(pairs[["first", "second"]].iloc[0]) == set(MODELS)
    for record in compared.runs("model").values():
        assert f"/runs/{run.info.run_id}/artifacts" in record.data.tags["mlflow.note.content"]


def test_a_logged_network_has_the_scores_of_its_own_replicate_and_the_parameters_of_its_model(compared):
    client, parents, children = compared.client(), compared.runs("model"), compared.runs("replicate")
    for model, parent in parents.items():
        records = record_of(compared, model)["replicates"]
        best = min(records, key=lambda record: record["kept_loss"])["replicate"]
        own = children[f"{model} replicate {best + 1}"]
        assert not parent.outputs.model_outputs
        logged = client.get_logged_model(own.outputs.model_outputs[0].model_id)
        scores = {one.key: one for one in logged.metrics}
        assert len(scores) == len(logged.metrics)
        assert logged.name == f"{model} replicate {best + 1}"
        assert scores["test/accuracy"].value == own.data.metrics["test/accuracy"]
        assert scores["test/accuracy"].dataset_name == "digits test"
        assert {one.run_id for one in logged.metrics} == {own.info.run_id}
        assert logged.params == parent.data.params


def test_every_run_lists_its_image_sets_as_inputs(compared):
    for run in [*compared.runs("model").values(), *compared.runs("replicate").values()]:
        seen = {one.tags[0].value: one.dataset for one in run.inputs.dataset_inputs}
        assert set(seen) == {"train", "validation", "test"} and len(run.inputs.dataset_inputs) == 3
    assert len({run.inputs.dataset_inputs[0].dataset.digest for run in compared.runs("model").values()}) == 1


def test_figures_and_tables_are_artifacts(served):
    client = served.client()
    run = served.runs("model")["lecture_cnn"].info.run_id
    assert {"network/layers.json", "network/network.svg", "network/architecture.json"} <= {
        file.path for file in client.list_artifacts(run, "network")
    }
    assert {"evaluation/roc.svg", "evaluation/precision_recall.svg", "evaluation/calibration.svg"} <= {
        file.path for file in client.list_artifacts(run, "evaluation")
    }


@pytest.mark.parametrize("name", sorted(REPLICATE_NAMES))
def test_pictures_of_kernels_are_logged_by_step(served, name):
    images = served.client().list_artifacts(served.runs("replicate")[name].info.run_id, "images")
    kernels = [file.path for file in images if "kernels+step+" in file.path]
    steps = {path.split("+step+")[1].split("+")[0] for path in kernels}
    assert steps == {str(step) for step in range(EPOCHS + 1)}


@pytest.mark.parametrize("model", MODELS)
def test_the_logged_network_predicts_from_grey_levels_what_keras_predicts(served, model, tmp_path):
    """The process that loads the network has neither the project's folder nor its package on its path."""
    images = read_prepared(served.folder / "data/prepared")
    records = record_of(served, model)["replicates"]
    best = min(records, key=lambda record: record["kept_loss"])["replicate"]
    outputs = served.runs("replicate")[f"{model} replicate {best + 1}"].outputs.model_outputs
    assert len(outputs) == 1
    chosen = images.indices(best, VALIDATION)[:5]
    np.save(tmp_path / "grey.npy", images.pixels[chosen].astype(np.float32))
    script = (
        "import importlib.util, sys\n"
        # An editable installation is a finder; without it the package cannot be imported.
        "sys.meta_path = [finder for finder in sys.meta_path if 'editable' not in repr(finder)]\n"
        "assert importlib.util.find_spec('pipeline') is None\n"
        "import numpy, mlflow\n"
        f"mlflow.set_tracking_uri({served.address!r})\n"
        f"network = mlflow.pyfunc.load_model('models:/{outputs[0].model_id}')\n"
        "numpy.save('predictions.npy', numpy.asarray(network.predict(numpy.load('grey.npy'))))\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    from pipeline.storage.folders import RunFolder
    from pipeline.training.examples import standardisation
    from pipeline.training.predict import trained_network

    run = RunFolder(served.folder / "runs" / model, served.folder / "networks" / model)
    network = trained_network(run.architecture.read_text(encoding="utf-8"), run.result(best))
    expected = network.predict(standardisation(images, best)(images.pixels[chosen]), verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "predictions.npy"), expected, rtol=1e-4, atol=1e-6)


def test_publishing_again_adds_no_run_and_no_value(compared):
    def points():
        client = compared.client()
        return {
            (name, metric): [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, metric)]
            for kind in ("model", "replicate", "comparison")
            for name, run in compared.runs(kind).items()
            for metric in run.data.metrics
        }

    def linked():
        found = compared.client().search_logged_models([compared.runs("comparison")["comparison"].info.experiment_id])
        return {one.model_id: len(one.metrics) for one in found}

    before = points(), linked()
    compared.run("publish")
    assert (points(), linked()) == before


def test_no_password_or_token_is_written_or_printed(compared):
    # Git keeps the address of its remote, which is the user's own.
    places = [compared.folder, compared.server]
    files = [file for place in places for file in place.rglob("*") if file.is_file() and ".git" not in file.parts]
    assert sum(file.suffix == ".db" for file in files) and any(file.name == "server.log" for file in files)
    assert [str(file) for file in files if SECRET.encode() in file.read_bytes()] == []
    assert SECRET not in "".join(compared.printed)


# MLflow 3.17 uses a loader strategy that SQLAlchemy 2.1 deprecates.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:sqlalchemy.exc.SADeprecationWarning")
def test_an_empty_store_is_filled_from_the_run_folders(served, tmp_path):
    other = type(served)(served.folder, f"sqlite:///{tmp_path / 'other.db'}")
    other.run("publish")
    assert set(other.runs("model")) == set(MODELS)
    assert set(other.runs("replicate")) == REPLICATE_NAMES
    for name, run in other.runs("replicate").items():
        assert run.info.status == "FINISHED"
        assert run.data.metrics["test/accuracy"] == served.runs("replicate")[name].data.metrics["test/accuracy"]
        assert run.data.metrics["train/loss"] == pytest.approx(
            served.runs("replicate")[name].data.metrics["train/loss"]
        )
