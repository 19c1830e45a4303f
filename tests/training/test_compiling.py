import re

import numpy as np
import pytest

from pipeline.errors import UserError


@pytest.fixture(scope="module")
def compiling(tensorflow):
    from pipeline.training import compiling

    return compiling


@pytest.fixture
def optimizer(compiling):
    def made(name="SGD", learning_rate=0.1, options=None, *, schedule=None, steps=100):
        return compiling.make_optimizer(name, learning_rate, options or {}, schedule=schedule, steps=steps)

    return made


def rates(optimizer, steps):
    return [float(optimizer._learning_rate(step)) for step in steps]


@pytest.mark.parametrize(
    ("outputs", "truth", "loss", "accuracy"),
    [
        ([[0.8], [0.3]], [[1], [1]], -(np.log(0.8) + np.log(0.3)) / 2, 0.5),
        ([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], [[0], [1]], -(np.log(0.7) + np.log(0.3)) / 2, 0.5),
    ],
    ids=["one sigmoid", "a softmax"],
)
def test_the_loss_is_the_cross_entropy_that_fits_the_output(compiling, optimizer, outputs, truth, loss, accuracy):
    import keras

    model = keras.Sequential([keras.Input((len(outputs[0]),)), keras.layers.Identity()])
    compiling.compile_model(model, optimizer())
    metrics = model.evaluate(np.array(outputs, np.float32), np.array(truth, np.float32), verbose=0, return_dict=True)
    assert metrics == {"loss": pytest.approx(loss, rel=1e-5), "accuracy": accuracy}


MIXED = {
    "one sigmoid": ([[0.8], [0.3]], [[0.75], [0.1]], (0.75 + 0.9) / 2),
    "a softmax": ([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], [[0.6, 0.4, 0], [0, 0.25, 0.75]], (0.6 + 0.75) / 2),
}


@pytest.mark.parametrize(("outputs", "truth", "accuracy"), MIXED.values(), ids=MIXED)
def test_with_probabilities_as_targets_the_loss_is_their_cross_entropy_and_accuracy_counts_shares(
    compiling, optimizer, outputs, truth, accuracy
):
    import keras

    outputs, truth = np.array(outputs, np.float32), np.array(truth, np.float32)
    model = keras.Sequential([keras.Input((outputs.shape[1],)), keras.layers.Identity()])
    compiling.compile_model(model, optimizer(), probabilities=True)
    full = [np.concatenate([1 - one, one], axis=1) if one.shape[1] == 1 else one for one in (outputs, truth)]
    loss = -(full[1] * np.log(full[0])).sum(axis=1).mean()
    metrics = model.evaluate(outputs, truth, verbose=0, return_dict=True)
    assert metrics == {"loss": pytest.approx(loss, rel=1e-5), "accuracy": pytest.approx(accuracy, rel=1e-5)}


@pytest.mark.parametrize("units", [1, 4])
def test_for_certain_labels_both_kinds_of_targets_have_one_loss_and_one_accuracy(compiling, optimizer, units):
    import keras

    random = np.random.default_rng(0)
    outputs = random.dirichlet(np.ones(max(units, 2)), 50)[:, -units:].astype(np.float32)
    labels = random.integers(max(units, 2), size=50)
    probabilities = labels[:, None] if units == 1 else np.eye(units)[labels]
    found = []
    for given, targets in ((False, labels[:, None]), (True, probabilities)):
        model = keras.Sequential([keras.Input((units,)), keras.layers.Identity()])
        compiling.compile_model(model, optimizer(), probabilities=given)
        found.append(model.evaluate(outputs, targets.astype(np.float32), verbose=0, return_dict=True))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_options_are_passed_to_the_optimizer(optimizer):
    made = optimizer(options={"momentum": 0.9, "nesterov": True, "clipnorm": 1.0}).get_config()
    assert (made["momentum"], made["nesterov"], made["clipnorm"]) == (0.9, True, 1.0)
    assert made["learning_rate"] == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_an_option_that_is_null_gets_the_default_of_keras(optimizer, name):
    import keras

    plain = getattr(keras.optimizers, name)(learning_rate=0.1).get_config()
    made = optimizer(name, options=dict.fromkeys(set(plain) - {"name", "learning_rate"}))
    assert len(plain) > 5
    assert made.get_config() | {"name": plain["name"]} == plain


def test_the_message_for_an_unknown_optimizer_lists_the_available_ones(optimizer):
    with pytest.raises(UserError, match=r"'RMSProp'\. Did you mean 'RMSprop'\? Available: .*Adam, .*SGD"):
        optimizer("RMSProp")


@pytest.mark.parametrize("name", ["Optimizer", "Callable", "optimizers", "__doc__"])
def test_other_names_in_keras_optimizers_are_unknown_optimizers(optimizer, name):
    with pytest.raises(UserError, match=f"Unknown optimizer '{name}'") as raised:
        optimizer(name)
    assert name not in str(raised.value).split("Available: ")[1].rstrip(".").split(", ")


