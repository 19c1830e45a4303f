from pipeline.reporting.text.explanations import explanations


def told(certainty):
    return {one.term: one.meaning for one in explanations(certainty)}


def test_the_fewest_replicates_are_told_where_there_are_fewer(known):
    few = told(known({"a": 1, "b": 0.9}, replicates=4))["Better"]
    assert "cannot go below p = 0.125, so here nothing can be called better; that takes 7 replicates or more" in few
    enough = told(known({"a": 1, "b": 0.9}, replicates=10))["Better"]
    assert "can go down to p = 0.002; with fewer than 7 nothing could be called better" in enough


def test_what_was_resampled_is_what_is_told(known):
    means = {"a": 1, "b": 0.9}
    by_design = {
        design: told(known(means, design=design))["95 % interval"] for design in ("crossed", "redrawn", "replicates")
    }
    assert "10 replicates" in by_design["crossed"] and "11 groups of test images" in by_design["crossed"]
    assert "Nadeau & Bengio 2003" in by_design["redrawn"] and "11 groups" not in by_design["redrawn"]
    assert "these test images and no others" in by_design["replicates"]


def test_a_single_model_needs_no_words_about_pairs(known):
    assert list(told(known({"a": 1}))) == ["95 % interval"]


def test_the_interval_of_one_replicate_is_told_to_know_nothing_of_others(known):
    one = told(known({"a": 1}, replicates=1))["95 % interval"]
    assert "only the 11 groups of test images to chance, so it is too narrow" in one
    assert "there is no interval" in told(known({"a": 1}, replicates=1, design="redrawn"))["95 % interval"]


def test_images_that_belong_to_no_group_are_called_images(known):
    interval = told(known({"a": 1, "b": 0.9}, groups=120))["95 % interval"]
    assert "the 120 test images that all of them answer for." in interval and "groups" not in interval
