"""The plan of a comparison: how many replicates each model gets, and the state of the search for verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config.schedule import Schedule
from pipeline.config.schema import MOST_REPLICATES
from pipeline.statistics.sequential import Plan, Search
from pipeline.storage.files import damaged, read_json, replacing_folder, write_checked_json
from pipeline.storage.folders import PLAN, SEARCH, planned_file


def read_search() -> Search | None:
    """The search of the present plan; None if there is no plan or it has a fixed number of replicates.

    Raises:
        UserError: the plan is damaged.
    """
    _check_folder()
    if not SEARCH.exists():
        return None
    held = read_json(SEARCH, "least", "greatest", "step", "images", "spent")
    schedule = Schedule(held["least"], held["greatest"], held["step"])
    search = Search(schedule, held["images"], held["spent"], held.get("seen"))
    if not (
        all(map(_is_count, schedule))
        and schedule.least <= schedule.greatest
        and isinstance(search.images, Mapping)
        and isinstance(search.spent, int | float | None)
        and isinstance(search.seen, str | None)
    ):
        raise damaged(SEARCH)
    return search


def planned_replicates(model: str) -> int:
    """The number of replicates that the present plan gives a model.

    Raises:
        UserError: the plan is missing or damaged.
    """
    _check_folder()
    replicates = read_json(planned_file(model), "replicates")["replicates"]
    if not _is_count(replicates):
        raise damaged(planned_file(model))
    return int(replicates)


def read_plan(models: Sequence[str]) -> Plan:
    """The part of the present plan that is about these models; others, such as baselines, have no number in it."""
    search = read_search()
    return Plan({model: planned_replicates(model) for model in models if planned_file(model).is_file()}, search)


def write_plan(plan: Plan) -> None:
    """Replace the present plan."""
    _check_folder()
    with replacing_folder(PLAN) as unfinished:
        for model, replicates in plan.replicates.items():
            write_checked_json(unfinished / planned_file(model).relative_to(PLAN), {"replicates": replicates})
        if plan.search is not None:
            search = plan.search
            ended = {"spent": search.spent, "seen": search.seen}
            content = {**search.schedule._asdict(), "images": search.images, **ended}
            write_checked_json(unfinished / SEARCH.relative_to(PLAN), content)


def continued(models: Sequence[str], schedule: Schedule, images: Mapping[str, Any]) -> Plan:
    """The plan of these models: what an earlier look at the same images decided, else the least number."""
    held = read_plan(models)
    if held.search is None or (held.search.schedule, dict(held.search.images)) != (schedule, dict(images)):
        return Plan(dict.fromkeys(models, schedule.least), Search(schedule, images))
    search = held.search if held.replicates.keys() == set(models) else replace(held.search, spent=None, seen=None)
    return Plan({model: held.replicates.get(model, schedule.least) for model in models}, search)


def _check_folder() -> None:
    """Raise a UserError if a file has the place of the folder."""
    if PLAN.exists() and not PLAN.is_dir():
        raise damaged(PLAN)


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MOST_REPLICATES
