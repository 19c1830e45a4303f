import numpy as np
import pytest

from pipeline.networks.build import build
from pipeline.training.runtime import start_tensorflow


@pytest.fixture(scope="module")
def maximisation():
    start_tensorflow()
    from pipeline.interpretation import activation_maximisation

    return activation_maximisation


def limits(maximisation, shape):
    return maximisation.Range(np.full(shape, -1, np.float32), np.full(shape, 2, np.float32))


def linear_units(weights):
    import keras

    rows, columns, channels, units = weights.shape
    image = keras.Input((rows, columns, channels))
    dense = keras.layers.Dense(units)
    network = keras.Model(image, dense(keras.layers.Flatten()(image)))
    dense.set_weights([weights.reshape(-1, units), np.zeros(units, np.float32)])
    return network


@pytest.mark.parametrize("sign", [1, -1])
def test_the_image_of_a_linear_unit_is_white_where_its_weights_are_positive(maximisation, sign):
    signs = np.random.default_rng(0).choice([-1, 1], (3, 4, 2, 5))
    weights = (signs * np.random.default_rng(1).uniform(0.5, 1, signs.shape)).astype(np.float32)
    found = maximisation.maximising_images(
        linear_units(weights),
        np.array([3, 0]),
        np.full(2, sign, np.float32),
        limits(maximisation, (3, 4, 2)),
        field=3,
        steps=64,
        seed=0,
    )
    best = np.where(sign * weights > 0, 2, -1)
    np.testing.assert_allclose(found, np.moveaxis(best[..., [3, 0]], 3, 0), atol=0.1)


def test_the_images_excite_units_more_than_a_thousand_random_images(maximisation):
    network = build("lecture_cnn", {}, input_shape=(16, 16, 1), classes=3)
    import keras

    units = keras.Model(network.inputs[0], network.get_layer("hidden").output)
    bounds = limits(maximisation, (16, 16, 1))
    random = np.random.default_rng(0).uniform(-1, 2, (1000, 16, 16, 1)).astype(np.float32)
    chosen = np.argsort(-np.asarray(units(random)).std(axis=0))[:4]
    found = maximisation.maximising_images(units, chosen, np.ones(4, np.float32), bounds, field=16, steps=32, seed=0)
    reached = np.asarray(units(found))[np.arange(4), chosen]
    assert (reached > np.asarray(units(random))[:, chosen].max(axis=0)).all()
    assert found.min() >= -1 and found.max() <= 2


def test_only_the_receptive_field_of_the_unit_in_the_middle_is_drawn(maximisation):
    import keras

    network = build("lecture_cnn", {}, input_shape=(16, 16, 1), classes=3)
    units = keras.Model(network.inputs[0], network.get_layer("conv1").output)
    found = maximisation.maximising_images(
        units, np.arange(8), np.ones(8, np.float32), limits(maximisation, (16, 16, 1)), field=3, steps=200, seed=0
    )
    outside = np.ones((16, 16), bool)
    outside[7:10, 7:10] = False
    # Elsewhere the decay has taken away the noise.
    assert np.abs(found[:, outside]).max() < 0.4
    assert np.abs(found[:, ~outside]).max() > 0.9


def test_the_same_seed_gives_the_same_images(maximisation):
    weights = np.random.default_rng(0).normal(size=(9, 9, 1, 3)).astype(np.float32)
    units = linear_units(weights)
    first, second, other = (
        maximisation.maximising_images(
            units, np.arange(3), np.ones(3, np.float32), limits(maximisation, (9, 9, 1)), field=9, steps=5, seed=seed
        )
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
