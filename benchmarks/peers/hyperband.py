"""The sweep with keras-tuner's Hyperband (O'Malley et al. 2019; Li et al. 2018), as in its documentation.

One iteration with the default factor of 3. With up to 9 epochs it has 23 trials, 6 of which resume an earlier one.

    python -m benchmarks.peers.hyperband PROBLEM
"""

import sys
import time
from tempfile import TemporaryDirectory
from typing import Any

import keras_tuner

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


class LectureNetwork(keras_tuner.HyperModel):  # type: ignore[misc]
    """The network and the batch size of a point of the search space."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        """Build networks for images of this shape."""
        super().__init__()
        self.shape, self.classes = shape, classes

    def build(self, hp: Any) -> Any:
        """The network of this point."""
        values: dict[str, Any] = {}
        for name, setting in SPACE.items():
            if isinstance(setting, Choice):
                values[name] = hp.Choice(name, list(setting.values))
            elif isinstance(setting, Interval):
                sampling = "log" if setting.log else "linear"
                values[name] = hp.Float(name, setting.low, setting.high, sampling=sampling)
            else:
                values[name] = hp.Int(name, setting.low, setting.high, step=setting.step)
        del values["batch_size"]
        return network(self.shape, self.classes, **values)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train with the batch size of this point."""
        self.watch = stopwatch()
        # Before the tuner's own callbacks, which save weights, so that saving is not counted as training.
        kwargs["callbacks"] = [self.watch, *kwargs["callbacks"]]
        return model.fit(*args, batch_size=hp.get("batch_size"), **kwargs)


def main() -> None:
    """Run the sweep."""
    problem = Problem.read(sys.argv[1])
    train, train_labels, validation, validation_labels = arrays(problem)
    network_of = LectureNetwork(train.shape[1:], int(train_labels.max()) + 1)

    class RecordedHyperband(keras_tuner.Hyperband):  # type: ignore[misc]
        def _configure_tensorboard_dir(self, *_: Any) -> None:
            # The base method imports TensorBoard, which keras-tuner does not require and this benchmark does not use.
            pass

        def on_trial_begin(self, trial: Any) -> None:
            self.began = time.time()
            super().on_trial_begin(trial)

        def on_trial_end(self, trial: Any) -> None:
            super().on_trial_end(trial)
            spent = network_of.watch.spent
            write_record(problem, TrialRecord(self.began, time.time(), float(trial.score), len(spent), sum(spent)))

    with TemporaryDirectory() as scratch:
        settings = {"max_epochs": problem.epochs, "seed": problem.seed, "directory": scratch}
        tuner = RecordedHyperband(network_of, "val_loss", **settings)
        tuner.search(train, train_labels, validation_data=(validation, validation_labels), verbose=0)


if __name__ == "__main__":
    main()
