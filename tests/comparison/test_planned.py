"""The plan of a comparison as files, and what the stage `plan` keeps of an earlier one."""

import pytest

from pipeline.comparison.planned import continued, planned_replicates, read_plan, read_search, write_plan
from pipeline.config.schedule import Schedule
from pipeline.errors import UserError
from pipeline.statistics.sequential import Plan, Search
from pipeline.storage.files import read_json, write_json
from pipeline.storage.folders import PLAN, SEARCH, planned_file

SCHEDULE = Schedule(4, 12, 2)
IMAGES = {"digest": "f00d", "split": {"strategy": "group"}}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_plan_is_read_as_it_was_written():
    plan = Plan({"lenet5": 6, "resnet8": 4}, Search(SCHEDULE, IMAGES, spent=1.5, seen="f1 0.01"))
    write_plan(plan)
    assert read_plan(["resnet8", "lenet5", "a_baseline"]) == plan


def test_a_fixed_number_has_no_search():
    write_plan(Plan({"lenet5": 6}, Search(SCHEDULE, IMAGES)))
    write_plan(Plan({"lenet5": 4}))
    assert read_plan(["lenet5"]) == Plan({"lenet5": 4})


def test_the_search_begins_with_the_least_number():
    assert continued(["lenet5"], SCHEDULE, IMAGES) == Plan({"lenet5": 4}, Search(SCHEDULE, IMAGES))


def test_what_an_earlier_look_decided_is_kept_and_a_new_model_gets_the_least_number():
    write_plan(Plan({"lenet5": 8, "resnet8": 6}, Search(SCHEDULE, IMAGES, spent=3.0)))
    assert continued(["lenet5", "resnet8"], SCHEDULE, IMAGES).search.spent == 3.0
    plan = continued(["vgg", "lenet5"], SCHEDULE, IMAGES)
    assert plan == Plan({"vgg": 4, "lenet5": 8}, Search(SCHEDULE, IMAGES))


@pytest.mark.parametrize(
    ("schedule", "images"), [(Schedule(4, 14, 2), IMAGES), (SCHEDULE, {**IMAGES, "digest": "beef"})]
)
def test_other_images_or_another_schedule_begin_a_new_search(schedule, images):
    write_plan(Plan({"lenet5": 8}, Search(SCHEDULE, IMAGES)))
    assert continued(["lenet5"], schedule, images) == Plan({"lenet5": 4}, Search(schedule, images))


@pytest.mark.parametrize("replicates", ["x", 0, True, None, 10**8])
def test_a_damaged_number_of_replicates_is_reported_with_its_file(replicates):
    write_json(planned_file("lenet5"), {"replicates": replicates})
    for read in (lambda: planned_replicates("lenet5"), lambda: read_plan(["lenet5"])):
        with pytest.raises(UserError, match=r"plan/models/lenet5\.json is damaged .* Delete it and run `dvc repro`\."):
            read()


@pytest.mark.parametrize(
    "values",
    [{"step": 0}, {"least": 20}, {"greatest": "12"}, {"images": None}, {"spent": "long"}, {"seen": 1}],
)
def test_a_damaged_search_is_reported_with_its_file(values):
    write_plan(Plan({"lenet5": 6}, Search(SCHEDULE, IMAGES)))
    write_json(SEARCH, read_json(SEARCH) | values)
    with pytest.raises(UserError, match=r"plan/search\.json is damaged"):
        read_search()


def test_a_file_in_place_of_the_plan_is_reported():
    PLAN.write_text("")
    for use in (lambda: write_plan(Plan({"lenet5": 4})), lambda: planned_replicates("lenet5"), read_search):
        with pytest.raises(UserError, match=r"^plan is damaged"):
            use()
