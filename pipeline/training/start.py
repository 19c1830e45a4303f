"""The start of a training: images, network with initial weights, optimizer and random seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import keras
import numpy as np

from pipeline.augmentation.augment import augment
from pipeline.config.schema import AugmentationConfig
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.errors import UserError
from pipeline.training.batch_normalization import with_fused_normalisation
from pipeline.training.batches import Augment, Mixing
from pipeline.training.compiling import compile_model, make_optimizer
from pipeline.training.examples import Columns, Portion, portion, standardisation
from pipeline.training.fit import Length, steps_in_epoch
from pipeline.training.initial import load_initial_weights
from pipeline.training.task import Task, own_modules


@dataclass(frozen=True)
class Start:
    """The arguments of `fit` for one replicate."""

    model: keras.Model
    train: Portion
    validation: Portion
    length: Length
    seed: int
    augment: Augment | None
    mixing: Mixing | None
    class_weights: Mapping[int, float] | None


def start(task: Task, prepared: Prepared) -> Start:
    """Return the start of a task; the same task gives the same bits.

    Raises:
        UserError: the optimizer or schedule does not exist, or a batch is larger than the training set.
    """
    columns = Columns.of(task.architecture)
    train, validation = (portion(prepared, task.replicate, part, columns) for part in (TRAIN, VALIDATION))
    seed = int(np.random.SeedSequence([task.training.seed, task.replicate]).generate_state(1)[0])
    settings, chosen = task.training, task.optimizer
    optimizer = make_optimizer(
        chosen.name,
        chosen.learning_rate,
        chosen.options,
        schedule=(chosen.schedule.name, chosen.schedule.options) if chosen.schedule else None,
        steps=settings.epochs * steps_in_epoch(train, settings.batch_size),
    )
    augmented = _augmentation(task, prepared)
    model = load_network(with_fused_normalisation(task.architecture), seed)
    if task.initial_weights is not None:
        load_initial_weights(task.initial_weights, model)
    mixing = _mixing(task, columns, model)
    compile_model(model, optimizer, probabilities=mixing is not None)
    return Start(
        model,
        train,
        validation,
        length=Length(settings.epochs, settings.batch_size, settings.evaluation_batch_size, settings.patience),
        seed=seed,
        augment=augmented,
        mixing=mixing,
        class_weights=balanced_weights(train) if settings.class_weights == "balanced" else None,
    )


def load_network(architecture: str, seed: int) -> keras.Model:
    """Return the network of a JSON text with random initial weights drawn from `seed`."""
    for module in own_modules(architecture):
        import_module(module)
    keras.backend.clear_session()
    # `clear_session` turns it on.
    keras.config.disable_interactive_logging()
    keras.utils.set_random_seed(seed)
    return keras.models.model_from_json(architecture)


def balanced_weights(train: Portion) -> dict[int, float]:
    """Return weights with which all classes count equally, 1 on average (King & Zeng 2001).

    If images have weights, a class counts as the sum of the weights of its images.

    Raises:
        UserError: the network does not predict the class of an image, or no image of a class counts.
    """
    if "output" not in train.columns.outputs:
        raise UserError(
            "`training.class_weights: balanced` needs a network that predicts the class of an image, but this one "
            f"predicts '{train.columns.outputs[0]}'. Set it to none."
        )
    labels = train.labels[train.indices]
    classes, counts = np.unique(labels, return_counts=True)
    if train.weights is not None:
        counts = np.bincount(labels, weights=train.weights[train.indices])[classes]
        if not counts.all():
            raise UserError(
                "`training.class_weights: balanced` needs images with a weight above 0 in every class. All training "
                "images of a class have weight 0: change their weights in the table, or set it to none."
            )
    weights = len(train) / (len(classes) * counts)
    return {int(label): float(weight) for label, weight in zip(classes, weights, strict=True)}


def _augmentation(task: Task, prepared: Prepared) -> Augment | None:
    """The changes of single images, or None without any.

    Raises:
        UserError: they cannot be applied to these images.
    """
    changes = single_image_changes(task.augmentation)
    if not changes:
        return None
    fill = np.rint(standardisation(prepared, task.replicate).mean).astype(int).tolist()
    augmented: Augment = partial(augment, **changes, fill=fill)
    try:
        augmented(np.asarray(prepared.pixels[:1]), np.random.default_rng(0))
    except ValueError as problem:
        raise UserError(f"The augmentation cannot be applied to these images: {problem}") from None
    return augmented


def single_image_changes(chosen: AugmentationConfig) -> dict[str, Any]:
    """The arguments of `augment` that are not off."""
    return {name: value for name, value in chosen.chosen.items() if value and name not in ("mixup", "cutmix")}


def _mixing(task: Task, columns: Columns, model: keras.Model) -> Mixing | None:
    """The mixing of images and labels, or None without any.

    Raises:
        UserError: the network compares images in pairs, or batches have a single image.
    """
    chosen = task.augmentation
    if not (chosen.mixup or chosen.cutmix):
        return None
    if columns.paired:
        raise UserError(
            "`augmentation.mixup` and `augmentation.cutmix` must be 0 for a network of pairs: whether two images show "
            f"the same class is not defined for mixed images. Received {chosen.mixup:g} and {chosen.cutmix:g}."
        )
    if task.training.batch_size < 2:
        raise UserError(
            "`training.batch_size` must be at least 2 with `augmentation.mixup` or `augmentation.cutmix`, which mix "
            f"the images of a batch. Received {task.training.batch_size}."
        )
    return Mixing(chosen.mixup, chosen.cutmix, tuple(output.shape[-1] for output in model.outputs))
