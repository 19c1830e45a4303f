from math import nan

from pipeline.reporting.tables.scores_by_class import class_table
from pipeline.statistics.class_scores import SCORES, ClassScore, ClassScores


def test_a_row_has_every_score_with_its_interval_and_the_number_of_images():
    scores = dict(
        zip(SCORES, [ClassScore(0.5, 0.25, 0.75), ClassScore(0.75, nan, nan), ClassScore(0.6, 0.5, 0.7)], strict=True)
    )
    table = class_table("lenet5", [ClassScores("cracked", 1200, 4, scores)])
    assert table.header == ("class", "precision", "recall", "F1", "test images")
    assert table.rows == (("cracked", "0.500 (0.250 to 0.750)", "0.750", "0.600 (0.500 to 0.700)", "1,200"),)
    assert table.keys == ((None, 0.5, 0.75, 0.6, 1200.0),)


def test_an_unknown_score_is_a_dash():
    unknown = dict.fromkeys(SCORES, ClassScore(nan, nan, nan))
    assert class_table("lenet5", [ClassScores("cracked", 0, 0, unknown)]).rows == (("cracked", "–", "–", "–", "0"),)
