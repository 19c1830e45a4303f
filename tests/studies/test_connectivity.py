"""The study on connectivity beside counts by hand, layers that Keras has built, and sums written out."""

import numpy as np
import pytest

from pipeline.arithmetic.connectivity import Weights, weights
from pipeline.networks.build import build
from pipeline.training.runtime import start_tensorflow

# Keras' layers hand their variables to NumPy without the keyword `copy` that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def study():
    start_tensorflow()
    from pipeline.studies import connectivity

    return connectivity


def test_five_pixels_under_three_units_have_the_lectures_15_9_and_3_weights():
    assert weights([5], 3) == (15, 9, 3)


@pytest.mark.parametrize("side", [5, 8, 12])
@pytest.mark.parametrize(("stride", "padding"), [(1, "same"), (2, "valid"), (2, "same")])
def test_the_weights_are_those_of_the_ladders_hidden_layer(side, stride, padding):
    start_tensorflow()
    options = {"strides": stride, "padding": padding, "maps": 2, "use_bias": False}
    counted = {}
    for connectivity in Weights._fields:
        network = build("ladder", {"connectivity": connectivity, **options}, input_shape=(side, side, 3), classes=2)
        counted[connectivity] = network.get_layer("hidden").count_params()
    assert counted == weights([side, side], 3, stride=stride, padding=padding, channels=3, maps=2)._asdict()


def test_keras_correlates_and_a_convolution_has_its_kernel_turned_round(study):
    pixels, kernel = np.array([3.0, 1, 4, 1, 5]), np.array([2.0, 7, 1])
    found = study.kernels(pixels, kernel)
    by_hand = tuple(float(sum(kernel[tap] * pixels[unit + tap] for tap in range(3))) for unit in range(3))
    assert by_hand == (17, 31, 20)
    assert found.keras == found.correlation == found.convolution_of_flipped == found.product == by_hand
    assert found.convolution != by_hand
    assert found.matrix == ((2, 7, 1, 0, 0), (0, 2, 7, 1, 0), (0, 0, 2, 7, 1))


def test_unrolled_forms_differ_by_no_more_than_the_order_of_adding_leaves(study):
    # A sum of at most 18 products and a bias in float32, added in another order.
    bound = 19 * np.finfo(np.float32).eps
    for one in study.unrollings(seed=1):
        assert one.locally_connected <= bound
        assert one.masked_dense <= bound


def test_the_report_holds_every_number_it_speaks_of(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study.main()
    report = (tmp_path / "reports/connectivity/report.md").read_text(encoding="utf-8")
    assert "| 64 × 64 | 16,777,216 | 36,864 | 9 | 1,864,135 |" in report
    assert "| Keras: Conv1D with kernel w | (17, 31, 20) |" in report
    for picture in ("five-pixels.png", "growth.png"):
        assert f"({picture})" in report
        assert (tmp_path / "reports/connectivity" / picture).stat().st_size > 5_000
