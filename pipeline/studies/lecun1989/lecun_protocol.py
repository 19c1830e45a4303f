"""The protocol of the study on LeCun's five networks and the published values, written before any test score."""

from pipeline.studies.published_values import Claim
from pipeline.studies.trainings import Candidate

TRAINING, TEST = 320, 160
DIGITS = 5000
REPLICATES = 20
DRAWS = 5
"""Draws of drawings for the moved digits; each has `REPLICATES` / `DRAWS` divisions."""
MOVED = 13 * 10 * 4

NETWORKS = {
    1: "no hidden layer",
    2: "12 hidden units, fully connected",
    3: "two hidden layers, locally connected",
    4: "locally connected, the first layer with shared weights",
    5: "locally connected, both layers with shared weights",
}

PUBLISHED = {1: 0.800, 2: 0.870, 3: 0.885, 4: 0.940, 5: 0.984}
SOURCE = "LeCun 1989; ESL, section 11.7"

RECIPE = (
    "optimizer=adam",
    "optimizer.learning_rate=0.01",
    "augmentation=none",
    "training=lecture",
    "training.epochs=30",
    "training.batch_size=10",
    "training.evaluation_batch_size=1000",
    "training.keep=last",
)
"""Chosen by the training digits alone: of learning rates 0.001, 0.003 and 0.01 and of 10, 30 and 50 epochs, the least
number of epochs after which every network that was tried classified all its 320 training digits correctly."""


SLOWER = (*RECIPE, "optimizer.learning_rate=0.003", "training.epochs=50")
"""A third of the learning rate, to see whether the order of the networks depends on it."""
SLOWER_REPLICATES = 4


def independent(network: int, *, recipe: tuple[str, ...] = RECIPE) -> Candidate:
    """A network on 320 and 160 different digits that each replicate draws anew; the other 4,520 are for validation."""
    return Candidate(
        f"Net-{network}, different digits",
        (
            f"model=lecun1989_net{network}",
            "data=mnist_sample",
            "data.options.size=16",
            "split=resampled",
            f"split.test_share={TEST / DIGITS}",
            f"split.validation_share={1 - (TRAINING + TEST) / DIGITS}",
            *recipe,
        ),
    )


def moved(network: int, draw: int) -> Candidate:
    """A network on moved copies of digits, divided at random as in the paper."""
    return Candidate(
        f"Net-{network}, moved copies, draw {draw}",
        (
            f"model=lecun1989_net{network}",
            "data=moved_digits",
            f"data.options.draw={draw}",
            "split=resampled",
            f"split.test_share={TEST / MOVED}",
            f"split.validation_share={1 - (TRAINING + TEST) / MOVED}",
            *RECIPE,
        ),
    )


def claim(network: int, kind: str) -> Claim:
    """The published accuracy of a network, beside ours on this kind of images."""
    return Claim(f"Net-{network}, {kind}", PUBLISHED[network], SOURCE, same_protocol=False)
