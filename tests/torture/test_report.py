import pytest

from torture.report import Record, page
from torture.rounds import Act, Round, Start


@pytest.fixture
def record():
    """A round that held and one that did not."""
    good = Round(0, "sweep", [Act("kill_group", "the group", 0, 1.25)], [Start(-9, 1.3), Start(0, 9)])
    killed = Act("kill_one", "python -m pipeline train", 0, 3.5)
    starts = [Start(1, 3.6), Start(0, 5)]
    bad = Round(
        1,
        "repro",
        [killed, Act("kill_group", "the group", 0, 4)],
        starts,
        ["traceback: ValueError: x", "left file: .a"],
    )
    return Record(
        7, "short", ["repro", "sweep"], {"a server": None, "a C compiler": "it is missing"}, {"repro": 60}, [good, bad]
    )


def rows(text):
    """The cells of each row of the page's tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_the_page_counts_disturbances_by_kind_and_those_in_rounds_that_passed(record):
    text = page(record)
    assert ["SIGKILL of one process", "1", "0"] in [row[:3] for row in rows(text)]
    assert ["SIGKILL of the group", "2", "1"] in [row[:3] for row in rows(text)]
    assert ["repro", "60 s", "1", "2", "2", "0"] in rows(text)
    assert "**1 of 2 rounds passed**, with 3 disturbances in 4 starts of commands" in text


def test_the_page_describes_a_round_that_did_not_hold(record):
    text = page(record)
    assert "- start 1, after 3.5 s: SIGKILL of one process: python -m pipeline train" in text
    assert "- **traceback: ValueError: x**\n- **left file: .a**" in text


def test_the_page_states_what_was_not_done_and_how_to_repeat_a_round(record):
    text = page(record)
    assert "Not done: clock set back an hour, because it is missing." in text
    assert "python -m torture --seed 7 --pace short --commands repro sweep --round 0" in text
