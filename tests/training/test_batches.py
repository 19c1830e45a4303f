from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from pipeline.augmentation.augment import augment
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.training import batches as batches_module
from pipeline.training.batches import Mixing, dataset, evaluation_batches, training_batches
from pipeline.training.examples import Columns, Portion, Standardisation

AS_IS = Standardisation(np.zeros(1, np.float32), np.ones(1, np.float32))
FLIPS = partial(augment, horizontal_flip=True, vertical_flip=True, quarter_turns=True, shift=2)


@pytest.fixture
def numbered():
    """Ten of twenty images, those with odd numbers; the number of an image is its label and its grey level."""
    labels = np.arange(20)
    pixels = np.tile(labels.astype(np.uint8)[:, None, None, None], (1, 8, 8, 1))
    return Portion(pixels, labels, np.arange(1, 20, 2), AS_IS)


def stream(portion, epochs, *, batch_size=3, seed=0, augment=None):
    return list(training_batches(portion, batch_size=batch_size, epochs=epochs, seed=seed, augment=augment))


def order(*arguments, **options):
    """The labels in the order of the batches."""
    return [int(label) for _, labels in stream(*arguments, **options) for label in labels[:, 0]]


def assert_same(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        for array, other_array in zip(batch, other, strict=True):
            assert array.dtype == other_array.dtype == np.float32
            np.testing.assert_array_equal(array, other_array)


@pytest.mark.parametrize("changes", [None, FLIPS], ids=["as they are", "augmented"])
def test_the_batches_of_an_epoch_depend_on_seed_and_epoch_only(portion, changes):
    whole = stream(portion(), range(5), batch_size=8, seed=3, augment=changes)
    resumed = stream(portion(), range(3, 5), batch_size=8, seed=3, augment=changes)
    assert_same(whole[3 * 5 :], resumed)


def test_another_seed_or_epoch_gives_another_order(numbered):
    orders = [order(numbered, range(epoch, epoch + 1), seed=seed) for epoch in range(3) for seed in range(3)]
    assert len({tuple(one) for one in orders}) == 9


def test_the_incomplete_last_batch_is_dropped(numbered):
    batches = stream(numbered, range(2))
    assert [inputs.shape for inputs, _ in batches] == [(3, 8, 8, 1)] * 6
    assert [labels.shape for _, labels in batches] == [(3, 1)] * 6


def test_no_image_occurs_twice_in_an_epoch(numbered):
    for epoch in range(20):
        labels = order(numbered, range(epoch, epoch + 1))
        assert len(set(labels)) == 9


def test_over_many_epochs_exactly_the_images_of_the_portion_are_used(numbered):
    assert set(order(numbered, range(20))) == set(range(1, 20, 2))


def test_an_image_keeps_its_label(numbered):
    for inputs, labels in stream(numbered, range(3), augment=FLIPS):
        np.testing.assert_array_equal(inputs, np.tile(labels[:, :, None, None], (1, 8, 8, 1)))


def test_augmentation_changes_pixels_but_neither_order_nor_labels(portion):
    plain, changed = (stream(portion(), range(2), batch_size=8, augment=how) for how in (None, FLIPS))
    for (inputs, labels), (changed_inputs, changed_labels) in zip(plain, changed, strict=True):
        np.testing.assert_array_equal(labels, changed_labels)
        assert not np.array_equal(inputs, changed_inputs)


def test_an_image_is_augmented_differently_in_each_epoch(portion):
    alone = Portion(portion().pixels, portion().labels, portion().indices[:1], AS_IS)
    batches = stream(alone, range(30), batch_size=1, augment=partial(FLIPS, quarter_turns=False, shift=0))
    seen = {inputs.tobytes() for inputs, _ in batches}
    image = np.asarray(alone.pixels[alone.indices[0]], np.float32)
    mirrored = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    assert seen == {np.ascontiguousarray(picture).tobytes() for picture in mirrored}


def test_validation_sees_each_image_once_and_in_order(numbered):
    batches = list(evaluation_batches(numbered, batch_size=4))
    assert [len(inputs) for inputs, _ in batches] == [4, 4, 2]
    assert [int(label) for _, labels in batches for label in labels[:, 0]] == list(range(1, 20, 2))
    np.testing.assert_array_equal(np.concatenate([inputs for inputs, _ in batches])[:, 0, 0, 0], np.arange(1, 20, 2))


def test_training_pixels_have_mean_zero_and_deviation_one(portion):
    inputs = np.concatenate([inputs for inputs, _ in evaluation_batches(portion(TRAIN), batch_size=16)])
    assert inputs.mean() == pytest.approx(0, abs=1e-5)
    assert inputs.std() == pytest.approx(1, rel=1e-5)


def test_each_channel_is_standardised_by_its_own_values():
    scale = Standardisation(np.array([10, 20, 30], np.float32), np.array([1, 2, 4], np.float32))
    scaled = scale(np.array([[[[12, 24, 38]]]], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [[[[2, 2, 2]]]]


def test_the_tensorflow_dataset_contains_the_batches_and_their_number(tensorflow, portion):
    held_out = portion(VALIDATION)
    batches = partial(evaluation_batches, held_out, batch_size=4)
    made = dataset(batches, 3)
    assert int(made.cardinality()) == 3
    assert_same([(inputs.numpy(), labels.numpy()) for inputs, labels in made], list(batches()))


@pytest.mark.parametrize("most", [1, 3, 8])
@pytest.mark.parametrize("size", [1, 2**30], ids=["small memory", "large memory"])
def test_batches_that_pass_to_tensorflow_together_are_the_same(tensorflow, portion, monkeypatch, most, size):
    monkeypatch.setattr(batches_module, "PASSED_BATCHES", most)
    monkeypatch.setattr(batches_module, "PASSED_BYTES", size)
    batches = partial(
        training_batches, portion(), batch_size=8, epochs=range(1), seed=0, augment=None, class_weights={0: 1, 1: 2}
    )
    made = dataset(batches, 5, batch_size=8)
    assert int(made.cardinality()) == 5
    assert_same([tuple(column.numpy() for column in batch) for batch in made], list(batches()))


def test_batches_are_read_from_disk_only_when_they_are_used(numbered):
    class Disk(np.ndarray):
        read = 0

        def __getitem__(self, key):
            Disk.read += 1
            return super().__getitem__(key)

    slow = Portion(numbered.pixels.view(Disk), numbered.labels, numbered.indices, numbered.standardise)
    batches = training_batches(slow, batch_size=3, epochs=range(1000), seed=0, augment=None)
    list(islice(batches, 2))
    assert Disk.read == 2


EVERYTHING = partial(FLIPS, rotate=20, zoom=0.2, brightness=0.1, contrast=0.2, noise=0.05, cutout=0.4, fill=(90,))


@pytest.mark.parametrize("mixing", [Mixing(0.4, 0, (1,)), Mixing(0, 1, (1,)), Mixing(0.4, 1, (1,))])
def test_all_changes_of_a_batch_depend_on_seed_epoch_and_batch_only(portion, mixing):
    options = {"batch_size": 8, "seed": 3, "augment": EVERYTHING, "mixing": mixing}
    whole = list(training_batches(portion(), epochs=range(3), **options))
    resumed = list(training_batches(portion(), epochs=range(2, 3), **options))
    assert_same(whole[2 * 5 :], resumed)


def test_mixed_images_and_targets_come_from_the_same_two_images(numbered):
    """The grey level of an image is its label, so with mix-up of all pixels it equals the mixed label."""
    of_labels = Portion(numbered.pixels % 2, numbered.labels % 2, np.arange(20), AS_IS)
    for inputs, targets in training_batches(
        of_labels, batch_size=6, epochs=range(2), seed=0, augment=None, mixing=Mixing(1, 0, (1,))
    ):
        np.testing.assert_allclose(inputs[:, 0, 0], targets, atol=1e-6)
        assert ((targets > 0) & (targets < 1)).any()


def test_cut_mix_gives_the_label_the_share_of_the_pixels(numbered):
    of_labels = Portion(numbered.pixels % 2, numbered.labels % 2, np.arange(20), AS_IS)
    for inputs, targets in training_batches(
        of_labels, batch_size=6, epochs=range(2), seed=0, augment=None, mixing=Mixing(0, 1, (1,))
    ):
        np.testing.assert_allclose(inputs.mean(axis=(1, 2)), targets, atol=1e-6)
        assert set(np.unique(inputs)) == {0, 1}


def test_validation_targets_are_probabilities_of_unmixed_images_if_training_mixes(numbered):
    three = Portion(numbered.pixels, numbered.labels % 3, numbered.indices, AS_IS)
    plain = list(evaluation_batches(three, batch_size=4))
    mixed = list(evaluation_batches(three, batch_size=4, mixing=Mixing(1, 1, (3,))))
    for (images, labels), (same, probabilities) in zip(plain, mixed, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(probabilities, np.eye(3)[labels[:, 0].astype(int)])


def test_an_image_has_its_weight_times_that_of_its_class_in_training_only(numbered):
    weighted = replace(numbered, labels=numbered.labels % 2, weights=np.arange(20, dtype=np.float32))
    weighted = replace(weighted, indices=np.arange(20))
    options = {"batch_size": 5, "epochs": range(1), "seed": 0, "augment": None}
    for images, labels, weights in training_batches(weighted, **options, class_weights={0: 2, 1: 10}):
        numbers = images[:, 0, 0, 0]
        np.testing.assert_array_equal(weights, numbers * np.where(labels[:, 0] == 1, 10, 2))
    for images, _, weights in training_batches(weighted, **options):
        np.testing.assert_array_equal(weights, images[:, 0, 0, 0])
    assert [len(batch) for batch in evaluation_batches(weighted, batch_size=10)] == [2, 2]


def test_a_pair_has_the_product_of_the_weights_of_its_images(numbered):
    pairs = replace(numbered, columns=Columns(("image", "partner"), ("same",)), weights=np.arange(20, dtype=np.float32))
    for (images, partners), _, weights in training_batches(pairs, batch_size=5, epochs=range(2), seed=0, augment=None):
        np.testing.assert_array_equal(weights, images[:, 0, 0, 0] * partners[:, 0, 0, 0])
