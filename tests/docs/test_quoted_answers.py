"""The numbers that README quotes."""

from pipeline.verification.quoted_numbers import quoted_numbers


def test_every_number_that_readme_quotes_is_in_the_report_that_it_names():
    checks = list(quoted_numbers())
    assert [check.state for check in checks] == ["ok", "ok", "ok"], [check.line for check in checks]
    assert checks[1].found == "the quoted answers of 8 studies match their reports"
