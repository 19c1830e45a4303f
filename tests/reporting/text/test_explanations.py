from pipeline.reporting.text.explanations import explanations


def meanings(certainty):
    return {one.term: one.meaning for one in explanations(certainty)}


def test_the_smallest_number_of_replicates_is_given(known):
    few = meanings(known({"a": 1, "b": 0.9}, replicates=4))["Better"]
    assert "is 0.125, so no model can be called better. That takes at least 7 replicates" in few
    one = meanings(known({"a": 1, "b": 0.9}, replicates=1, design="redrawn"))["Better"]
    assert "With 1 replicate the smallest possible" in one
    enough = meanings(known({"a": 1, "b": 0.9}, replicates=10))["Better"]
    assert "is 0.002; with fewer than 7 replicates no model could be called better" in enough


def test_the_explanation_of_an_interval_names_what_was_resampled(known):
    means = {"a": 1, "b": 0.9}
    by_design = {
        design: meanings(known(means, design=design))["95 % interval"]
        for design in ("crossed", "redrawn", "replicates")
    }
    assert "10 replicates" in by_design["crossed"] and "11 groups of test images" in by_design["crossed"]
    assert "Nadeau & Bengio 2003" in by_design["redrawn"] and "11 groups" not in by_design["redrawn"]
    assert "only for these test images" in by_design["replicates"]


def test_a_single_model_needs_no_explanation_of_pairs(known):
    assert list(meanings(known({"a": 1}, design="replicates"))) == ["95 % interval"]


def test_the_interval_of_one_replicate_is_called_too_narrow(known):
    one = meanings(known({"a": 1}, replicates=1))["95 % interval"]
    assert "only for the choice of the 11 groups of test images, so it is too narrow" in one
    assert "there is no interval" in meanings(known({"a": 1}, replicates=1, design="redrawn"))["95 % interval"]


def test_images_without_groups_are_counted_as_images(known):
    interval = meanings(known({"a": 1, "b": 0.9}, groups=120))["95 % interval"]
    assert "the 120 test images that all replicates share." in interval and "group" not in interval


def test_repeated_folds_and_a_locked_test_set_are_told_apart_in_two_sentences(known):
    means = {"a": 1, "b": 0.9}
    for design in ("folds", "crossed"):
        found = meanings(known(means, design=design))
        assert found["Which images are tested"].count(". ") == 1
        assert "locked test set" in found["Which images are tested"]
    folds = meanings(known(means, design="folds", fewest=10))
    assert "11 groups of test images, each of which is tested once per repetition" in folds["95 % interval"]
    assert "needs at least 10 replicates" in folds["Better"]


def test_the_tests_name_the_level_of_one_look(known):
    found = meanings(known({"a": 1, "b": 0.9}, looks=5))
    assert "significant at the 1 % level" in found["Better"]


def test_an_interval_of_one_of_several_looks_has_the_level_of_this_look(known):
    found = meanings(known({"a": 1, "b": 0.9}, looks=3))
    assert "about 98.3 % of such intervals" in found["98.3 % interval"]
    assert found["Practically the same"].startswith("With a probability of at least 98.3 %")


def test_with_folds_the_least_number_of_groups_is_given(known):
    few = meanings(known({"a": 1, "b": 0.9}, design="folds", fewest=5, groups=7, fewest_groups=9))["Better"]
    assert few.endswith("at least 9 groups of test images; there are 7, so no model can be called better.")
    one = meanings(known({"a": 1, "b": 0.9}, replicates=1, design="redrawn"))["Better"]
    assert "With 1 replicate the smallest possible" in one
    enough = meanings(known({"a": 1, "b": 0.9}, design="folds", fewest=5, fewest_groups=9))["Better"]
    assert enough.endswith("at least 9 groups of test images; there are 11.")


def test_the_factor_for_overlapping_training_sets_is_not_attributed_to_others(known):
    interval = meanings(known({"a": 1, "b": 0.9}, design="folds"))["95 % interval"]
    assert "1 + 2/(k − 1) + 10/G for k folds and G groups, is this project's own" in interval


def test_one_fold_has_an_interval(known):
    assert (
        "only for the choice of the 11 groups"
        in meanings(known({"a": 1}, replicates=1, design="folds"))["95 % interval"]
    )


def test_tuning_groups_are_an_exception_from_the_folds(known):
    assert "except the tuning groups" in meanings(known({"a": 1, "b": 0.9}, design="folds"))["Which images are tested"]


def test_one_fold_is_no_locked_test_set_and_no_complete_repetition(known):
    one = known({"a": 1, "b": 0.9}, replicates=1, design="folds")
    tested = meanings(one)["Which images are tested"]
    assert "same locked test set" not in tested
    assert tested.endswith(f" Here no repetition is complete: 1 of {one.fewest} folds is tested.")
    assert "no repetition" not in meanings(known({"a": 1}, design="folds"))["Which images are tested"]


def test_several_folds_without_a_complete_repetition_are_counted(known):
    some = known({"a": 1, "b": 0.9}, replicates=3, design="folds")
    assert some.fewest > 3
    assert meanings(some)["Which images are tested"].endswith(f" 3 of {some.fewest} folds are tested.")
