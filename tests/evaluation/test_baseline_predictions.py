"""Baselines fitted to prepared images, replicate by replicate, and the file that describes them."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.baselines import baseline_names
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.errors import UserError
from pipeline.evaluation.baseline_predictions import OUTPUT, baseline_file, fit_baseline
from pipeline.evaluation.scoring import score
from pipeline.training.examples import IMAGE_TO_CLASS


@pytest.mark.parametrize("name", baseline_names())
def test_every_replicate_is_fitted_to_its_own_training_images_and_tested_on_its_own_test_images(name, eight_images):
    predictions, records = fit_baseline(name, eight_images)
    assert [record["replicate"] for record in records] == list(range(len(eight_images.splits)))
    for replicate, split in enumerate(eight_images.splits):
        for part, by_output in ((TEST, predictions.test), (VALIDATION, predictions.validation)):
            one = by_output[OUTPUT][replicate]
            assert np.array_equal(one.images, np.flatnonzero(split == part))
            assert np.array_equal(one.truth, eight_images.labels[one.images])
            assert one.trained_on == (split == TRAIN).sum()
            assert one.probabilities.shape == (len(one.images), len(eight_images.classes))
        assert predictions.seconds_per_image[replicate] > 0


def test_the_output_of_a_baseline_is_the_one_by_which_networks_are_compared():
    assert IMAGE_TO_CLASS.outputs == (OUTPUT,)


def test_the_most_frequent_class_has_an_roc_auc_of_exactly_one_half(eight_images):
    predictions, _ = fit_baseline("most_frequent", eight_images)
    assert {scores["roc_auc"] for scores in score(predictions.test).values()} == {0.5}


def test_fingerprints_differ_between_baselines_and_between_replicates(eight_images):
    replicates = [{"digest": "a"}, {"digest": "b"}]
    manifest = eight_images.manifest | {"digest": "d", "settings": {"split": {}}, "replicates": replicates}
    prepared = replace(eight_images, manifest=manifest)
    files = [baseline_file(name, prepared, [{"replicate": 0}, {"replicate": 1}]) for name in baseline_names()]
    found = {one["fingerprint"] for file in files for one in (file, *file["replicates"])}
    assert len(found) == 3 * len(files)


def test_an_unknown_baseline_is_reported_with_the_list(eight_images):
    with pytest.raises(UserError, match=r"^Unknown baseline 'prior'\. Available: grey_levels, most_frequent\.$"):
        fit_baseline("prior", eight_images)
