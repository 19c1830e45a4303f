from dataclasses import fields, replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pipeline.config.schema import AugmentationConfig
from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.errors import UserError

NOTHING = {one.name: False if one.type is bool else 0 for one in fields(AugmentationConfig)}
ON = {"shift": 1, "rotate": 20.0, "zoom": 0.3, "mixup": 0.4, "cutmix": 1.0}


@pytest.fixture
def start(tensorflow):
    from pipeline.training.start import start

    return lambda task: start(task, read_prepared(task.prepared))


@pytest.fixture
def standardisation(tensorflow):
    from pipeline.training.examples import standardisation

    return standardisation


def test_each_replicate_trains_and_validates_on_its_own_split(start, tasks, folders):
    prepared = read_prepared(folders[2])
    for number, task in enumerate(tasks()):
        started = start(task)
        np.testing.assert_array_equal(started.train.indices, prepared.indices(number, TRAIN))
        np.testing.assert_array_equal(started.validation.indices, prepared.indices(number, VALIDATION))


def test_a_task_always_draws_the_same_weights_and_other_seeds_or_replicates_draw_others(start, tasks):
    # Replicate 1 of seed 0 must differ from replicate 0 of seed 1. If seed and replicate were added, it would not.
    started = [start(task) for task in (*tasks(), *tasks(), *tasks(seed=1))]
    drawn = [one.model.get_weights()[0].tobytes() for one in started]
    assert drawn[:2] == drawn[2:4]
    assert len(set(drawn)) == len({one.seed for one in started}) == 4


def test_pixels_are_standardised_by_the_training_images_of_the_replicate(standardisation, folders):
    prepared = read_prepared(folders[2])
    for number in (0, 1):
        seen = prepared.pixels[prepared.indices(number, TRAIN)]
        scale = standardisation(prepared, number)
        np.testing.assert_allclose(scale.mean, seen.mean(axis=(0, 1, 2)), rtol=1e-6)
        np.testing.assert_allclose(scale.deviation, seen.std(axis=(0, 1, 2)), rtol=1e-6)


def test_constant_images_are_not_divided_by_zero(standardisation, prepare):
    grey = read_prepared(prepare(pixels=np.full((60, 8, 8, 1), 77, np.uint8)))
    scaled = standardisation(grey, 0)(np.full((1, 8, 8, 1), 77, np.uint8))
    np.testing.assert_array_equal(scaled, np.zeros((1, 8, 8, 1)))


def test_balanced_class_weights_are_those_of_scikit_learn(start, tasks, prepare):
    folder = prepare(3, labels=np.repeat([0, 1, 2], (40, 15, 5)))
    weights = start(replace(tasks(3, class_weights="balanced")[0], prepared=folder)).class_weights
    prepared = read_prepared(folder)
    labels = prepared.labels[prepared.indices(0, TRAIN)]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert weights == {label: pytest.approx(weight) for label, weight in enumerate(expected)}
    assert len(set(weights.values())) == 3


def test_class_weights_and_augmentation_are_off_by_default(start, tasks):
    started = start(tasks(**NOTHING)[0])
    assert started.class_weights is None
    assert started.augment is started.mixing is None


@pytest.mark.parametrize("change", [name for name in NOTHING if name not in ("mixup", "cutmix")])
def test_each_augmentation_changes_the_images(start, tasks, change):
    started = start(tasks(**NOTHING | {change: ON.get(change, True if "_" in change else 0.4)})[0])
    images = np.random.default_rng(0).integers(256, size=(16, 8, 8, 1), dtype=np.uint8)
    assert not np.array_equal(started.augment(images, np.random.default_rng(0)), images)


def test_a_hole_has_the_mean_grey_level_of_the_training_images(start, tasks, standardisation):
    task = tasks(**NOTHING | {"cutout": 1.0})[0]
    changed = start(task).augment(np.zeros((20, 8, 8, 1), np.uint8), np.random.default_rng(0))
    mean = standardisation(read_prepared(task.prepared), 0).mean[0]
    assert set(np.unique(changed)) == {0, round(float(mean))}


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_is_refused_for_pairs_and_allowed_for_several_outputs(start, tasks, name):
    with pytest.raises(UserError, match=r"must be 0 for a network of pairs"):
        start(tasks(form="pairs", **NOTHING | {name: 0.5})[0])
    started = start(tasks(form="two outputs", **NOTHING | {name: 0.5})[0])
    assert started.mixing.units == (3, 1)
    assert started.augment is None


def test_mixing_needs_at_least_two_images_in_a_batch(start, tasks):
    with pytest.raises(UserError, match=r"`training\.batch_size` must be at least 2 with .* Received 1\."):
        start(tasks(batch_size=1, **NOTHING | {"mixup": 0.5})[0])


def test_weights_of_images_are_those_of_the_table_with_mean_one_over_the_training_images(start, tasks, prepare):
    given = np.random.default_rng(0).uniform(0, 9, 60).astype(np.float32)
    started = start(replace(tasks()[0], prepared=prepare(weights=given)))
    weights = started.train.weights
    np.testing.assert_allclose(weights / weights[0], given / given[0], rtol=1e-5)
    assert weights[started.train.indices].mean() == pytest.approx(1)
    assert started.validation.weights is None


def test_training_images_must_not_all_have_weight_0(start, tasks, prepare):
    folder = prepare(weights=np.zeros(60, np.float32))
    with pytest.raises(UserError, match="All training images of replicate 1 have weight 0"):
        start(replace(tasks()[0], prepared=folder))


def test_with_balanced_class_weights_the_weights_of_the_images_of_each_class_have_one_sum(start, tasks, prepare):
    folder = prepare(3, weights=np.random.default_rng(0).uniform(0, 9, 60).astype(np.float32))
    started = start(replace(tasks(3, class_weights="balanced")[0], prepared=folder))
    labels, weights = (values[started.train.indices] for values in (started.train.labels, started.train.weights))
    sums = [started.class_weights[label] * weights[labels == label].sum() for label in range(3)]
    np.testing.assert_allclose(sums, len(labels) / 3, rtol=1e-5)


def test_a_schedule_lasts_as_long_as_the_training(start, tasks):
    schedule = start(tasks(epochs=7)[0]).model.optimizer._learning_rate
    assert schedule.decay_steps == 7 * (42 // 8)


def test_a_batch_larger_than_the_training_set_raises_its_own_error(start, tasks):
    with pytest.raises(UserError, match=r"`training\.batch_size` must be at most the number of training images, 42"):
        start(tasks(batch_size=43)[0])
