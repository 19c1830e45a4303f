import pytest

from pipeline.reporting.tables import pairs


def test_models_share_a_letter_where_neither_is_better(known):
    letters = pairs.tie_letters(known({"x": 3, "y": 2, "z": 1}, ties=(("x", "y"), ("y", "z"))))
    assert letters == {"x": "a", "y": "a b", "z": "b"}


def test_the_verdict_of_a_pair_seen_from_the_other_model_is_reversed(known, two):
    certainty = known({"x": 0.9, "y": 0.8}, (two("x", "y", 0.1, "better", wins=0.9),))
    duel, mirrored = pairs.duel(certainty, "x", "y"), pairs.duel(certainty, "y", "x")
    assert (duel.standing, mirrored.standing) == ("better", "worse")
    assert (mirrored.difference, mirrored.low, mirrored.high) == (
        -duel.difference,
        -duel.high,
        -duel.low,
    )
    assert mirrored.wins == pytest.approx(0.1)
    assert (duel.numbers(), mirrored.numbers()) == ("+0.100 (0.080 to 0.120)", "−0.100 (−0.120 to −0.080)")


def test_the_square_has_every_pair_twice_and_no_model_against_itself(known):
    square = pairs.square(known({"x": 3, "y": 2, "z": 1}))
    assert list(square) == ["x", "y", "z"]
    for place, (model, row) in enumerate(square.items()):
        assert row[place] is None
        assert [one.opponent for one in row if one] == [other for other in "xyz" if other != model]


def test_the_caption_explains_the_sign_for_a_better_row(known):
    means = {"x": 0.1, "y": 0.2}
    assert "negative if the row is better" in pairs.square_table(known(means, metric="log_loss")).caption
    assert "positive if the row is better" in pairs.square_table(known(means)).caption
