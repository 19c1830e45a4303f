"""The start of a training: images, network with initial weights, optimizer and random seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import keras
import numpy as np

from pipeline.config.schema import AugmentationConfig
from pipeline.data.augmentation import augment
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.errors import UserError
from pipeline.training.batch_normalization import with_fused_normalisation
from pipeline.training.batches import Augment
from pipeline.training.compiling import compile_model, make_optimizer
from pipeline.training.examples import Columns, Portion, portion
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
    augmented = _augmentation(task.augmentation)
    if augmented is not None:
        try:
            augmented(np.asarray(prepared.pixels[:1]), np.random.default_rng(0))
        except ValueError as problem:
            raise UserError(f"The augmentation cannot be applied to these images: {problem}") from None
    model = load_network(with_fused_normalisation(task.architecture), seed)
    if task.initial_weights is not None:
        load_initial_weights(task.initial_weights, model)
    compile_model(model, optimizer)
    return Start(
        model,
        train,
        validation,
        length=Length(settings.epochs, settings.batch_size, settings.evaluation_batch_size, settings.patience),
        seed=seed,
        augment=augmented,
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

    Raises:
        UserError: the network does not predict the class of an image.
    """
    if "output" not in train.columns.outputs:
        raise UserError(
            "`training.class_weights: balanced` needs a network that predicts the class of an image, but this one "
            f"predicts '{train.columns.outputs[0]}'. Set it to none."
        )
    classes, counts = np.unique(train.labels[train.indices], return_counts=True)
    weights = len(train) / (len(classes) * counts)
    return {int(label): float(weight) for label, weight in zip(classes, weights, strict=True)}


def _augmentation(chosen: AugmentationConfig) -> Augment | None:
    if not (chosen.horizontal_flip or chosen.vertical_flip or chosen.quarter_turns or chosen.shift):
        return None
    return partial(
        augment,
        horizontal_flip=chosen.horizontal_flip,
        vertical_flip=chosen.vertical_flip,
        quarter_turns=chosen.quarter_turns,
        shift=chosen.shift,
    )
