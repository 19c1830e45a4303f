import numpy as np

from pipeline.evaluation import rates
from pipeline.reporting.figures import style as figures
from pipeline.reporting.figures.rates import calibration_figure, precision_recall_figure, roc_figure


def test_each_model_is_in_the_legend_with_its_score():
    truth = np.array([0, 1, 1, 0])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    look = figures.looks(["lenet5"])
    for gather, draw, label in (
        (rates.roc, roc_figure, "area 1.0"),
        (rates.precision_recall, precision_recall_figure, "average precision 1.0"),
        (rates.calibration, calibration_figure, "error 0.3"),
    ):
        (text,) = draw({"lenet5": gather(truth, probabilities)}, look).axes[0].get_legend().get_texts()
        assert text.get_text().startswith(f"lenet5 ({label}")
