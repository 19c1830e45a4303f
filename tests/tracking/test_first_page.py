import json
import re
from types import SimpleNamespace

from pipeline.tracking.first_page import first_page

PAGE = "<html><head><script src=main.js></script></head></html>"


def experiment(number, name, view=None):
    """An experiment, which has a shared table if `view` is given."""
    tags = {} if view is None else {"mlflow.sharedViewState.comparison": json.dumps(view)}
    return SimpleNamespace(experiment_id=number, name=name, tags=tags)


def settings(page):
    """The values that the page sets in the browser, by name."""
    return json.loads(re.search(r"Object\.entries\((.*)\)\) \{", page)[1])


def test_the_root_address_opens_the_table_of_the_comparison():
    page = first_page(PAGE, [experiment("1", "elpv", {}), experiment("2", "digits", {})], "digits")
    assert 'const start = "#/experiments/2/runs?viewStateShareKey=comparison&workflowType=machine_learning";' in page
    assert page.index("const start") < page.index("main.js")


def test_without_a_published_comparison_mlflow_opens_as_usual():
    assert 'const start = "";' in first_page(PAGE, [experiment("1", "elpv")], "elpv")


def test_an_experiment_opened_without_a_link_shows_the_shared_table():
    view = {"searchFilter": "tags.x = '<a>'"}
    page = first_page(PAGE, [experiment("7", "elpv", view), experiment("8", "other")], "elpv")
    stored = settings(page)
    assert stored['MLflowLocalStorage-1.1-ExperimentPage-["7"]-ReactComponentState'] == view
    assert not any('"8"' in name for name in stored)
    assert "<a>" not in page


def test_the_browser_shows_the_pages_for_model_training_without_the_assistant():
    stored = settings(first_page(PAGE, [], "elpv"))
    assert stored["mlflow.workflowType_v1"] == "machine_learning"
    assert stored["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1"] is True
