import numpy as np

from pipeline.evaluation import classification_curves
from pipeline.reporting.figures.rate_curves import precision_recall_figure, roc_figure
from pipeline.reporting.figures.reliability import reliability_figure
from pipeline.reporting.figures.style import line_styles


def test_the_legend_has_every_model_and_its_score():
    truth = np.array([0, 1, 1, 0])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    styles = line_styles(["lenet5"])
    for gather, draw, label in (
        (classification_curves.roc, roc_figure, "area 1.0"),
        (classification_curves.precision_recall, precision_recall_figure, "average precision 1.0"),
        (classification_curves.calibration, reliability_figure, "error 0.3"),
    ):
        (text,) = draw({"lenet5": gather(truth, probabilities)}, styles).axes[0].get_legend().get_texts()
        assert text.get_text().startswith(f"lenet5 ({label}")
