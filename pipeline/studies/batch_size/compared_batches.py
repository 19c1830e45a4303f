"""The batch sizes, learning rates and numbers of epochs of the study."""

from typing import NamedTuple

from pipeline.studies.digit_protocol import Network

RATE = 0.01
"""The learning rate of the lecture, for batches of 32 images."""


class Recipe(NamedTuple):
    """A name in the report, images per batch, learning rate and epochs."""

    label: str
    batch: int
    rate: float
    epochs: int


SMALL = Recipe("batch 32, rate 0.01", 32, RATE, 20)
SAME_RATE = Recipe("batch 128, rate 0.01", 128, RATE, 20)
SCALED = Recipe("batch 128, rate 0.04", 128, 4 * RATE, 20)
SAME_STEPS = Recipe("batch 128, rate 0.01, 80 epochs", 128, RATE, 80)
RECIPES = (SMALL, SAME_RATE, SCALED, SAME_STEPS)


def networks() -> tuple[Network, ...]:
    """The lecture's network with SGD and momentum 0.9, by recipe; no rate is chosen."""
    return tuple(
        Network(
            one.label,
            (
                "model=lecture_cnn",
                "optimizer=sgd",
                "training=lecture",
                f"training.batch_size={one.batch}",
                f"training.epochs={one.epochs}",
            ),
            (one.rate,),
        )
        for one in RECIPES
    )
