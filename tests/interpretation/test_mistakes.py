import numpy as np

from pipeline.interpretation.mistakes import worst_mistakes


def test_the_worst_mistakes_are_the_most_confident_wrong_predictions():
    truth = np.array([0, 1, 0, 1, 0, 0])
    positive = np.array([0.9, 0.8, 0.6, 0.1, 0.2, 0.9])
    probabilities = np.column_stack([1 - positive, positive])
    assert worst_mistakes(truth, probabilities, 10).tolist() == [0, 3, 5, 2]
    assert worst_mistakes(truth, probabilities, 2).tolist() == [0, 3]
    assert worst_mistakes(np.array([1, 1]), probabilities[:2], 2).tolist() == []
