"""Consistencies and accuracies of moved images, with networks whose result is known."""

import keras
import numpy as np
import pytest

from pipeline.architectures import lecture_cnn, logistic
from pipeline.interpretation.shift_scores import (
    CONSISTENCIES,
    distances,
    measure_shifts,
    pairs_of_copies,
    random_moves,
)
from pipeline.interpretation.shifted_images import edge_shift
from pipeline.interpretation.subject import Replicate, Subject

SIDE, COUNT = 16, 40
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (COUNT, SIDE, SIDE, 1)).astype(np.uint8)


def standardise(pixels):
    return ((np.asarray(pixels, np.float32) - 128) / 64).astype(np.float32)


def subject(*networks, labels=None):
    truth = RNG.integers(0, 10, COUNT) if labels is None else labels
    replicates = [Replicate(place, one, PIXELS, truth, standardise) for place, one in enumerate(networks)]
    return Subject("model", networks[0].to_json(), tuple("0123456789"), replicates[0], lambda: iter(replicates))


def untrained(seed=0, **options):
    """An untrained network whose classes differ between images: its outputs have no common part."""
    keras.utils.set_random_seed(seed)
    network = lecture_cnn.build((SIDE, SIDE, 1), 10, **options)
    before = keras.Model(network.input, network.layers[-2].output).predict(standardise(PIXELS), verbose=0)
    kernel, _ = network.layers[-1].get_weights()
    network.layers[-1].set_weights([100 * kernel, -100 * before.mean(axis=0) @ kernel])
    return network


def predicted(network, pixels=PIXELS):
    return network.predict(standardise(pixels), verbose=0).argmax(axis=1)


def test_an_invariant_network_is_consistent_under_circular_shifts_without_training():
    invariant = untrained(padding="circular", pooling="polyphase", head="average")
    ordinary = untrained()
    found = [measure_shifts(subject(one))["replicates"][0] for one in (invariant, ordinary)]
    assert len(set(predicted(invariant))) > 3
    assert found[0]["circular_consistency"] == 1.0
    assert found[0]["equivariance_error"] < 1e-6
    assert found[0]["rotation_consistency"] < 1.0
    assert found[1]["circular_consistency"] < 1.0
    assert found[1]["equivariance_error"] > 0.01


def test_a_consistency_is_the_share_of_equal_classes_of_two_copies():
    network = untrained()
    moves = random_moves(COUNT, (SIDE, SIDE))
    one, other = (
        np.concatenate([edge_shift(PIXELS[[place]], shifts[[place]]) for place in range(COUNT)])
        for shifts in moves.shifts
    )
    share = np.mean([predicted(network, one) == predicted(network, other)])
    assert measure_shifts(subject(network))["replicates"][0]["shift_consistency"] == pytest.approx(share)


def test_the_curve_starts_with_the_accuracy_of_unmoved_images():
    network = untrained()
    curve = measure_shifts(subject(network, labels=predicted(network)))["curve"]
    assert curve["shift"]["distances"] == [0, 1, 2, 3, 4]
    (shifted,), (turned,) = curve["shift"]["accuracy"], curve["rotation"]["accuracy"]
    assert shifted[0] == turned[0] == 1.0
    assert max(shifted[1:]) < 1.0
    assert len(turned) == len(curve["rotation"]["angles"])


def test_a_network_that_predicts_one_class_has_no_numbers():
    constant, ordinary = untrained(), untrained(seed=1)
    kernel, _ = constant.layers[-1].get_weights()
    constant.layers[-1].set_weights([np.zeros_like(kernel), np.arange(10.0)])
    found = measure_shifts(subject(constant, ordinary))
    assert found["replicates"][0] == {"replicate": 0, **dict.fromkeys(CONSISTENCIES), "equivariance_error": None}
    assert None not in found["replicates"][1].values()
    assert [values is None for values in found["curve"]["shift"]["accuracy"]] == [True, False]
    assert [value is None for value in found["layers"][0]["shift"]] == [True, False]


def test_a_network_without_maps_has_no_layers_and_no_equivariance_error():
    network = logistic.build((SIDE, SIDE, 1), 2)
    found = measure_shifts(subject(network))
    assert found["layers"] == []
    assert found["replicates"][0]["equivariance_error"] is None


def test_one_output_is_the_probability_of_the_second_class():
    network = logistic.build((SIDE, SIDE, 1), 2)
    kernel = RNG.normal(size=(SIDE**2, 1))
    network.layers[-1].set_weights([kernel, np.zeros(1)])
    labels = (standardise(PIXELS).reshape(COUNT, -1) @ kernel > 0).ravel().astype(np.int64)
    assert measure_shifts(subject(network, labels=labels))["curve"]["shift"]["accuracy"][0][0] == 1.0


def test_all_models_and_replicates_get_the_same_moves():
    for one, other in zip(random_moves(7, (32, 40)), random_moves(7, (32, 40)), strict=True):
        np.testing.assert_array_equal(one, other)
    found = measure_shifts(subject(untrained(), untrained()))
    first, second = ({**one, "replicate": 0} for one in found["replicates"])
    assert first == second


def test_moves_stay_within_their_limits_and_reach_them():
    moves = random_moves(2000, (32, 40))
    assert set(moves.shifts.ravel()) == set(range(-4, 5))
    assert (moves.fractions.min(), moves.fractions.max()) == (-0.5, 0.5)
    assert 29 < np.abs(moves.angles).max() <= 30
    assert {tuple(direction) for direction in moves.directions} == {(-1, 0), (1, 0), (0, -1), (0, 1)}


def test_images_of_one_row_move_along_their_length():
    moves = random_moves(200, (1, 40))
    assert {tuple(direction) for direction in moves.directions} == {(0, -1), (0, 1)}
    assert set(moves.shifts[..., 1].ravel()) == set(range(-5, 6))
    assert distances((1, 40))[-1] == distances((40, 1))[-1] == 10


@pytest.mark.parametrize("shape", [(1, 40, 1), (40, 1, 1), (2, 2, 3), (1, 1, 1)])
def test_images_of_any_shape_have_copies_of_their_size(shape):
    pixels = RNG.integers(0, 256, (5, *shape)).astype(np.uint8)
    for copies in dict(pairs_of_copies(pixels, random_moves(5, shape[:2]))).values():
        assert [copy.shape for copy in copies] == [pixels.shape] * 2


def test_the_copies_of_each_consistency_have_the_size_of_the_images():
    pairs = dict(pairs_of_copies(PIXELS, random_moves(COUNT, (SIDE, SIDE))))
    assert tuple(pairs) == CONSISTENCIES
    assert {copy.shape for pair in pairs.values() for copy in pair} == {PIXELS.shape}


def test_few_images_at_a_time_give_the_same_numbers(monkeypatch):
    network = untrained()
    together = measure_shifts(subject(network, labels=predicted(network)))
    monkeypatch.setattr("pipeline.interpretation.shift_scores.TOGETHER", 7)
    assert measure_shifts(subject(network, labels=predicted(network)))["curve"] == together["curve"]
