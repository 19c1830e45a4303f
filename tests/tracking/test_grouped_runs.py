import hashlib
import shutil
import sqlite3

import mlflow
import pytest
from alembic import command
from mlflow.entities import Metric, Param, RunTag
from mlflow.store.db.utils import _get_alembic_config

from pipeline.errors import UserError
from pipeline.tracking.grouped_runs import MAX_GROUPS, grouped_runs
from pipeline.tracking.run_attributes import attributes
from pipeline.tracking.store import Store


@pytest.fixture
def client(project, empty_store):
    """MLflow's client of a store that this project has not filled."""
    shutil.copy(empty_store, project / "mlflow.db")
    return mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")


def log(client, values, *, params, tags=None, experiment="theirs", status="FINISHED", metric="val_acc"):
    """A run with a metric logged epoch by epoch, as automatic logging does."""
    found = client.get_experiment_by_name(experiment)
    identity = found.experiment_id if found else client.create_experiment(experiment)
    run = client.create_run(identity).info.run_id
    client.log_batch(
        run,
        metrics=[Metric(metric, value, step, step) for step, value in enumerate(values)],
        params=[Param(name, str(value)) for name, value in params.items()],
        tags=[RunTag(name, str(value)) for name, value in (tags or {}).items()],
    )
    client.set_terminated(run, status)
    return run


def grouped(by="params.model", *, metric="val_acc", pair_by=None, **options):
    pairs = None if pair_by is None else () if pair_by == "none" else attributes(pair_by)
    return grouped_runs(Store.open(), metric, attributes(by), pair_by=pairs, **options)


def error_message(*arguments, **options):
    with pytest.raises(UserError) as error:
        grouped(*arguments, **options)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


def two_models(client, *, seeds=range(3), **options):
    for model, offset in (("cnn", 0.5), ("mlp", 0.25)):
        for seed in seeds:
            log(client, [0.1, offset + seed / 100], params={"model": model, "seed": seed}, **options)


def test_the_last_value_of_each_run_counts_and_a_seed_pairs_runs(client):
    two_models(client)
    found = grouped()
    assert found.experiment == "theirs"
    assert found.values == {
        "cnn": {"0": 0.5, "1": 0.51, "2": 0.52},
        "mlp": {"0": 0.25, "1": 0.26, "2": 0.27},
    }
    assert [str(one) for one in found.paired_by] == ["params.seed"]
    assert found.tested_share == 0 and found.remarks == ()


@pytest.mark.parametrize("name", ["training.random_state", "hparams/seed", "seed_everything", "Fold"])
def test_what_pairs_runs_is_found_by_the_last_part_of_its_name(client, name):
    for model in ("cnn", "mlp"):
        for number in range(5):
            log(client, [0.5], params={"model": model, name: number})
    found = grouped()
    assert [str(one) for one in found.paired_by] == [f"params.{name}"]
    assert found.tested_share == (1 / 4 if name == "Fold" else 0)


def test_a_tag_groups_and_pairs_runs_too(client):
    for host in "ab":
        for fold in range(4):
            for seed in range(2):
                log(client, [0.5], params={"seed": seed}, tags={"host": host, "fold": fold})
    found = grouped("tags.host")
    assert [str(one) for one in found.paired_by] == ["params.seed", "tags.fold"]
    assert len(found.values["a"]) == 8


def test_without_anything_that_pairs_runs_each_run_is_its_own(client):
    for model in ("cnn", "mlp"):
        for _ in range(3):
            log(client, [0.5], params={"model": model, "seed": 42})
    found = grouped()
    assert found.paired_by == () and len(found.values["cnn"]) == 3
    two_models(client)
    assert grouped(pair_by="none").paired_by == ()


