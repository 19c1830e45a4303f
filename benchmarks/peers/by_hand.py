"""The sweep as a plain script: Optuna's `study.optimize`, one trial after the other, nothing stored.

It uses multivariate TPE and the median pruner, like `convtrack_optuna`, and TensorFlow's default number of threads. It
clears the Keras session before each trial, as in Optuna's examples.

    python -m benchmarks.peers.by_hand PROBLEM
"""

import sys
from typing import Any

import keras
import optuna

from benchmarks.peers.problem import (
    SPACE,
    Choice,
    Interval,
    Problem,
    TrialRecord,
    arrays,
    network,
    stopwatch,
    write_record,
)


class Pruning(keras.callbacks.Callback):  # type: ignore[misc]
    """Report the validation loss of each epoch and stop a trial that the pruner rejects."""

    def __init__(self, trial: optuna.Trial) -> None:
        """Report to this trial."""
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report the loss; raise if the trial is pruned."""
        self.trial.report(logs["val_loss"], epoch + 1)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """A point of the search space."""
    values: dict[str, Any] = {}
    for name, setting in SPACE.items():
        if isinstance(setting, Choice):
            values[name] = trial.suggest_categorical(name, setting.values)
        elif isinstance(setting, Interval):
            values[name] = trial.suggest_float(name, setting.low, setting.high, log=setting.log)
        else:
            values[name] = trial.suggest_int(name, setting.low, setting.high, step=setting.step)
    return values


def main() -> None:
    """Run the sweep."""
    problem = Problem.read(sys.argv[1])
    train, train_labels, validation, validation_labels = arrays(problem)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    keras.utils.set_random_seed(problem.seed)

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        values = suggest(trial)
        batch_size = values.pop("batch_size")
        model = network(train.shape[1:], int(train_labels.max()) + 1, **values)
        watch = stopwatch()
        try:
            history = model.fit(
                train,
                train_labels,
                batch_size=batch_size,
                epochs=problem.epochs,
                validation_data=(validation, validation_labels),
                callbacks=[watch, Pruning(trial)],
                verbose=0,
            )
        finally:
            trial.set_user_attr("seconds", watch.spent)
        return float(min(history.history["val_loss"]))

    def on_trial(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        assert trial.datetime_start is not None and trial.datetime_complete is not None
        complete = trial.state == optuna.trial.TrialState.COMPLETE
        seconds = trial.user_attrs["seconds"]
        began, ended = trial.datetime_start.timestamp(), trial.datetime_complete.timestamp()
        write_record(problem, TrialRecord(began, ended, trial.value if complete else None, len(seconds), sum(seconds)))

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(multivariate=True, seed=problem.seed),
        pruner=optuna.pruners.NopPruner() if problem.configurations else optuna.pruners.MedianPruner(),
    )
    for configuration in problem.configurations:
        study.enqueue_trial(dict(configuration))
    study.optimize(objective, n_trials=problem.trials, callbacks=[on_trial])


if __name__ == "__main__":
    main()
