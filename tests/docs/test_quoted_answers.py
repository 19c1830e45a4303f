"""The numbers that README quotes from studies. Those of the comparison change when `make repro` trains again."""

from pathlib import Path

from pipeline.verification.quoted_numbers import quoted_answers


def test_every_number_that_readme_quotes_is_in_the_answer_of_the_study():
    (check,) = quoted_answers(Path("README.md").read_text(encoding="utf-8"))
    assert (check.state, check.found) == ("ok", "the quoted answers of 8 studies match their reports")