def test_the_message_for_an_unknown_schedule_suggests_the_nearest_one(optimizer):
    with pytest.raises(UserError, match=r"Unknown schedule 'CosinDecay'\. Did you mean 'CosineDecay'\?"):
        optimizer(schedule=("CosinDecay", {}))
    with pytest.raises(UserError, match="Unknown schedule 'LearningRateSchedule'"):
        optimizer(schedule=("LearningRateSchedule", {}))


def test_the_message_for_an_unknown_option_suggests_the_nearest_or_lists_the_available_ones(optimizer):
    with pytest.raises(UserError, match=r"Unknown option of optimizer SGD 'momentm'\. Did you mean 'momentum'\?"):
        optimizer(options={"momentm": 0.9})
    with pytest.raises(UserError, match=r"Unknown option of schedule CosineDecay 'decay'.*alpha, decay_steps"):
        optimizer(schedule=("CosineDecay", {"decay": 3}))


def test_an_option_cannot_override_the_learning_rate(optimizer):
    with pytest.raises(UserError, match="Unknown option of optimizer SGD 'learning_rate'"):
        optimizer(options={"learning_rate": 0.5})
    with pytest.raises(UserError, match="Unknown option of schedule CosineDecay 'initial_learning_rate'"):
        optimizer(schedule=("CosineDecay", {"initial_learning_rate": 0.5}))


@pytest.mark.parametrize(
    ("options", "schedule"),
    [
        ({"momentum": 2}, None),
        ({}, ("CosineDecay", {"decay_steps": 0})),
    ],
)
def test_a_value_that_keras_rejects_gives_a_message_of_one_sentence(optimizer, options, schedule):
    name, value = next(iter({**options, **(schedule[1] if schedule else {})}.items()))
    with pytest.raises(UserError, match=f"^Keras rejects the options .*{re.escape(name)}") as raised:
        optimizer(options=options, schedule=schedule)
    assert "\n" not in str(raised.value)
    assert value is None or repr(value) in str(raised.value)


def test_a_cosine_lasts_as_long_as_the_training(optimizer):
    made = optimizer(learning_rate=0.4, schedule=("CosineDecay", {}), steps=100)
    # Loshchilov & Hutter 2017, equation 5.
    by_hand = [0.2 * (1 + np.cos(np.pi * step / 100)) for step in (0, 25, 50, 75, 100)]
    assert rates(made, (0, 25, 50, 75, 100)) == pytest.approx(by_hand, abs=1e-7)


def test_a_schedule_keeps_its_own_number_of_steps(optimizer):
    made = optimizer(learning_rate=0.4, schedule=("CosineDecay", {"decay_steps": 10, "alpha": 0.5}), steps=100)
    assert rates(made, (0, 10, 100)) == pytest.approx([0.4, 0.2, 0.2])


def test_a_schedule_of_given_values_ignores_the_learning_rate(optimizer):
    made = optimizer(schedule=("PiecewiseConstantDecay", {"boundaries": [5], "values": [0.3, 0.03]}))
    assert rates(made, (0, 6)) == pytest.approx([0.3, 0.03])


@pytest.mark.parametrize(
    ("options", "schedule", "sentence"),
    [
        ({"momentum": "0.9"}, None, "Option 'momentum' of optimizer SGD must be a number, or a list of them."),
        ({"clipnorm": "x"}, None, "Option 'clipnorm' of optimizer SGD must be a number, or a list of them."),
        ({"nesterov": 1}, None, "Option 'nesterov' of optimizer SGD must be true or false. Received 1."),
        ({}, ("ExponentialDecay", {"decay_rate": None}), "Option 'decay_rate' of schedule ExponentialDecay is missing"),
        ({}, ("CosineDecay", {"alpha": "five"}), "Option 'alpha' of schedule CosineDecay must be a number"),
        ({"use_ema": True}, None, "`optimizer.options.use_ema` is not supported"),
    ],
)
def test_an_error_that_keras_would_raise_in_training_is_raised_before_it_starts(optimizer, options, schedule, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}"):
        optimizer(options=options, schedule=schedule)


def test_optimizers_that_wrap_another_are_not_offered(optimizer):
    with pytest.raises(UserError, match="Unknown optimizer 'MultiOptimizer'"):
        optimizer(name="MultiOptimizer")


def test_an_optimizer_that_copies_the_initial_weights_gets_them(tensorflow):
    """Keras 3.15 would build ScheduleFreeAdamW in the traced step, where its copy of the weights is zero."""
    import keras

    from pipeline.training.compiling import compile_model

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax", kernel_initializer="ones")])
    compile_model(model, keras.optimizers.ScheduleFreeAdamW(0.01))
    kernels = [variable.numpy() for variable in model.optimizer.variables if tuple(variable.shape) == (4, 2)]
    assert any((kernel == 1).all() for kernel in kernels)
