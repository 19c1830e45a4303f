from typing import get_args

import numpy as np

from pipeline.config.schema import Metric
from pipeline.evaluation.metrics import LOWER_IS_BETTER, scores
from pipeline.reporting.content import METRIC_LABELS


def test_every_metric_can_be_primary_and_has_a_name_in_reports():
    truth = np.array([0, 1, 1])
    computed = [name for name, _ in scores(truth, np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]))]
    assert set(get_args(Metric)) == set(computed) == set(METRIC_LABELS)
    assert set(computed) > LOWER_IS_BETTER
