"""Keras' `fit` and the explicit loop give bit-identical results."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import VALIDATION
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import Columns, portion

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

FORMS = [None, "two inputs", "two outputs", "pairs", "pairs, two outputs"]
PATIENT = {"keep": "best", "patience": 2, "epochs": 30, "learning_rate": 0.2}


class Interruption(Exception):
    pass


@pytest.fixture
def trained(project, tensorflow, tasks, outcome):
    """Train the first replicate in this working directory; return its outcome and the reported histories."""
    from pipeline.training.replicate import train_replicate

    def made(form=None, *, interrupted_after=None, **changes):
        task = tasks(form=form, **changes)[0]
        reported = []

        def on_progress(progress):
            reported.append(
                [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in progress.history]
            )
            if len(progress.history) == interrupted_after:
                raise Interruption

        if interrupted_after is not None:
            with pytest.raises(Interruption):
                train_replicate(task, on_progress)
            return None, reported
        train_replicate(task, on_progress)
        found = outcome(task.result)
        for name in ("fingerprint", "model_fingerprint"):
            assert found.record.pop(name) == getattr(task, name)
        return found, reported

    return made


@pytest.mark.parametrize("batch_size", [8, 42], ids=["some left over", "one batch"])
def test_both_loops_give_the_same_bits_and_report_the_same_numbers(trained, batch_size):
    changes = {"batch_size": batch_size, "epochs": 2, "evaluation_batch_size": 4}
    fitted, reported = trained(loop="fit", **changes)
    explicit, reported_explicitly = trained(loop="explicit", **changes)
    assert explicit == fitted
    assert reported_explicitly == reported
    assert len(reported) == 3


@pytest.mark.parametrize("form", FORMS)
def test_a_resumed_explicit_loop_gives_the_same_bits_as_an_uninterrupted_fit(trained, form):
    changes = {"batch_size": 7, "epochs": 3, "evaluation_batch_size": 4}
    if form != "pairs":
        changes["class_weights"] = "balanced"
    fitted, reported = trained(form, loop="fit", **changes)
    _, reported_before = trained(form, loop="explicit", interrupted_after=1, **changes)
    resumed, reported_after = trained(form, loop="explicit", **changes)
    assert resumed == fitted
    assert reported_before + reported_after == reported
    assert [len(history) for history in reported] == [0, 1, 2, 3]


def test_a_resumed_fit_uses_the_pairs_and_columns_of_its_epoch(trained):
    form = "pairs, two outputs"
    trained(form, loop="fit", epochs=3, interrupted_after=1)
    resumed, _ = trained(form, loop="fit", epochs=3)
    assert resumed == trained(form, loop="explicit", epochs=3)[0]


@pytest.mark.parametrize("steps", [1, 3, 100])
def test_the_number_of_steps_between_returns_to_python_does_not_change_a_result(trained, monkeypatch, steps):
    from pipeline.training import loops

    changes = {"batch_size": 4, "epochs": 2}  # 10 batches in an epoch
    explicit, reported_explicitly = trained(loop="explicit", **changes)
    monkeypatch.setattr(loops, "STEPS_PER_EXECUTION", steps)
    fitted, reported = trained(loop="fit", **changes)
    assert fitted == explicit
    assert reported == reported_explicitly


def test_class_weights_change_the_trained_weights(trained):
    plain, weighted = (trained(epochs=1, class_weights=weights)[0].weights for weights in ("none", "balanced"))
    assert plain != weighted


def test_patience_ends_both_loops_at_the_same_epoch_with_the_same_kept_weights(trained):
    fitted, reported = trained(loop="fit", **PATIENT)
    explicit, reported_explicitly = trained(loop="explicit", **PATIENT)
    assert explicit == fitted
    assert reported_explicitly == reported
    assert fitted.record["epochs"] < 30
    assert fitted.record["kept_epoch"] == fitted.record["epochs"] - 2


def test_each_output_has_the_validation_loss_and_accuracy_of_its_own_predictions(trained, tasks, typed):
    from pipeline.training.predict import trained_network

    form = "pairs, two outputs"
    trained(form, epochs=2)
    (task, _) = tasks(form=form, epochs=2)
    last = pd.read_csv(task.result.history).iloc[-1]
    held_out = portion(read_prepared(typed), 0, VALIDATION, Columns.of(task.architecture))
    positions, partners = np.arange(len(held_out)), evaluation_partners(held_out)
    same, label = held_out.targets(positions, partners)
    network = trained_network(task.architecture, task.result)
    outputs = network(held_out.inputs(positions, partners))
    same_probabilities, label_probabilities = (class_probabilities(np.asarray(output)) for output in outputs)

    losses = [log_loss(same, same_probabilities), log_loss(label, label_probabilities, labels=range(3))]
    assert last[["val/loss", "val/output/loss"]].tolist() == pytest.approx(losses, rel=1e-5)
    assert last["val/total_loss"] == pytest.approx(sum(losses), rel=1e-5)
    assert last["val/accuracy"] == pytest.approx(accuracy_score(same, same_probabilities.argmax(axis=1)))
    assert last["val/output/accuracy"] == pytest.approx(accuracy_score(label, label_probabilities.argmax(axis=1)))
    assert {name for name in last.index if name.startswith("train/")} == {
        name.replace("val/", "train/") for name in last.index if name.startswith("val/")
    }
