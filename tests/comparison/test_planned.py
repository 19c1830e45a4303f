"""The plan of a comparison as files, and what the stage `plan` keeps of an earlier one."""

import pytest

from pipeline.comparison.planned import continued, read_plan, write_plan
from pipeline.config.schedule import Schedule
from pipeline.statistics.sequential import Plan, Search

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
