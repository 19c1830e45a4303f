"""Metrics of other programs: which of `METRICS` a name such as `val_accuracy` means, and its direction."""

import re

from pipeline.evaluation.metrics import METRICS, Metric

PREFIX = re.compile(r"^(?:train(?:ing)?|val(?:id(?:ation)?)?|test|eval(?:uation)?)[_/. -]+")
SUFFIX = re.compile(r"[_/. -](?:epoch|step)$")
OTHER_NAMES = {
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "multiclassaccuracy": "accuracy",
    "binaryaccuracy": "accuracy",
    "accuracy_score": "accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "f1_score": "f1",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "multiclassauroc": "roc_auc",
    "roc_auc_score": "roc_auc",
    "ap": "average_precision",
    "mcc": "matthews",
    "logloss": "log_loss",
    "nll": "log_loss",
    "cross_entropy": "log_loss",
    "ece": "calibration_error",
    "brier_score": "brier",
}
LOWER = re.compile(
    r"(?<![a-z])(loss|error|err|mae|mse|rmse|mape|rmsle|perplexity|ppl|deviance|divergence|wer|cer|fid)(?![a-z])"
    r"|crossentropy"
)
HIGHER = re.compile(
    r"(?<![a-z])(accuracy|acc|precision|recall|sensitivity|specificity|score|f1|auc|auroc|auprc|map|dice|iou|jaccard|r2"
    r"|psnr|ssim|bleu|reward)(?![a-z])"
)


def known_metric(name: str) -> Metric | None:
    """The metric of `METRICS` that a logged name means, None if it means none.

    >>> known_metric("val_acc").label, known_metric("test/roc_auc").label, known_metric("val_loss")
    ('accuracy', 'ROC AUC', None)
    """
    plain = SUFFIX.sub("", PREFIX.sub("", name.lower()))
    return METRICS.get(OTHER_NAMES.get(plain, plain))


def lower_is_better(name: str) -> bool | None:
    """Whether a lower value of a logged metric is better, None if its name does not show it.

    >>> [lower_is_better(name) for name in ("val_loss", "val_mean_absolute_error", "val_acc", "rouge")]
    [True, True, False, None]
    """
    metric = known_metric(name)
    if metric is not None:
        return metric.lower_is_better
    lower, higher = bool(LOWER.search(name.lower())), bool(HIGHER.search(name.lower()))
    return lower if lower != higher else None
