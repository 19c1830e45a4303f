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
    assert (duel.numbers(), mirrored.numbers()) == ("▲ +0.100\n(0.080 to 0.120)", "▼ −0.100\n(−0.120 to −0.080)")


def test_the_matrix_has_every_pair_twice_and_no_model_against_itself(known):
    matrix = pairs.matrix(known({"x": 3, "y": 2, "z": 1}))
    assert list(matrix) == ["x", "y", "z"]
    for place, (model, row) in enumerate(matrix.items()):
        assert row[place] is None
        assert [one.opponent for one in row if one] == [other for other in "xyz" if other != model]


def test_the_caption_explains_the_sign_for_a_better_row(known):
    means = {"x": 0.1, "y": 0.2}
    assert "negative if the row is better" in pairs.matrix_table(known(means, metric="log_loss")).caption
    assert "positive if the row is better" in pairs.matrix_table(known(means)).caption


def test_an_undecided_cell_shows_only_its_numbers(known):
    (row, _) = pairs.matrix_table(known({"x": 0.9, "y": 0.8})).rows
    assert row == ("x", "·", "+0.100\n(0.080 to 0.120)")


def test_every_pair_is_listed_with_its_verdict_and_the_replicates_needed(known, two):
    certainty = known(
        {"x": 0.9, "y": 0.8, "z": 0.7},
        (two("x", "y", 0.1, "better"), two("x", "z", 0.2, needed=31), two("y", "z", 0.1)),
    )
    assert pairs.pairs_table(certainty).rows == (
        ("x", "y", "better", "0.003", "1.00", ""),
        ("x", "z", "undecided", "1", "0.50", "31"),
        ("y", "z", "undecided", "1", "0.50", "–"),
    )


def test_the_matrix_of_one_of_several_looks_names_its_level(known):
    assert "its 98.3 % interval" in pairs.matrix_table(known({"a": 0.8, "b": 0.7}, looks=3)).caption
