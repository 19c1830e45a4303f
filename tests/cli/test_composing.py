import pytest

from pipeline.cli.composing import arguments_of
from pipeline.errors import UserError

SETTINGS = {
    "replicates": 3,
    "models": ["lenet5"],
    "baselines": [],
    "primary_metric": "matthews",
    "margin": 0.01,
    "workers": None,
}


def test_every_registered_metric_can_be_the_primary_one():
    assert arguments_of(["primary_metric"], SETTINGS, {}) == {"primary_metric": "matthews"}


def test_an_unknown_primary_metric_is_rejected_before_any_work():
    with pytest.raises(UserError, match=r"^Unknown metric 'mathews'\. Did you mean 'matthews'\?"):
        arguments_of(["replicates"], SETTINGS | {"primary_metric": "mathews"}, {})


def test_an_unknown_baseline_is_rejected_before_any_work_with_the_list():
    with pytest.raises(UserError) as error:
        arguments_of(["replicates"], SETTINGS | {"baselines": ["grey_level"]}, {})
    assert str(error.value) == (
        "Unknown baseline 'grey_level'. Did you mean 'grey_levels'? Available: grey_levels, most_frequent."
    )
