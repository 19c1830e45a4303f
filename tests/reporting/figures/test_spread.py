import numpy as np

from pipeline.reporting.figures.spread import spread


def test_the_spread_has_a_row_per_model_and_nan_where_replicates_are_missing(compare, result):
    once = {"train_seconds": (1.0,), "seconds_per_image": (1.0,)}
    values = spread(compare(models=(result("a", (0.5, 0.6, 0.7), **once), result("b", (0.9,), **once))))
    assert values.models == ("b", "a")
    np.testing.assert_array_equal(values.scores, [[0.9, np.nan, np.nan], [0.5, 0.6, 0.7]])


def test_only_models_with_comparable_scores_are_drawn(compare, result):
    models = (result("a", (0.5, 0.6)), result("siamese", (0.9, 0.9), other_target="whether two images are alike"))
    assert spread(compare(models=models)).models == ("a",)
