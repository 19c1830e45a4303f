import json
from types import SimpleNamespace

import numpy as np

from pipeline.evaluation import validation_score
from pipeline.training.examples import IMAGE_TO_CLASS

NETWORK = {
    "class_name": "Functional",
    "config": {"input_layers": [["image", 0, 0]], "output_layers": [["output", 0, 0]]},
}


def test_the_roc_auc_is_that_of_the_validation_images_with_the_kept_weights(eight_images, monkeypatch):
    """Validation images 1 and 5 have classes 0 and 2, so classes 0 and 2 have one image each."""
    trained, asked = object(), []

    def predict(network, images, *, batch_size):
        asked.append((network, images.indices.tolist(), images.columns, batch_size))
        return [np.array([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6]])]

    monkeypatch.setattr(validation_score, "read_prepared", lambda folder: eight_images)
    monkeypatch.setattr(validation_score, "trained_network", lambda architecture, result: trained)
    monkeypatch.setattr(validation_score, "predict", predict)
    task = SimpleNamespace(
        architecture=json.dumps(NETWORK),
        prepared=None,
        replicate=0,
        result=None,
        training=SimpleNamespace(evaluation_batch_size=128),
    )
    assert validation_score.validation_roc_auc(task) == 1.0
    assert asked == [(trained, [1, 5], IMAGE_TO_CLASS, 128)]
