"""Groups of images are suspected only if names suggest them."""

import pytest

from pipeline.data.survey.name_groups import suspected_groups

NAMES = {
    "patients": [f"sick/patient-{number // 3:02d}-{number % 3}.png" for number in range(30)],
    "folders of a class": [f"ok/plant{number // 4}/{number}.png" for number in range(40)],
    "days": [f"ok/IMG_202403{number // 5:02d}_{number}.jpg" for number in range(50)],
}
SINGLE = {
    "numbers": [f"ok/{number:04d}.png" for number in range(50)],
    "the class and a number": [f"{name}/{name}_{number}.png" for name in ("cat", "dog") for number in range(20)],
    "one camera": [f"ok/DSC_{number:04d}.jpg" for number in range(50)],
    "hashes": [f"ok/{hash(str(number)):x}.png" for number in range(50)],
}


@pytest.mark.parametrize("kind", NAMES)
def test_groups_are_suspected_from_names(kind):
    found = suspected_groups(NAMES[kind], classes=2)
    assert found is not None
    assert found.groups == 10
    assert len(set(found.examples)) == 3


@pytest.mark.parametrize("kind", SINGLE)
def test_names_without_groups_raise_no_suspicion(kind):
    assert suspected_groups(SINGLE[kind], classes=2) is None
