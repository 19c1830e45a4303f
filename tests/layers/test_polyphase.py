"""Adaptive polyphase sampling selects the component of largest norm and is equivariant to shifts."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.arithmetic.table import layer_table
from pipeline.layers.polyphase import PolyphaseSampling2D


def sampled(image, step):
    """Chaman & Dokmanić 2021, equation 6, for one image."""
    rows, columns = (side // step * step for side in image.shape[:2])
    components = [image[i:rows:step, j:columns:step] for i in range(step) for j in range(step)]
    return max(components, key=np.linalg.norm)


@pytest.mark.parametrize(("side", "step"), [((6, 8), 2), ((7, 5), 2), ((9, 6), 3), ((4, 4), 1), ((2, 2), 2)])
def test_it_is_the_component_of_largest_norm(side, step):
    maps = np.random.default_rng(0).normal(size=(5, *side, 3)).astype("float32")
    layer = PolyphaseSampling2D(step)
    output = np.asarray(layer(maps))
    np.testing.assert_array_equal(output, np.stack([sampled(image, step) for image in maps]))
    assert layer.compute_output_shape(maps.shape) == output.shape


def test_each_image_has_its_own_component():
    maps = np.zeros((4, 2, 2, 1), "float32")
    maps[np.arange(4), [0, 0, 1, 1], [0, 1, 0, 1]] = [[1], [2], [3], [4]]
    np.testing.assert_array_equal(np.ravel(PolyphaseSampling2D()(maps)), [1, 2, 3, 4])


def test_the_first_of_equal_norms_is_selected():
    maps = np.reshape([1.0, 2.0, -2.0, 2.0], (1, 2, 2, 1)).astype("float32")
    np.testing.assert_array_equal(np.ravel(PolyphaseSampling2D()(maps)), [2])
    np.testing.assert_array_equal(np.ravel(PolyphaseSampling2D()(np.swapaxes(maps, 1, 2))), [-2])


@pytest.mark.parametrize("step", [2, 3])
def test_a_circular_shift_of_the_map_is_a_circular_shift_of_the_sample(step):
    # Small integers, so that norms are exact in any order of adding.
    maps = np.random.default_rng(1).integers(-9, 10, (3, 6, 12, 2)).astype("float32")
    layer = PolyphaseSampling2D(step)
    at_rest = np.asarray(layer(maps))
    for shift in np.ndindex(6, 12):
        moved = np.asarray(layer(np.roll(maps, shift, (1, 2))))
        for before, after in zip(at_rest, moved, strict=True):
            turns = [np.roll(before, turn, (0, 1)) for turn in np.ndindex(before.shape[:2])]
            assert any(np.array_equal(turn, after) for turn in turns)


def test_plain_subsampling_is_not_equivariant():
    maps = np.random.default_rng(1).integers(-9, 10, (1, 6, 6, 1))
    turns = [np.roll(maps[0, ::2, ::2], turn, (0, 1)) for turn in np.ndindex(3, 3)]
    shifted = np.roll(maps, 1, 2)[0, ::2, ::2]
    assert not any(np.array_equal(turn, shifted) for turn in turns)


def test_only_the_selected_pixels_have_a_gradient():
    maps = tf.constant(np.random.default_rng(2).normal(size=(3, 5, 6, 2)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        output = PolyphaseSampling2D()(maps)
        loss = tf.reduce_sum(output * output) / 2
    np.testing.assert_array_equal(tape.gradient(loss, maps), np.where(np.isin(maps, output.numpy()), maps, 0))


def test_the_receptive_field_is_the_whole_block():
    keras.utils.set_random_seed(3)
    image = x = keras.Input((20, 20, 1), name="image")
    for depth in (1, 2):
        x = keras.layers.Conv2D(2, 3, name=f"conv{depth}")(x)
        x = PolyphaseSampling2D(name=f"pool{depth}")(x)
    model = keras.Model(image, x)
    row = layer_table(json.loads(model.to_json()))[-1]
    noise = tf.constant(np.random.default_rng(3).normal(size=(200, 20, 20, 1)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(noise)
        unit = tf.reduce_sum(model(noise)[:, 1, 1])
    seen = np.argwhere(np.any(tape.gradient(unit, noise) != 0, axis=(0, 3)))
    assert tuple(np.ptp(seen, axis=0) + 1) == row.receptive_field == (10, 10)
    assert tuple(seen.min(axis=0)) == row.stride == (4, 4)  # of unit 1, where fields begin at 0


def test_a_map_smaller_than_the_stride_is_rejected():
    with pytest.raises(ValueError, match=r"`strides` must be at least 1\. Received strides=0\."):
        PolyphaseSampling2D(0)
    with pytest.raises(ValueError, match=r"at least 2 for strides=2\. Received input_shape=\(1, 1, 4, 1\)\."):
        PolyphaseSampling2D()(np.zeros((1, 1, 4, 1), "float32"))
