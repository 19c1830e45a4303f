import numpy as np

from pipeline.reporting.figures.critical_difference import rank_diagram, rank_diagram_figure
from pipeline.reporting.figures.style import png_bytes
from pipeline.statistics.rank_tests import Ranking

MODELS = ("resnet8", "lenet5", "lecture_cnn", "logistic")
RANKING = Ranking(
    models=MODELS,
    data=("digits", "elpv", "mnist"),
    ranks=(1.2, 1.9, 3.1, 3.8),
    statistic=9.0,
    p_value=0.01,
    critical_difference=1.3,
    ties=(("resnet8", "lenet5"), ("lenet5", "lecture_cnn"), ("lecture_cnn", "logistic")),
)


def test_a_crossbar_spans_the_ranks_of_a_tie_of_two_or_more_models():
    values = rank_diagram(RANKING)
    assert [bar[:2] for bar in values.crossbars] == [(1.2, 1.9), (1.9, 3.1), (3.1, 3.8)]
    assert [bar.level for bar in values.crossbars] == [0, 1, 2]
    alone = rank_diagram(Ranking(MODELS, ("one",), RANKING.ranks, 9.0, 0.01, 0.1, (("resnet8",), ("lenet5",))))
    assert alone.crossbars == ()


def test_the_diagram_labels_every_model_with_its_rank_and_draws_every_crossbar():
    figure = rank_diagram_figure(rank_diagram(RANKING))
    (axes,) = figure.axes
    texts = {text.get_text() for text in axes.texts}
    assert {"resnet8  1.20", "lenet5  1.90", "3.10  lecture_cnn", "3.80  logistic"} <= texts
    assert "critical difference 1.30" in texts
    bars = [line for line in axes.lines if line.get_linewidth() == 3.5]
    assert np.allclose([line.get_xdata() for line in bars], [(1.17, 1.93), (1.87, 3.13), (3.07, 3.83)])
    assert png_bytes(figure) == png_bytes(rank_diagram_figure(rank_diagram(RANKING)))
