"""The trials of the searches, and the recipes of the compared networks in `conf/model/`.

Every network of a data set has the same eight trials: all combinations of four learning rates and two augmentations.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from pipeline.cli.composing import composed
from pipeline.studies.trainings import Candidate, Tuned, tune_candidates

REPLICATES = 2
"""Trainings of each trial, each with its own draw of the validation groups."""
SETTINGS = ("split=tuning", "optimizer=adamw", "training=short", "training.epochs=15")


class Trial(NamedTuple):
    """One learning rate and one augmentation."""

    augmentation: str
    rate: float


class Search(NamedTuple):
    """The searches on one data set.

    Attributes:
        data: name of the data set.
        metric: the validation metric that is maximised.
        rates: learning rates.
        augmentations: the overrides of each augmentation.
        networks: names of the networks, without the ending of their recipes.
        ending: `NETWORK_ENDING` in `conf/model/` is the network with its recipe.
    """

    data: str
    metric: str
    rates: tuple[float, ...]
    augmentations: Mapping[str, tuple[str, ...]]
    networks: tuple[str, ...]
    ending: str

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All combinations, in the order of the report."""
        return tuple(Trial(*one) for one in product(self.augmentations, self.rates))


DIGITS = Search(
    "mnist_sample",
    "accuracy",
    (0.0003, 0.001, 0.003, 0.01),
    {"none": ("augmentation=none",), "shifts": ("augmentation=none", "augmentation.shift=2")},
    ("logistic", "fully_connected", "lecture_cnn", "vgg_bn", "resnet8"),
    "mnist",
)
SOLAR_CELLS = Search(
    "elpv",
    "roc_auc",
    (0.0001, 0.0003, 0.001, 0.003),
    {"none": ("augmentation=none",), "flips and turns": ("augmentation=flips_and_turns",)},
    ("logistic", "fully_connected", "lecture_cnn", "resnet10", "vgg_bn"),
    "elpv",
)


class Found(NamedTuple):
    """A search with its results.

    Attributes:
        search: what was searched.
        tuned: the trainings of each trial, by network and trial.
        recipes: the trial that each network has as its recipe in `conf/model/`; None if it has another recipe.
    """

    search: Search
    tuned: Mapping[str, Mapping[Trial, Tuned]]
    recipes: Mapping[str, Trial | None]

    def score(self, network: str, trial: Trial) -> float:
        """The mean validation score of a trial."""
        values = self.tuned[network][trial].scores
        return sum(values) / len(values)

    def best(self, network: str) -> Trial:
        """The trial with the best mean validation score, the first of equal ones."""
        return max(self.search.trials, key=lambda trial: self.score(network, trial))


def run(search: Search) -> Found:
    """Train every trial of a search that has no stored result."""
    trained = tune_candidates(
        [
            Candidate(_label(network, trial), _overrides(search, network, trial))
            for network in search.networks
            for trial in search.trials
        ],
        replicates=REPLICATES,
        metric=search.metric,
    )
    return Found(
        search,
        {network: {trial: trained[_label(network, trial)] for trial in search.trials} for network in search.networks},
        {network: recipe(search, network) for network in search.networks},
    )


def recipe(search: Search, network: str) -> Trial | None:
    """The trial with the network, optimizer and augmentation of a model file in `conf/model/`."""
    of_file = _settings((f"model={network}_{search.ending}", f"data={search.data}", *SETTINGS, "augmentation=none"))
    return next((one for one in search.trials if _settings(_overrides(search, network, one)) == of_file), None)


def _settings(overrides: Sequence[str]) -> tuple[object, ...]:
    sections = composed("experiment", overrides)
    model, optimizer = sections["model"], sections["optimizer"]
    options = {name: value for name, value in optimizer.options.items() if value is not None}
    chosen = (optimizer.name, optimizer.learning_rate, options, optimizer.schedule)
    return model.architecture, model.options, chosen, sections["augmentation"]


def _overrides(search: Search, network: str, trial: Trial) -> tuple[str, ...]:
    rate = f"optimizer.learning_rate={trial.rate}"
    return (f"model={network}", f"data={search.data}", *SETTINGS, rate, *search.augmentations[trial.augmentation])


def _label(network: str, trial: Trial) -> str:
    return f"{network}, {trial.augmentation}, {trial.rate}"
