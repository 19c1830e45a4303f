from pipeline.errors import UserError
from pipeline.verification import written_reports
from pipeline.verification.checked_link import Check, checked, conclusion


def test_the_texts_of_a_page_are_those_that_people_read():
    html = "<style>p {x: 1}</style><p>0.98 &amp; <b>0.97</b></p><svg><path d='M 1 2'/><text>0.5</text></svg>"
    assert written_reports._text(html).splitlines() == ["0.98 &", "0.97", "0.5"]


def test_a_missing_file_is_a_difference_of_its_own():
    def check():
        yield Check("a", "ok", "as recorded")
        raise UserError("b.json is missing. Run `dvc repro` to create it.")

    found = list(checked("b", check))
    assert [one.line for one in found] == [
        "ok       a: as recorded.",
        "differs  b: b.json is missing. Run `dvc repro` to create it.",
    ]
    assert conclusion(found) == "2 checks: 1 ok, 1 difference."
    assert conclusion([*found, Check("c", "unknown", "d")]) == "3 checks: 1 ok, 1 difference, 1 unknown."
