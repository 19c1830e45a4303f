import json

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.training.checkpoints import restore_state, restore_weights, save_state, save_weights

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

HISTORY = [{"train/loss": 0.1 + 0.2, "val/loss": 1e-300}, {"train/loss": 1 / 3, "val/loss": 0.0}]


@pytest.fixture
def network(tensorflow, architecture):
    """Return a function that makes a compiled network with random weights drawn from a seed."""
    import keras

    from pipeline.training.compiling import compile_model, make_optimizer
    from pipeline.training.start import load_network

    def made(seed: int, filters: int = 3) -> keras.Model:
        model = load_network(architecture(filters=filters), seed)
        compile_model(model, make_optimizer("SGD", 0.1, {"momentum": 0.9}, schedule=None, steps=1))
        return model

    return made


def step(model, seed):
    """Train one step on random images; return the loss."""
    random = np.random.default_rng(seed)
    images = random.normal(size=(16, 8, 8, 1)).astype(np.float32)
    return model.train_on_batch(images, random.integers(2, size=(16, 1)))[0]


def state(model):
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def test_a_restored_network_continues_with_the_same_steps(network, tmp_path):
    saved = network(seed=1)
    for number in range(3):
        step(saved, number)
    save_state(tmp_path / "state.npz", saved, HISTORY)
    expected = [step(saved, number) for number in range(3, 6)]

    restored = network(seed=2)
    assert restore_state(tmp_path / "state.npz", restored) == HISTORY
    assert [step(restored, number) for number in range(3, 6)] == expected
    for array, other in zip(state(restored), state(saved), strict=True):
        np.testing.assert_array_equal(array, other)


def test_momentum_moving_statistics_step_count_and_random_state_are_saved(network, tmp_path):
    model = network(seed=1)
    step(model, 0)
    save_state(tmp_path / "state.npz", model, HISTORY)
    with np.load(tmp_path / "state.npz") as saved:
        shapes = sorted(saved[name].shape for name in saved.files if name != "history")
        assert json.loads(str(saved["history"])) == HISTORY
    trained = [(3, 3, 1, 3), (3,), (3,), (3,), (108, 1), (1,)]
    moving_statistics, dropout_seed = [(3,), (3,)], [(2,)]
    steps_and_learning_rate = [(), ()]
    assert shapes == sorted([*trained, *trained, *moving_statistics, *dropout_seed, *steps_and_learning_rate])


def test_the_state_of_another_network_is_rejected(network, tmp_path):
    save_state(tmp_path / "state.npz", network(seed=1), HISTORY)
    with pytest.raises(UserError, match=r"state\.npz is unreadable \(it belongs to another network\)"):
        restore_state(tmp_path / "state.npz", network(seed=1, filters=4))


def test_restoring_weights_changes_no_other_state_of_a_training(network, tmp_path):
    best, last = network(seed=1), network(seed=2)
    save_weights(tmp_path / "best.npz", best)
    step(last, 0)
    momentum = [variable.numpy() for variable in last.optimizer.variables]
    restore_weights(tmp_path / "best.npz", last)
    for array, expected in zip(last.get_weights(), best.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)
    for variable, before in zip(last.optimizer.variables, momentum, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 100])
def test_missing_or_damaged_weights_raise_an_error_with_the_remedy(network, tmp_path, content):
    if content is not None:
        (tmp_path / "best.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"best\.npz is unreadable .*To train from the beginning, delete"):
        restore_weights(tmp_path / "best.npz", network(seed=1))


def test_a_failed_write_keeps_the_old_state(network, tmp_path, monkeypatch):
    model = network(seed=1)
    save_state(tmp_path / "state.npz", model, HISTORY)

    def full(stream, **arrays):
        stream.write(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        save_state(tmp_path / "state.npz", model, HISTORY[:1])
    assert restore_state(tmp_path / "state.npz", model) == HISTORY
    assert [file.name for file in tmp_path.iterdir()] == ["state.npz"]
