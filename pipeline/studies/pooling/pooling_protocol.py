"""The protocol of the study on pooling and the published values, written before any test score was computed."""

from pipeline.studies.published_values import Claim
from pipeline.studies.trainings import Candidate

REPLICATES = 5
STEPS, BATCH = 3000, 100
IMAGES = 500
"""Test digits of each replicate on which consistency is measured."""
SIZES = (1000, 5000, 20_000, 50_000)

POOLINGS = {
    "no pooling": "none",
    "stride": "stride",
    "max": "max",
    "average": "average",
    "BlurPool": "blur",
    "polyphase": "polyphase",
}
"""Labels, and values of the option `pooling`."""

INVARIANT = "polyphase, circular"
"""The label of the network that circular shifts cannot change: circular padding, and the mean of each map."""

SOURCE = "notebook on pooling, step 3,000"
PUBLISHED = {
    "no pooling": (0.599, 0.897, 0.941, 0.964),
    "stride": (0.570, 0.884, 0.931, 0.948),
    "max": (0.782, 0.937, 0.971, 0.973),
    "average": (0.776, 0.933, 0.970, 0.969),
}
"""Test accuracies by number of training signals, from one training each."""


MISSED = (("average", 1000), ("no pooling", 5000), ("stride", 5000), ("no pooling", 20_000), ("stride", 20_000))
"""Where the published value lies outside the interval. To look for the cause, these are trained once more."""


def signal_label(pooling: str, size: int) -> str:
    """The name of a candidate on signals."""
    return f"{pooling}, {size:,} signals"


def signal_candidates() -> list[Candidate]:
    """Every kind of pooling with every number of training signals."""
    return [_on_signals(pooling, size) for size in SIZES for pooling in POOLINGS]


def pytorch_candidates() -> list[Candidate]:
    """Those of `MISSED`, with the initial weights of PyTorch as in the notebook."""
    return [_on_signals(pooling, size, "model.options.start=pytorch") for pooling, size in MISSED]


def _on_signals(pooling: str, size: int, *more: str) -> Candidate:
    return Candidate(
        signal_label(pooling, size),
        (
            f"model=mnist1d_pooling_{POOLINGS[pooling]}",
            "data=mnist1d",
            f"data.options.training={size}",
            "split=group",
            "optimizer=adam",
            "optimizer.learning_rate=0.01",
            "augmentation=none",
            "training=lecture",
            f"training.epochs={STEPS * BATCH // size}",
            f"training.batch_size={BATCH}",
            "training.evaluation_batch_size=1000",
            "training.keep=last",
            *more,
        ),
    )


def digit_candidates() -> list[Candidate]:
    """The lecture's network with every kind of pooling on digits, and the one that circular shifts cannot change."""
    settings = (
        "data=mnist_sample",
        "split=resampled",
        "split.test_share=0.25",
        "split.validation_share=0.15",
        "optimizer=sgd",
        "optimizer.learning_rate=0.01",
        "augmentation=none",
        "training=lecture",
        "training.epochs=5",
        "training.batch_size=32",
        "training.keep=last",
    )
    return [
        *(
            Candidate(pooling, ("model=lecture_cnn", f"model.options.pooling={option}", *settings))
            for pooling, option in POOLINGS.items()
        ),
        Candidate(INVARIANT, ("model=lecture_cnn_invariant", *settings)),
    ]


def claims(size: int) -> list[Claim]:
    """The published values for this number of training signals; kinds of pooling that were not published have none."""
    place = SIZES.index(size)
    return [
        Claim(
            signal_label(pooling, size),
            PUBLISHED[pooling][place] if pooling in PUBLISHED else None,
            SOURCE if pooling in PUBLISHED else "–",
            same_protocol=pooling in PUBLISHED,
        )
        for pooling in POOLINGS
    ]
