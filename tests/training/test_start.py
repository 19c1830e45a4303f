from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.errors import UserError

NOTHING = {"horizontal_flip": False, "vertical_flip": False, "quarter_turns": False, "shift": 0}


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
    assert started.augment is None


@pytest.mark.parametrize("change", list(NOTHING))
def test_each_augmentation_changes_the_images(start, tasks, change):
    started = start(tasks(**NOTHING | {change: 1 if change == "shift" else True})[0])
    images = np.random.default_rng(0).integers(256, size=(16, 8, 8, 1), dtype=np.uint8)
    assert not np.array_equal(started.augment(images, np.random.default_rng(0)), images)


def test_a_schedule_lasts_as_long_as_the_training(start, tasks):
    schedule = start(tasks(epochs=7)[0]).model.optimizer._learning_rate
    assert schedule.decay_steps == 7 * (42 // 8)


def test_a_batch_larger_than_the_training_set_raises_its_own_error(start, tasks):
    with pytest.raises(UserError, match=r"`training\.batch_size` must be at most the number of training images, 42"):
        start(tasks(batch_size=43)[0])
