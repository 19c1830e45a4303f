"""The forms of a convolution agree with counts and sums by hand and with layers of Keras."""

import numpy as np
import pytest

from pipeline.arithmetic.weight_counts import Weights, weights
from pipeline.networks.build import build

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def test_five_pixels_and_three_units_have_15_9_and_3_weights_as_in_the_lecture():
    assert weights([5], 3) == (15, 9, 3)


@pytest.mark.parametrize("side", [5, 8, 12])
@pytest.mark.parametrize(("stride", "padding"), [(1, "same"), (2, "valid"), (2, "same")])
def test_the_hidden_layer_of_the_ladder_has_as_many_weights_as_counted(side, stride, padding):
    options = {"strides": stride, "padding": padding, "maps": 2, "use_bias": False}
    counted = {}
    for connectivity in Weights._fields:
        network = build("ladder", {"connectivity": connectivity, **options}, input_shape=(side, side, 3), classes=2)
        counted[connectivity] = network.get_layer("hidden").count_params()
    assert counted == weights([side, side], 3, stride=stride, padding=padding, channels=3, maps=2)._asdict()


def test_the_growth_table_has_one_count_per_side():
    from pipeline.studies.connectivity.convolution_forms import weight_growth

    assert weight_growth([4, 64], kernel=3).weights == ((256, 144, 9), (16_777_216, 36_864, 9))


def test_keras_computes_a_correlation_which_is_a_convolution_with_the_flipped_kernel():
    from pipeline.studies.connectivity.convolution_forms import convolution_example

    pixels, kernel = np.array([3.0, 1, 4, 1, 5]), np.array([2.0, 7, 1])
    example = convolution_example(pixels, kernel)
    by_hand = tuple(float(sum(kernel[tap] * pixels[unit + tap] for tap in range(3))) for unit in range(3))
    assert by_hand == (17, 31, 20)
    assert example.keras == example.correlation == example.convolution_of_flipped == example.product == by_hand
    assert example.convolution != by_hand
    assert example.matrix == ((2, 7, 1, 0, 0), (0, 2, 7, 1, 0), (0, 0, 2, 7, 1))


def test_unrolled_layers_differ_from_the_convolution_only_by_rounding():
    from pipeline.studies.connectivity.convolution_forms import unrolling_errors

    # A sum of at most 18 products and a bias in float32, in two different orders.
    bound = 19 * np.finfo(np.float32).eps
    for one in unrolling_errors(seed=1):
        assert one.locally_connected <= bound
        assert one.masked_dense <= bound
