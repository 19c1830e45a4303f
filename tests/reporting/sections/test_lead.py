import pytest

from pipeline.reporting.sections import lead


def support(comparison):
    return next(block.text for block in lead.blocks(comparison) if getattr(block, "role", "") == "support")


@pytest.mark.parametrize(
    ("tested", "expected"),
    [
        (1962, "3 networks, 2 trainings each; 1,962 of 3,003 images are used for testing."),
        (3003, "3 networks, 2 trainings each; all 3,003 images are used for testing."),
        (0, "3 networks, 2 trainings each."),
    ],
)
def test_the_support_states_how_many_trainings_and_tested_images_there_are(compare, known, tested, expected):
    means = {"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76}
    assert support(compare(certainty=known(means, images=tested))).endswith(expected)


def test_a_single_training_of_one_network_is_singular(compare, known, result):
    certainty = known({"lenet5": 0.9}, images=120, replicates=1)
    models = (result("lenet5", (0.9,), train_seconds=(40.0,), seconds_per_image=(0.001,)),)
    one = compare(models=models, certainty=certainty, replicates=1)
    assert support(one).endswith("1 network, 1 training; 120 of 3,003 images are used for testing.")


def test_trainings_that_are_no_better_than_the_most_frequent_class_are_counted(compare, known, result):
    trivial = result("most_frequent", (0.5, 0.52), baseline="always predicting sound")
    models = (result("lenet5", (0.9, 0.525)), result("resnet8", (0.91, 0.92)), trivial)
    means = {"resnet8": 0.915, "lenet5": 0.7125, "most_frequent": 0.51}
    text = support(compare(models=models, certainty=known(means, images=120)))
    assert "In 1 of 2 replicates, lenet5 is no better than always predicting the most frequent class." in text
    assert text.count("no better than always") == 1


def test_networks_with_the_same_fingerprint_are_called_the_same_configuration(compare, known, result):
    scores = {"log2": (0.9, 0.92), "logistic": (0.9, 0.92), "lenet5": (0.8, 0.82)}
    same = {"log2": "f" * 64, "logistic": "f" * 64, "lenet5": "e" * 64}
    models = tuple(result(name, own, fingerprint=same[name]) for name, own in scores.items())
    certainty = known({"log2": 0.91, "logistic": 0.91, "lenet5": 0.81}, images=120)
    assert "log2 and logistic are the same configuration." in support(compare(models=models, certainty=certainty))
    assert "same configuration" not in support(compare(certainty=certainty))
