"""Two projects with the same data name in one store."""

import shutil

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from pipeline.errors import UserError
from pipeline.tracking.model_registry import own_registered_name
from pipeline.tracking.names import COMPARED, PROJECT
from pipeline.tracking.projects import name_file, project_name
from pipeline.tracking.publish.champion import _own_registered_model
from pipeline.tracking.tracker import Tracker
from tests.tracking.conftest import parent, runs


@pytest.fixture
def people(tmp_path, empty_store, monkeypatch):
    """A function that goes to the project of a person; the projects share a store."""
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    shutil.copy(empty_store, tmp_path / "shared.db")

    def project_of(person):
        folder = tmp_path / person
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        return folder

    return project_of


def configure(folder, *, experiment="null", project="null"):
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / "tracking.yaml").write_text(f"experiment: {experiment}\nproject: {project}\n")


def compared(tracker):
    found = tracker.client.search_runs([tracker.experiment], f"tags.`{COMPARED}` = 'true'")
    return {run.info.run_id for run in found}


def test_the_same_data_name_with_other_pictures_keeps_comparison_models_and_views_apart(people):
    def publish(data_digest):
        tracker = Tracker.open("photos")
        model, record = parent(tracker, f"model of {data_digest}"), tracker.only_run("comparison", data_digest)
        tracker.tag_only([model, record], COMPARED, "true")
        tracker.share_view("comparison", {"columns": data_digest})
        return tracker, {model, record}

    people("ann")
    ann, first = publish("d1")
    people("bob")
    bob, second = publish("d2")
    assert ann.experiment != bob.experiment
    assert compared(ann) == first and compared(bob) == second
    views = [one.client.get_experiment(one.experiment).tags["mlflow.sharedViewState.comparison"] for one in (ann, bob)]
    assert views == ['{"columns": "d1"}', '{"columns": "d2"}']
    people("ann")
    assert Tracker.open("photos").experiment == ann.experiment


def test_an_experiment_of_another_project_is_announced_once(people, capsys):
    people("ann")
    Tracker.open("photos")
    assert capsys.readouterr().out == ""
    people("bob")
    name = f"photos-{Tracker.open('photos') and project_name()}"
    assert f"belongs to another project, so the runs of this project are in '{name}'" in capsys.readouterr().out
    Tracker.open("photos")
    assert capsys.readouterr().out == ""


def test_a_registered_model_of_another_project_is_left_alone(people):
    people("ann")
    client = Tracker.open("photos").client
    assert _own_registered_model(client, "photos") == own_registered_name("photos") == "photos"
    people("bob")
    own = _own_registered_model(client, "photos")
    assert own == own_registered_name("photos") == f"photos-{project_name()}"
    people("ann")
    assert own_registered_name("photos") == "photos"


def test_clones_with_the_same_project_name_share_experiment_and_registered_model(people):
    trackers = []
    for person in ("ann", "bob"):
        configure(people(person), project="cells")
        trackers.append(Tracker.open("photos"))
        assert _own_registered_model(trackers[-1].client, "photos") == "photos"
    assert trackers[0].experiment == trackers[1].experiment
    assert trackers[0].only_run("comparison", "d1") == trackers[1].only_run("comparison", "d1")
    assert not name_file().exists()


def test_new_pictures_get_a_run_of_their_own_and_the_earlier_comparison_is_kept(people):
    people("ann")
    tracker = Tracker.open("photos")
    first = tracker.only_run("comparison", "d1")
    second = tracker.only_run("comparison", "d2")
    assert first != second
    assert tracker.only_run("comparison", "d1") == first


def test_a_moved_project_keeps_its_experiment(people):
    before = people("ann")
    tracker = Tracker.open("photos")
    before.rename(before.with_name("carla"))
    people("carla")
    assert Tracker.open("photos").experiment == tracker.experiment


def test_a_store_of_an_earlier_version_belongs_to_the_project_that_opens_it(people):
    people("ann")
    client = Tracker.open("other").client
    old = client.create_experiment("photos")
    record = client.create_run(old, run_name="comparison", tags={"convtrack.kind": "comparison"}).info.run_id
    client.create_registered_model("photos")
    tracker = Tracker.open("photos")
    assert tracker.experiment == old
    assert tracker.only_run("comparison", "d1") == record
    assert _own_registered_model(client, "photos") == "photos"
    people("bob")
    assert Tracker.open("photos").experiment != old


def test_the_environment_names_the_experiment_before_the_configuration_and_the_data(people, monkeypatch):
    configure(people("ann"), experiment="vision")
    tracker = Tracker.open("photos")
    assert tracker.client.get_experiment(tracker.experiment).name == "vision"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "tuesday")
    assert tracker.client.get_experiment(Tracker.open("photos").experiment).name == "tuesday"


def test_an_experiment_that_another_project_creates_at_the_same_moment_is_not_used(people, monkeypatch):
    people("ann")
    client = Tracker.open("other").client
    create, taken = type(client).create_experiment, []

    def create_later(self, name, **options):
        if not taken:
            taken.append(create(self, name, tags={PROJECT: "faster"}))
        return create(self, name, **options)

    monkeypatch.setattr(type(client), "create_experiment", create_later)
    tracker = Tracker.open("photos")
    assert tracker.experiment != taken[0]
    assert tracker.client.get_experiment(tracker.experiment).name == f"photos-{project_name()}"


def test_the_default_store_is_that_of_one_project_even_without_its_cache(project, monkeypatch, empty_store):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    shutil.copy(empty_store, project / "mlflow.db")
    first = Tracker.open("photos")
    parent(first)
    shutil.rmtree(project / ".convtrack")
    again = Tracker.open("photos")
    assert again.experiment == first.experiment and "lenet5" in runs(again)


def test_a_project_name_that_mlflow_would_reject_is_refused(people):
    configure(people("ann"), project="'a/b'")
    with pytest.raises(UserError, match=r"^In conf/tracking.yaml: `tracking.project` must be 1 to 60 let") as error:
        Tracker.open("photos")
    assert "^" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n", b'x/../y "q" <b>', b"\xff\xfe", b"a\nb\n", b"x" * 61])
def test_a_damaged_name_of_the_project_is_reported_and_kept(people, content):
    people("ann")
    name_file().parent.mkdir()
    name_file().write_bytes(content)
    with pytest.raises(UserError, match=r"^\.convtrack/project is damaged: it must hold the name.*conf/tracking\.yaml"):
        project_name()
    assert name_file().read_bytes() == content


def test_a_folder_in_place_of_the_name_of_the_project_is_reported(people):
    people("ann")
    name_file().mkdir(parents=True)
    with pytest.raises(UserError, match=r"^\.convtrack/project is damaged"):
        project_name()


def test_a_project_keeps_the_name_that_it_has_got(people):
    people("ann")
    assert project_name() == project_name() == name_file().read_text().strip()


def test_an_experiment_that_may_not_be_created_is_reported(people, monkeypatch):
    def refuse(*_, **__):
        raise MlflowException("The name is too long", error_code=INVALID_PARAMETER_VALUE)

    people("ann")
    monkeypatch.setattr("mlflow.MlflowClient.create_experiment", refuse)
    with pytest.raises(UserError, match="The name is too long"):
        Tracker.open("photos")
