"""What trained replicates say of images, and the file that keeps it.

The file is an npz whose arrays are named `OUTPUT-PART-REPLICATE`, such as `output-truth-0`; nobody who reads it needs
the data, the network or TensorFlow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pipeline.evaluation import metrics
from pipeline.statistics.values import Tested
from pipeline.storage.files import damaged, existing

PARTS = ("images", "partners", "groups", "subgroups", "classes", "truth", "probabilities", "trained_on")


@dataclass(frozen=True)
class Answers:
    """What one output of one replicate says of the images it is asked about.

    Which images they are (n,), and with whom in pairs (n,); the group of each (n,), numbered, and its subgroup by name
    (n,); the names of the classes it chooses between (classes,); truth (n,) and probabilities (n, classes); how many
    images it was trained on.
    """

    images: npt.NDArray[np.int64]
    partners: npt.NDArray[np.int64] | None
    groups: npt.NDArray[np.int64]
    subgroups: npt.NDArray[np.str_] | None
    classes: npt.NDArray[np.str_]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    trained_on: int

    @property
    def tested(self) -> Tested:
        """What statistics need of it."""
        return Tested(self.images, self.groups, self.truth, self.probabilities, self.trained_on)


def write_predictions(file: Path, answers: Mapping[str, Mapping[int, Answers]]) -> None:
    """Keep the answers by output and replicate; a model's first output comes first."""
    arrays = {
        f"{output}-{part}-{number}": getattr(one, part)
        for output, said in answers.items()
        for number, one in said.items()
        for part in PARTS
        if getattr(one, part) is not None
    }
    np.savez_compressed(file, **arrays)


def read_predictions(file: Path) -> dict[str, dict[int, Answers]]:
    """The answers in a file, by output and replicate, in the order in which they were written.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with existing(file).open("rb") as stream, np.load(stream) as arrays:
            found = [name.split("-") for name in arrays.files if "-truth-" in name]
            read: dict[str, dict[int, Answers]] = {output: {} for output, _, _ in found}
            for output, _, number in found:
                parts = {part: arrays.get(f"{output}-{part}-{number}") for part in PARTS}
                read[output][int(number)] = Answers(**parts | {"trained_on": int(parts["trained_on"])})
    except (OSError, EOFError, ValueError, TypeError, BadZipFile):
        raise damaged(file) from None
    if not read:
        raise damaged(file)
    return read


def subgroup_scores(answers: Mapping[int, Answers]) -> dict[str, dict[int, dict[str, float]]]:
    """The metrics of one output for the images of each subgroup alone, by subgroup and replicate."""
    by_subgroup: dict[str, dict[int, dict[str, float]]] = {}
    for number, said in answers.items():
        for subgroup in [] if said.subgroups is None else np.unique(said.subgroups).tolist():
            own = said.subgroups == subgroup
            scores = dict(metrics.scores(said.truth[own], said.probabilities[own]))
            by_subgroup.setdefault(subgroup, {})[number] = scores
    return by_subgroup
