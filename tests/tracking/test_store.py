import pytest

from pipeline.errors import UserError
from pipeline.tracking import read_only
from pipeline.tracking.store import Store
from pipeline.tracking.tracker import Tracker
from tests.tracking.conftest import child, parent


def names(runs):
    return [run.info.run_name for run in runs]


def test_a_missing_store_is_not_created(project):
    with pytest.raises(UserError) as error:
        Store.open()
    assert str(error.value) == (
        f"There is no tracking store sqlite:///{project}/mlflow.db here: run this command in the project's folder, or "
        "set MLFLOW_TRACKING_URI."
    )
    assert not list(project.glob("*.db"))


def test_experiments_that_are_not_deleted_are_read(tracker):
    elpv = Tracker.open("elpv")
    tracker.client.delete_experiment(elpv.experiment)
    assert set(Store.open().experiments.values()) == {"digits", "Default"}


def test_a_run_is_read_even_if_it_is_deleted(tracker):
    run = parent(tracker)
    tracker.client.delete_run(run)
    assert Store.open().run(run).info.lifecycle_stage == "deleted"
    assert Store.open().run("0" * 32) is None


def test_a_search_returns_the_newest_runs_of_all_experiments(tracker):
    elpv = Tracker.open("elpv")
    for start, (one, name) in enumerate([(tracker, "old"), (elpv, "middle"), (tracker, "new")], start=1):
        one.client.create_run(one.experiment, start_time=start, run_name=name, tags={"mine": "yes"})
    assert names(Store.open().search("tags.mine = 'yes'", limit=2)) == ["new", "middle"]
    assert names(Store.open().search("tags.mine = 'yes'", limit=9, among="attributes.run_name != 'new'")) == [
        "middle",
        "old",
    ]


@pytest.mark.parametrize("name", ["lenet5", "Yann's", "both ' and \""])
def test_a_run_is_found_by_its_name_alone(tracker, name):
    parent(tracker, model=name)
    parent(tracker, model=name.replace("'", "x") + "y")
    assert names(Store.open().named(name, limit=9)) == [name]
    assert names(Store.open().named(name, kind="model", limit=9)) == [name]
    assert Store.open().named(name, kind="replicate", limit=9) == []


def test_children_are_the_finished_runs_below_a_run(tracker):
    above = parent(tracker)
    finished = child(tracker, above, fingerprint="done")
    tracker.end(finished, "FINISHED")
    child(tracker, above, fingerprint="running", replicate=1)
    store = Store.open()
    assert [run.info.run_id for run in store.children(store.run(above))] == [finished]


def test_an_artifact_is_fetched_and_a_missing_one_is_none(tracker, project):
    run = parent(tracker)
    tracker.log_text(run, "text", "folder/file.txt")
    store = Store.open()
    target = project / "target"
    target.mkdir()
    assert store.fetch(store.run(run), "folder/file.txt", target).read_text() == "text"
    assert store.fetch(store.run(run), "folder/other.txt", target) is None
    assert store.fetch(store.run(run), "nowhere/file.txt", target) is None


def test_a_store_of_this_version_is_read_without_a_copy(tracker, monkeypatch):
    monkeypatch.setattr(read_only, "_copy", lambda file, address: pytest.fail("copied"))
    run = parent(tracker)
    assert Store.open().run(run).info.run_id == run


def test_known_children_are_found_by_their_ids_and_only_below_the_run(tracker):
    above, other = parent(tracker), parent(tracker, fingerprint="other", model="other")
    children = [child(tracker, above, fingerprint=f"child-{number}", replicate=number) for number in range(2)]
    stranger = child(tracker, other, fingerprint="stranger")
    for run in (*children, stranger):
        tracker.end(run, "FINISHED")
    store = Store.open()
    found = store.children(store.run(above), known=[children[1], stranger, "' OR 1"])
    assert [run.info.run_id for run in found] == [children[1]]