def test_a_seed_that_repeats_in_a_group_pairs_only_on_request(client):
    two_models(client)
    log(client, [0.9], params={"model": "cnn", "seed": 0})
    found = grouped()
    assert found.paired_by == () and len(found.values["cnn"]) == 4
    assert found.remarks == ("params.seed does not pair runs, because cnn has several runs with one value of it.",)
    found = grouped(pair_by="params.seed")
    assert found.values["cnn"]["0"] == pytest.approx(0.7)
    assert found.remarks == ("cnn: several runs share a value of params.seed (1 times). Their mean counts as one run.",)


def test_other_parameters_that_differ_are_named(client):
    for model, optimizer in (("cnn", "Adam"), ("mlp", "SGD")):
        for rate in (0.1, 0.01):
            log(client, [0.5], params={"model": model, "opt_name": optimizer, "rate": rate, "epochs": 3})
    assert grouped().remarks == (
        "Also different within a group: rate. A group is compared as the mixture of them.",
        "Also different between groups: opt_name. A difference may come from any of them.",
    )


def test_a_text_that_is_different_in_each_run_is_no_setting(client):
    for number in range(6):
        params = {"model": "cnn" if number < 3 else "mlp", "opt_name": f"adam_{number}", "rate": f"0.{number}1"}
        log(client, [0.5], params=params)
    assert grouped().remarks == ("Also different within a group: rate. A group is compared as the mixture of them.",)


