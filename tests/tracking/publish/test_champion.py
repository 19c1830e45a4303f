"""When a packaged network is a new one for the registry."""

import pytest

from pipeline.tracking.publish import champion
from pipeline.tracking.publish.champion import package_fingerprint

SETTINGS = {
    "format": 1,
    "trained": ["beef"],
    "classes": ["a", "b"],
    "decoding": {"height": 8},
    "temperature": 1.5,
    "thresholds": [],
    "flag_colour": True,
    "limits": {"mean": [1.0]},
    "mean_pixel": [30.0],
    "modules": ["pipeline.layers.shortcut"],
    "seconds_per_image": {"alone": 0.1},
}


def test_measured_times_do_not_make_a_new_network():
    assert package_fingerprint(SETTINGS) == package_fingerprint({**SETTINGS, "seconds_per_image": {"alone": 0.2}})


@pytest.mark.parametrize(
    "change", [{"trained": ["cafe"]}, {"limits": {"mean": [2.0]}}, {"mean_pixel": [31.0]}, {"temperature": 1.0}]
)
def test_other_settings_make_a_new_network(change):
    assert package_fingerprint(SETTINGS) != package_fingerprint({**SETTINGS, **change})


@pytest.mark.parametrize(
    "module", ["pipeline.deployment.loader", "pipeline.deployment.reference", "pipeline.data.pictures.decode"]
)
def test_changed_code_that_the_network_carries_makes_a_new_network(monkeypatch, module):
    before = package_fingerprint(SETTINGS)
    monkeypatch.setattr(champion, "code_digest", lambda modules: str(sorted(set(modules) - {module})))
    without = package_fingerprint(SETTINGS)
    monkeypatch.setattr(champion, "code_digest", lambda modules: str(sorted(modules)))
    assert len({before, without, package_fingerprint(SETTINGS)}) == 3
