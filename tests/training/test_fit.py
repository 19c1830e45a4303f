from functools import partial

import numpy as np
import pytest

from pipeline.augmentation.augment import augment
from pipeline.data.splits import VALIDATION
from pipeline.errors import UserError
from pipeline.storage.folders import CheckpointFolder
from pipeline.training.batches import training_batches

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SEED = 5
FLIPS = partial(augment, horizontal_flip=True, vertical_flip=False, quarter_turns=False, shift=1)
WEIGHTS = {0: 0.5, 1: 2.0}


@pytest.fixture
def network(architecture):
    """Return a function that makes the compiled network, always with the same seed."""
    from pipeline.training.compiling import compile_model, make_optimizer
    from pipeline.training.start import load_network

    def made(learning_rate=0.05, schedule=("CosineDecay", {}), classes=2):
        model = load_network(architecture(classes), SEED)
        compile_model(model, make_optimizer("SGD", learning_rate, {"momentum": 0.9}, schedule=schedule, steps=15))
        return model

    return made


@pytest.fixture
def train(project, portion):
    """Return a function that trains a network in this working directory and returns the history."""
    from pipeline.training.fit import Length, fit

    def trained(model, *, epochs=3, batch_size=8, patience=None, on_epoch=lambda history: None, **changes):
        options = {"seed": SEED, "augment": FLIPS, "class_weights": WEIGHTS}
        return fit(
            model,
            portion(),
            portion(VALIDATION),
            length=Length(epochs, batch_size, 4, patience),
            checkpoint=CheckpointFolder.of("x"),
            on_epoch=on_epoch,
            **(options | changes),
        )

    return trained


def epochs_of(*losses):
    return [{"val/loss": loss} for loss in losses]


def test_fit_gives_bit_identical_weights_to_a_loop_over_the_batches(network, train, portion):
    fitted, looped = network(), network()
    reported = []
    history = train(fitted, on_epoch=lambda history: reported.append(list(history)))
    losses = [
        looped.train_on_batch(inputs, labels, class_weight=WEIGHTS)[0]
        for inputs, labels in training_batches(portion(), batch_size=8, epochs=range(3), seed=SEED, augment=FLIPS)
    ]
    assert len(losses) == 3 * (42 // 8)
    for array, other in zip(fitted.get_weights(), looped.get_weights(), strict=True):
        np.testing.assert_array_equal(array, other)
    assert reported == [history[:1], history[:2], history]
    assert set(history[0]) == {"train/loss", "train/accuracy", "val/loss", "val/accuracy", "learning_rate", "seconds"}
    assert [epoch["learning_rate"] for epoch in history] == pytest.approx([0.0375, 0.0125, 0], abs=1e-8)


@pytest.mark.parametrize(
    ("schedule", "loop"), [(None, "fit"), (("CosineDecay", {}), "fit"), (("CosineDecay", {}), "explicit")]
)
def test_a_diverging_loss_raises_an_error_that_names_the_learning_rate(network, train, schedule, loop):
    with pytest.raises(UserError, match=r"diverged.*Lower `optimizer\.learning_rate`, which was 1e\+20"):
        train(network(learning_rate=1e20, schedule=schedule), loop=loop)
    assert not CheckpointFolder.of("x").state.exists()


def test_a_batch_larger_than_the_training_set_is_rejected(network, train):
    with pytest.raises(UserError, match=r"`training\.batch_size` must be at most .* 42\. Received 43"):
        train(network(), batch_size=43)


def test_a_batch_may_be_the_whole_training_set(portion):
    from pipeline.training.fit import steps_in_epoch

    assert [steps_in_epoch(portion(), size) for size in (1, 8, 21, 41, 42)] == [42, 5, 2, 1, 1]


@pytest.mark.parametrize("damage", [b"", b"garbage" * 100, "first half", "flipped bit"])
def test_a_damaged_checkpoint_raises_an_error_with_the_remedy(network, train, damage):
    from pipeline.training.checkpoints import save_state

    state = CheckpointFolder.of("x").state
    model = network()
    save_state(state, model, epochs_of(1.0))
    whole = state.read_bytes()
    if damage == "first half":
        damage = whole[: len(whole) // 2]
    elif damage == "flipped bit":
        damage = whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]
    state.write_bytes(damage)
    with pytest.raises(UserError, match=r"The checkpoint .*x/state\.npz is unreadable .*delete .*x\.$"):
        train(model)
    assert state.read_bytes() == damage


def test_the_best_epoch_is_the_first_with_the_lowest_validation_loss():
    from pipeline.training.fit import best_epoch

    assert best_epoch(epochs_of(0.5, 0.3, 0.4, 0.3)) == 1


@pytest.mark.parametrize(
    ("losses", "patience", "over"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.4, 0.3], 1, False),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.4, 0.6], 2, False),
        ([0.5, 0.4, 0.6, 0.4], 2, True),
        ([0.5, 0.6, 0.7, 0.8], None, False),
        ([0.5, 0.4, 0.3, 0.2, 0.1], None, True),
        ([0.5, 0.4, 0.3, 0.2, 0.1], 1, True),
    ],
)
def test_patience_ends_a_training_that_no_longer_improves(losses, patience, over):
    from pipeline.training.fit import Length

    assert Length(5, 8, 8, patience).over(epochs_of(*losses)) is over