def test_runs_that_do_not_count_are_counted_in_remarks(client):
    two_models(client)
    above = log(client, [0.9], params={"model": "cnn", "seed": 7})
    log(client, [0.53], params={"model": "cnn", "seed": 8}, tags={"mlflow.parentRunId": above})
    log(client, [0.5], params={"model": "cnn"}, status="FAILED")
    log(client, [0.5], params={"model": "cnn"}, metric="other")
    log(client, [0.5], params={})
    found = grouped()
    assert len(found.values["cnn"]) == 4
    assert found.remarks == (
        "Not counted, because they are not finished: 1 run (1 FAILED).",
        "Not counted, because they have no val_acc: 1 run.",
        "Not counted, because they have no params.model: 1 run.",
        "Not counted, because they summarise runs below them: 1 run.",
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_nan(client, value):
    two_models(client)
    log(client, [value], params={"model": "cnn", "seed": 7})
    assert grouped().values["cnn"]["7"] != grouped().values["cnn"]["7"]


def test_a_filter_and_an_experiment_choose_runs(client):
    two_models(client)
    two_models(client, experiment="mine")
    assert error_message() == (
        "These runs belong to 2 experiments, whose data may differ: mine, theirs. Choose one with --experiment, as in "
        "--experiment mine."
    )
    assert len(grouped(experiment="mine", where="params.seed != '0'").values["cnn"]) == 2
    assert error_message(experiment="their").startswith("Unknown experiment 'their'. Did you mean 'theirs'?")


def test_every_mistake_gives_a_message_of_one_sentence(client):
    assert error_message().endswith("has no run to compare. Name another store or experiment.")
    two_models(client)
    assert error_message(metric="val_ac").startswith("Unknown metric of these runs 'val_ac'. Did you mean 'val_acc'?")
    assert error_message("params.modell").startswith("Unknown parameter or tag of these runs 'params.modell'. Did you")
    assert error_message("model").startswith("A group or pair is named by a parameter or tag")
    assert error_message(where="params.model = 'cnn'") == (
        "All 3 runs have params.model = cnn. A comparison needs at least two groups."
    )
    assert "No run of sqlite:///" in error_message(where="params.model = 'x'")
    assert "MLflow cannot parse the filter" in error_message(where="params.model ~ 'x'")
    for number in range(MAX_GROUPS + 1):
        log(client, [0.5], params={"model": number})
    assert error_message().startswith(
        f"params.model has {MAX_GROUPS + 3} values, and at most {MAX_GROUPS} are compared."
    )


def test_a_store_is_not_changed_by_reading_it(client, project):
    two_models(client)
    before = hashlib.md5((project / "mlflow.db").read_bytes()).hexdigest()
    files = sorted(project.rglob("*"))
    grouped()
    assert hashlib.md5((project / "mlflow.db").read_bytes()).hexdigest() == before
    assert sorted(project.rglob("*")) == files


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_store_of_an_earlier_version_is_read_and_not_migrated(client, project):
    two_models(client)
    shutil.copy(project / "mlflow.db", project / "old.db")
    command.downgrade(_get_alembic_config(f"sqlite:///{project}/old.db"), "-1")
    before = (project / "old.db").read_bytes()
    store = Store.open("old.db")
    assert len(grouped_runs(store, "val_acc", attributes("params.model"), pair_by=None).values["cnn"]) == 3
    assert (project / "old.db").read_bytes() == before


def test_a_store_of_a_later_version_is_rejected(client, project):
    with sqlite3.connect(project / "mlflow.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'f00df00df00d'")
    connection.close()
    with pytest.raises(UserError, match="has the schema f00df00df00d of another version of MLflow"):
        Store.open()


def test_folders_and_other_files_are_rejected(project):
    (project / "mlruns").mkdir()
    (project / "notes.txt").write_text("not a database, but a text of some length\n" * 50)
    sqlite3.connect(project / "other.db").execute("CREATE TABLE cats (name TEXT)").connection.close()
    for name, reason in (
        ("mlruns", "MLflow no longer reads stores in folders"),
        (f"file://{project}/mlruns", "mlflow migrate-filestore --source"),
        ("missing.db", "There is no store missing.db"),
        ("notes.txt", "cannot be opened (file is not a database)"),
        ("other.db", "other.db is not a store of MLflow"),
    ):
        with pytest.raises(UserError, match="store") as error:
            Store.open(name)
        assert reason in str(error.value)
    assert sorted(one.name for one in project.iterdir()) == ["mlruns", "notes.txt", "other.db"]


@pytest.mark.parametrize("name", ["fold", "split"])
def test_repeats_of_folds_count_as_one_run_per_fold(client, name):
    for model, offset in (("cnn", 0.5), ("mlp", 0.25)):
        for fold in range(5):
            for repeat in range(3):
                log(client, [offset + fold / 100 + repeat / 10], params={"model": model, name: fold})
    found = grouped()
    assert [str(one) for one in found.paired_by] == [f"params.{name}"]
    assert found.values["cnn"] == pytest.approx({str(fold): 0.6 + fold / 100 for fold in range(5)})
    assert found.tested_share == 1 / 4
    assert found.remarks == (
        f"cnn: several runs share a value of params.{name} (5 times). Their mean counts as one run.",
        f"mlp: several runs share a value of params.{name} (5 times). Their mean counts as one run.",
    )


REPEATED = "so they are repeats of one training. No verdict holds for trainings with other seeds."


def test_runs_of_a_group_with_one_seed_are_called_repeats(client):
    for model, seed in (("cnn", 1), ("mlp", 2)):
        for _ in range(3):
            log(client, [0.5], params={"model": model, "seed": seed})
    assert grouped().remarks[-1] == f"All runs of a group have the same params.seed, {REPEATED}"
    for seed in range(3):
        log(client, [0.5], params={"model": "tree", "seed": seed})
    assert f"All runs of cnn, mlp have the same params.seed, {REPEATED}" in grouped().remarks
    assert not any(REPEATED in remark for remark in grouped("params.seed").remarks)


def test_runs_of_one_seed_that_differ_otherwise_are_no_repeats(client):
    for model in ("cnn", "mlp"):
        for fold in range(4):
            log(client, [0.5], params={"model": model, "seed": 1, "fold": fold})
            log(client, [0.5], params={"model": model, "seed": 1, "rate": fold / 10}, experiment="rates")
            log(client, [0.5], params={"model": model, "seed": 1}, tags={"trial": fold}, experiment="trials")
    assert not any(REPEATED in remark for remark in grouped(experiment="theirs").remarks)
    assert not any(REPEATED in remark for remark in grouped(experiment="rates").remarks)
    assert not any(REPEATED in remark for remark in grouped(experiment="trials", pair_by="tags.trial").remarks)
