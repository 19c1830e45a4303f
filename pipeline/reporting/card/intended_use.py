"""What a packaged network is for, what it is not for, and its limits: sentences from measured values."""

import math

from pipeline.counts import number_of
from pipeline.reporting.card.card_content import HeldOut, ModelCard
from pipeline.reporting.text.quantities import count, listed, score, share

SHOWN_CLASSES = 12
"""Class names in a sentence."""
FALL = 0.05
"""A fall of the accuracy after a change that a reader must know."""
FEW = 100
"""Training images of a class that are few."""


def input_in_words(card: ModelCard) -> str:
    """The pictures that the network takes, such as "grey images of 28 × 28 pixels"."""
    height, width, channels = card.data.image_shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{colour} images of {width} × {height} pixels"


def classes_in_words(card: ModelCard) -> str:
    """The number of classes and their names, of many the first ones."""
    names = card.data.classes
    shown = listed(names) if len(names) <= SHOWN_CLASSES else f"{', '.join(names[:SHOWN_CLASSES])} and others"
    return f"{number_of(len(names), 'class', 'classes')}: {shown}"


def intended(card: ModelCard) -> tuple[str, ...]:
    """What the network may be used for."""
    return (
        f"To classify pictures like those of {card.data.title} into {classes_in_words(card)}. Each picture shows one "
        "of these classes.",
        "To assist people who can check a prediction, and to study the model that the comparison selected.",
    )


def not_intended(card: ModelCard) -> tuple[str, ...]:
    """What the network must not be used for, in the light of the measured values."""
    sentences = [
        f"Pictures that show none of the {len(card.data.classes)} classes: the network always names one of them, "
        "perhaps with a high confidence.",
        f"Pictures of another source than {card.data.title}, unless labelled pictures of that source confirm the "
        "score.",
    ]
    if card.held_out is None:
        return (*sentences, "Any use that depends on a known error rate: it has not been measured.")
    errors = 1 - card.held_out.scores["accuracy"]
    sentences.append(
        f"Automatic decisions that need a lower error rate than {share(errors, decimals=1)}, the rate on "
        f"{card.held_out.part} images. Abstaining lowers the error rate (section Confidence)."
    )
    fallen = _harmful(card.held_out)
    if fallen:
        changed = listed(fallen, last="or")
        sentences.append(f"Pictures that are {changed}: the accuracy falls (section Changed pictures).")
    return tuple(sentences)


def limits(card: ModelCard) -> tuple[str, ...]:
    """Known limits, the general one first."""
    sentences = [
        "The confidence is meaningful only for pictures like the training images. For other pictures, a wrong class "
        "can have a high confidence. Flags mark pictures that look unlike the training images, but not all of them.",
        *card.data.notes,
        *_few_images(card),
    ]
    if card.held_out is not None:
        sentences += [*_weakest_class(card.held_out), *_few_groups(card.held_out)]
    if not card.settings["calibrated_on"]:
        sentences.append("There are no validation images, so the confidence is not calibrated.")
    sentences += [f"Audit of the data: {one.summary}" for one in card.findings or () if one.severity != "note"]
    if card.findings is None:
        sentences.append("The data were not audited.")
    return tuple(sentences)


def _harmful(held_out: HeldOut) -> list[str]:
    """The changes after which the accuracy is clearly lower; of the shifts, the smallest such one."""
    if not held_out.changes:
        return []
    unchanged, *others = held_out.changes
    harmful = [one.change for one in others if unchanged.mean - one.mean > FALL]
    shifts = [name for name in harmful if name.startswith("shifted")]
    return [f"{name} or more" if name in shifts else name for name in harmful if name not in shifts[1:]]


def _few_images(card: ModelCard) -> list[str]:
    trained = card.data.counts["train"]
    total, least = sum(trained.values()), min(trained, key=lambda name: trained[name])
    few = f", only {count(trained[least])} of them of class {least}" if trained[least] < FEW else ""
    what = "Each replicate" if len(card.choice["replicates"]) > 1 else "The network"
    return [f"{what} was trained on {count(total)} images{few}."]


def _weakest_class(held_out: HeldOut) -> list[str]:
    tested = [one for one in held_out.classes if math.isfinite(one.scores["recall"].mean)]
    weakest = min(tested, key=lambda one: one.scores["recall"].mean)
    recall = weakest.scores["recall"].mean
    if recall == 1:
        return []
    return [
        f"The class with the lowest recall is {weakest.name}: {score(recall)} of "
        f"{number_of(weakest.images, f'{held_out.part} image')}."
    ]


def _few_groups(held_out: HeldOut) -> list[str]:
    if held_out.groups == held_out.images:
        return []
    return [
        f"The {count(held_out.images)} {held_out.part} images come from {number_of(held_out.groups, 'group')}. Images "
        "of a group resemble each other, so the interval of the score is wider than the number of images suggests."
    ]
