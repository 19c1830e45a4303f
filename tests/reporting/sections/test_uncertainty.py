import pytest

from pipeline.reporting.sections import uncertainty


@pytest.mark.parametrize(
    ("skipped", "expected"),
    [(1, "1 test set lacks a class and is left out"), (2, "2 test sets lack a class and are left out")],
)
def test_the_number_of_test_sets_without_a_class_is_stated(compare, known, skipped, expected):
    certainty = known({"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76}, skipped=skipped)
    assert expected in uncertainty.section(compare(certainty=certainty)).blocks[0].text
