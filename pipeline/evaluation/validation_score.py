"""The ROC AUC of a finished training on its validation images; no test image is predicted."""

import numpy as np

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import VALIDATION
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.evaluation.metrics import METRICS
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import Columns, portion
from pipeline.training.predict import predict, trained_network
from pipeline.training.task import Task


def validation_roc_auc(task: Task) -> float:
    """The area under the ROC curve of the network's first output, with the weights that the training kept.

    Raises:
        UserError: the result of the training is missing or damaged.
    """
    columns = Columns.of(task.architecture)
    images = portion(read_prepared(task.prepared), task.replicate, VALIDATION, columns)
    network = trained_network(task.architecture, task.result)
    first, *_ = predict(network, images, batch_size=task.training.evaluation_batch_size)
    truth, *_ = images.targets(np.arange(len(images)), evaluation_partners(images))
    return float(METRICS["roc_auc"].score(truth, class_probabilities(first)))
