"""The splits of the study on images of 4×4 pixels, and simulated predictions on them."""

import shutil

import numpy as np
import pytest

from pipeline.data.splits import TEST, TRAIN
from pipeline.evaluation.predictions import Predictions
from pipeline.training.runtime import start_tensorflow

PIXELS = "data.options.size=4"


@pytest.fixture(scope="session", autouse=True)
def tensorflow():
    """Start TensorFlow before any module of the study imports Keras."""
    start_tensorflow()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A function from the overrides of a candidate and a number of replicates to its prepared splits."""
    from pipeline.cli.composing import composed
    from pipeline.data.prepared import read_prepared
    from pipeline.data.prepared_cache import prepared_folder

    folder = tmp_path_factory.mktemp("solar_cells")
    shutil.copytree("conf", folder / "conf")

    def made(overrides, replicates):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            sections = composed("experiment", (*overrides, PIXELS))
            cells = prepared_folder(sections["data"], sections["split"], sections["audit"], replicates)
            return read_prepared(folder / cells)

    return made


@pytest.fixture(scope="session")
def splits(prepared):
    """The prepared random split, split by module and random split of four classes."""
    from pipeline.studies.solar_cells.solar_candidates import (
        DRAWS,
        RANDOM_SPLIT,
        four_class_candidates,
        two_class_candidates,
    )

    random, by_module = (candidate.overrides for candidate in two_class_candidates()[:2])
    four = four_class_candidates(RANDOM_SPLIT)[0].overrides
    return prepared(random, DRAWS), prepared(by_module, DRAWS), prepared(four, DRAWS)


def predicted(prepared, replicate, accuracy, generator, *, labels=None, images=None):
    """Predictions that are right with this probability."""
    labels = prepared.labels if labels is None else labels
    images = prepared.indices(replicate, TEST) if images is None else images
    classes = int(labels.max()) + 1
    truth = labels[images]
    other = (truth + generator.integers(1, classes, len(truth))) % classes
    answer = np.where(generator.random(len(truth)) < accuracy, truth, other)
    probabilities = np.full((len(truth), classes), 0.3 / (classes - 1))
    probabilities[np.arange(len(truth)), answer] = 0.7
    return Predictions(
        images=images,
        groups=np.unique(prepared.groups, return_inverse=True)[1][images],
        subgroups=prepared.subgroups[images],
        classes=np.arange(classes).astype(str),
        truth=truth,
        probabilities=probabilities,
        trained_on=len(prepared.indices(replicate, TRAIN)),
    )


@pytest.fixture(scope="session")
def study(splits):
    """Simulated networks that are right in 90 % of the cases with the random split and in 80 % with the other."""
    from pipeline.studies.solar_cells.solar_candidates import (
        BASELINE_LABEL,
        BY_MODULE,
        DRAWS,
        NETWORKS,
        RANDOM,
        Study,
        Tested,
    )

    random, modules, random_four = splits
    generator = np.random.default_rng(0)

    def tested(cells, accuracy, labels=None):
        ones = tuple(predicted(cells, one, accuracy, generator, labels=labels) for one in range(DRAWS))
        return Tested(ones, (1.0,) * DRAWS, 3, 4096, fitted=(0.95,) * DRAWS)

    names = [*(network.label for network in NETWORKS), BASELINE_LABEL]
    fours = [network.label for network in NETWORKS if network.four_classes]
    return Study(
        two={
            RANDOM: {name: tested(random, 0.9) for name in names},
            BY_MODULE: {name: tested(modules, 0.8) for name in names},
        },
        four={
            RANDOM: {name: tested(random_four, 0.8) for name in fours},
            BY_MODULE: {name: tested(modules, 0.7, labels=random_four.labels) for name in fours},
        },
        random=random,
        modules=modules,
        random_four=random_four,
    )
