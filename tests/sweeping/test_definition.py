"""The name of a sweep, and the settings in which two sweeps differ."""

import json
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.sweeping.definition import changed_settings, difference, sweep_name

CHOICES = {"sweep": "small", "model": "lenet5", "data": "digits"}


def chosen(name=None):
    return SimpleNamespace(name=name, sampler=SimpleNamespace(name="tpe"))


def test_a_sweep_is_named_after_the_files_that_it_does_not_search():
    assert sweep_name(chosen(), {"space": {}}, CHOICES) == "small-lenet5-digits"
    assert sweep_name(chosen(), {"space": {"model": "choice(a, b)"}}, CHOICES) == "small-digits"


def test_a_sweep_without_a_file_is_named_after_its_definition():
    names = {sweep_name(chosen(), {"space": {"seed": text}}, {}) for text in ("range(0, 2)", "range(0, 3)")}
    assert len(names) == 2
    assert all(name.startswith("tpe-") for name in names)


def test_an_invalid_name_is_rejected():
    assert sweep_name(chosen("night=2"), {}, {}) == "night=2"
    with pytest.raises(UserError, match=r"Invalid `hydra.sweeper.name`: 'a/b'"):
        sweep_name(chosen("a/b"), {}, {})


def test_a_difference_shows_the_values_of_both_sweeps():
    before = {"space": {"rate": "interval(0.001, 0.1)"}, "when": {"model=a": {"k": "1"}}, "objectives": ["loss"]}
    now = {"space": {"rate": "interval(0.01, 1)"}, "when": {}, "objectives": ["loss", "parameters"]}
    assert difference(before, now) == [
        "space.rate: interval(0.001, 0.1) before, interval(0.01, 1) now",
        "when.model=a.k: 1 before, nothing now",
        'objectives: ["loss"] before, ["loss", "parameters"] now',
    ]
    assert difference(before, json.loads(json.dumps(before))) == []


def test_searched_settings_are_not_reported_as_changed_settings():
    before = {"space": {}, "settings": {"seed": 0}}
    now = {"space": {"seed": "range(0, 2)"}, "settings": {}}
    assert changed_settings(before, now) == ["space.seed: nothing before, range(0, 2) now"]
