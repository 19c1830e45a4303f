"""The plan of a comparison: how many replicates each model gets, and the state of the search for verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config.schedule import Schedule
from pipeline.statistics.sequential import Plan, Search
from pipeline.storage.files import read_json, replacing_folder, write_json
from pipeline.storage.folders import PLAN, SEARCH, planned_file


def read_search() -> Search | None:
    """The search of the present plan; None if there is no plan or it has a fixed number of replicates."""
    if not SEARCH.is_file():
        return None
    held = read_json(SEARCH, "least", "greatest", "step", "images", "spent")
    schedule = Schedule(held["least"], held["greatest"], held["step"])
    return Search(schedule, held["images"], held["spent"], held.get("seen"))


def read_plan(models: Sequence[str]) -> Plan:
    """The part of the present plan that is about these models; others, such as baselines, have no number in it."""
    files = {model: planned_file(model) for model in models}
    numbers = {model: read_json(file, "replicates")["replicates"] for model, file in files.items() if file.is_file()}
    return Plan(numbers, read_search())


def write_plan(plan: Plan) -> None:
    """Replace the present plan."""
    with replacing_folder(PLAN) as unfinished:
        for model, replicates in plan.replicates.items():
            write_json(unfinished / planned_file(model).relative_to(PLAN), {"replicates": replicates})
        if plan.search is not None:
            search = plan.search
            ended = {"spent": search.spent, "seen": search.seen}
            content = {**search.schedule._asdict(), "images": search.images, **ended}
            write_json(unfinished / SEARCH.relative_to(PLAN), content)


def continued(models: Sequence[str], schedule: Schedule, images: Mapping[str, Any]) -> Plan:
    """The plan of these models: what an earlier look at the same images decided, else the least number."""
    held = read_plan(models)
    if held.search is None or (held.search.schedule, dict(held.search.images)) != (schedule, dict(images)):
        return Plan(dict.fromkeys(models, schedule.least), Search(schedule, images))
    search = held.search if held.replicates.keys() == set(models) else replace(held.search, spent=None, seen=None)
    return Plan({model: held.replicates.get(model, schedule.least) for model in models}, search)
