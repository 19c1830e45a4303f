"""Classes that can be predicted from the files alone: size, dimensions and format, time, or name."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity
from pipeline.data.audit.predictability import predictability
from pipeline.data.images import FileFacts

SEVERITIES: dict[str, Severity] = {
    "class_from_file_size": "warn",
    "class_from_dimensions": "warn",
    "class_from_file_time": "note",
    "class_from_file_name": "note",
}
COPYING = 3600
"""Files whose times differ by fewer seconds were probably copied, class by class: their times have no meaning."""
FEWEST_IN_LEAF = 5
PROPERTIES = {
    "class_from_file_size": "the size of the files in bytes",
    "class_from_dimensions": "width, height, mode and format of the files",
    "class_from_file_time": "the time when the files were modified",
    "class_from_file_name": "the names of the files",
}
ADVICE = {
    "class_from_file_size": "Check whether the classes were compressed or cropped differently; if so, encode all "
    "images alike.",
    "class_from_dimensions": "Check whether the classes come from different cameras or sources; a network can learn "
    "the traces of resizing instead of the objects.",
    "class_from_file_time": "Check whether the classes were recorded in different sessions; if so, define a "
    "group for each session.",
    "class_from_file_name": "Networks do not see names, but different names often mean different sources: check that "
    "the images of all classes were taken alike.",
}


def check(audited: Audited) -> Iterator[Finding]:
    """One finding for each property that predicts the class of test images. Sources without files have none."""
    files = audited.images.files
    if files is None:
        return
    for name, model, features in _properties(audited, files):
        found = predictability(model, features, audited.images.labels, audited.splits, margin=audited.margin)
        if found.excessive:
            yield Finding(
                name,
                len(audited.images.labels),
                f"The class of a test image can be predicted from {PROPERTIES[name]} alone: balanced accuracy "
                f"{found.score:.2f}, chance {found.chance:.2f}.",
                ADVICE[name],
                values={"score": found.score, "chance": found.chance},
            )


def _properties(audited: Audited, files: FileFacts) -> Iterator[tuple[str, Any, Any]]:
    """The name of the check, a classifier, and features of n files."""
    from sklearn.feature_extraction.text import HashingVectorizer  # takes a second
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(min_samples_leaf=FEWEST_IN_LEAF, class_weight="balanced", random_state=0)
    yield "class_from_file_size", tree, files.bytes[:, None]
    kinds = [np.unique(values, return_inverse=True)[1] for values in (files.mode, files.format)]
    dimensions = np.stack([files.width, files.height, files.width / files.height, *kinds, files.transparent], axis=1)
    yield "class_from_dimensions", tree, dimensions
    seconds = files.modified / 1e9
    if np.ptp(np.quantile(seconds, [0.01, 0.99])) > COPYING:
        yield "class_from_file_time", tree, seconds[:, None]
    letters = HashingVectorizer(analyzer="char", ngram_range=(1, 3), n_features=2**14, alternate_sign=False, norm=None)
    names = _own_names(audited.images.names, audited.images.classes)
    if any(names):
        yield "class_from_file_name", MultinomialNB(), letters.transform(names)


def _own_names(names: NDArray[np.str_], classes: Sequence[str]) -> list[str]:
    """The names of files without folders and endings, and without the names of classes, which many people repeat."""
    class_names = re.compile("|".join(sorted(map(re.escape, classes), key=len, reverse=True)), re.IGNORECASE)
    return [class_names.sub("", PurePosixPath(name).stem) for name in names.tolist()]
