import pytest


def test_a_comparison_needs_a_model(compare):
    with pytest.raises(ValueError, match=r"one or more models with different names. Received \[\]"):
        compare(models=())


def test_two_models_with_one_name_are_rejected(compare, result):
    with pytest.raises(ValueError, match="different names"):
        compare(models=(result("lenet5", (0.9,)), result("lenet5", (0.8,))))


def test_a_model_without_the_primary_metric_is_named(compare, result):
    with pytest.raises(ValueError, match="Received 'f1'; 'lenet5' has accuracy, log_loss"):
        compare(models=(result("lenet5", (0.9,)),), primary_metric="f1")


def test_a_cost_has_one_value_or_one_per_replicate(compare, result):
    with pytest.raises(ValueError, match="Received 2 values of 'train_seconds' for 3 replicates of 'lenet5'"):
        compare(models=(result("lenet5", (0.9, 0.8, 0.7)),))


def test_a_lower_bound_of_the_cost_does_not_decide(compare, result):
    models = (result("known", (0.9, 0.9)), result("attention", (0.8, 0.8), uncounted=("attention",)))
    assert compare(models=models).decisive_costs == {"known": 6_100_000}
