import numpy as np

from pipeline.studies.nonlinearity.linear_map import Collapse, LinearMap
from pipeline.studies.nonlinearity.nonlinearity_report import COLLAPSED, LINEAR, class_images, figures, text
from pipeline.studies.nonlinearity.nonlinearity_study import networks
from tests.studies.measured_networks import measured_networks

ACCURACIES = {one.label: 0.97 if "relu" in one.label else 0.9 for one in networks()}
COLLAPSES = tuple(Collapse(label, 10_000, 3e-7 if label in LINEAR else 0.4, 0.99) for label in COLLAPSED)


def test_the_report_names_the_accuracies_and_the_verdict():
    measured = measured_networks(networks(), ACCURACIES)
    report = text(measured, COLLAPSES)
    assert "scores differ by at most 0.3 millionths of the largest" in report
    assert "(ReLU is better)" in report
    assert "| relu, 2 convolutions | 10,000 | 7,850 | 4.0e-01 | 99.0 % | no |" in " ".join(report.split())


def test_an_unclear_difference_is_called_so():
    measured = measured_networks(networks(), dict.fromkeys(ACCURACIES, 0.9))
    assert "(no clear difference)" in text(measured, COLLAPSES)


def test_the_figures_have_a_row_per_network_and_an_image_per_class():
    measured = measured_networks(networks(), ACCURACIES)
    one = LinearMap(np.random.default_rng(0).normal(size=(16, 10)), np.zeros(10))
    drawn = figures(measured, {"logistic regression": one, "linear": one})
    assert len(drawn["collapsed"].axes) == 20
    assert len(drawn["activations"].axes[0].get_yticks()) == 7


def test_a_weight_that_all_classes_share_is_not_shown():
    weights = np.random.default_rng(1).normal(size=(16, 10))
    shifted = LinearMap(weights + np.arange(16)[:, np.newaxis], np.zeros(10))
    np.testing.assert_allclose(class_images(shifted), class_images(LinearMap(weights, np.zeros(10))))
