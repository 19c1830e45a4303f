"""The protocol that several studies share: rates chosen on tuning digits, scores by repeated folds, compared in pairs.

A quarter of the digits of a data set, the tuning digits, is never tested. On these a learning rate is chosen for each
network, with the same number of rates for all. The others are tested in two repetitions of five folds, each digit once
per repetition. Replicate r of every network has the same training, validation and test digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pipeline.data.prepared import read_manifest
from pipeline.statistics.analysis import analyse
from pipeline.statistics.results import Certainty, Estimate, Pair
from pipeline.studies.trainings import Candidate, Trained, train_candidates

# The seed differs from that of `dvc repro`, whose test digits no study of networks should influence.
TUNING = ("augmentation=none", "split=tuning", "split.seed=1")
TESTED = ("augmentation=none", "split=kfold_tuned", "split.seed=1")
FOLDS = 5
REPLICATES = 10
TRIES = 2
"""Trainings of each network with each rate, on different training and validation images of the tuning digits."""
MARGIN = 0.01
"""Accuracies that differ by less are practically the same; that of the comparison in `conf/comparison.yaml`."""


class Network(NamedTuple):
    """A network and its training: the name in the report, Hydra overrides, and the learning rates to choose from."""

    label: str
    overrides: tuple[str, ...]
    rates: tuple[float, ...]


class Choice(NamedTuple):
    """The mean validation accuracy on tuning digits by learning rate, and the rate with the highest."""

    accuracies: Mapping[float, float]
    rate: float

    @property
    def at_edge(self) -> bool:
        """Whether the rate is the lowest or the highest of several, so that one outside might be better."""
        return len(self.accuracies) > 1 and self.rate in (min(self.accuracies), max(self.accuracies))


@dataclass(frozen=True)
class Measured:
    """The result of a study: the choices and the trained networks by label, and their comparison by accuracy.

    `manifest` describes the data set (`pipeline.data.prepared.manifest`).
    """

    manifest: Mapping[str, Any]
    choices: Mapping[str, Choice]
    trained: Mapping[str, Trained]
    certainty: Certainty

    def estimate(self, label: str) -> Estimate:
        """The test accuracy of a network with its interval."""
        return next(one for one in self.certainty.estimates if one.model == label)

    def pair(self, one: str, other: str) -> Pair:
        """The comparison of two networks."""
        return self.certainty.pair(one, other)


def measure(networks: Sequence[Network], *, data: str, replicates: int = REPLICATES) -> Measured:
    """Choose a learning rate for each network that has several, train with it, and compare the test accuracies.

    `data` is a file of conf/data. `replicates` must be a multiple of `FOLDS` for intervals that include the choice of
    the test images.
    """
    choices = choose_rates(networks, data=data)
    trained = train_candidates(
        [Candidate(one.label, _settings(one, data, TESTED, choices[one.label].rate)) for one in networks],
        replicates=replicates,
    )
    predictions = {label: one.predictions for label, one in trained.items()}
    manifest = read_manifest(trained[networks[0].label].prepared)
    return Measured(manifest, choices, trained, analyse("accuracy", predictions, margin=MARGIN, folds=FOLDS))


def choose_rates(networks: Sequence[Network], *, data: str, tries: int = TRIES) -> dict[str, Choice]:
    """The learning rate of each network with the highest mean validation accuracy on tuning digits.

    Equal accuracies are decided by the lower loss. A network with one rate is not trained.
    """
    several = [one for one in networks if len(one.rates) > 1]
    candidates = {
        (one.label, rate): Candidate(f"{one.label}, rate {rate:g}", _settings(one, data, TUNING, rate))
        for one in several
        for rate in one.rates
    }
    trained = train_candidates(list(candidates.values()), replicates=tries) if candidates else {}
    choices = {}
    for network in networks:
        if len(network.rates) == 1:
            choices[network.label] = Choice({}, network.rates[0])
            continue
        of_rate = {rate: trained[candidates[network.label, rate].label] for rate in network.rates}
        accuracy = {rate: _validation(one, "accuracy") for rate, one in of_rate.items()}
        loss = {rate: _validation(one, "log_loss") for rate, one in of_rate.items()}
        choices[network.label] = Choice(accuracy, max(network.rates, key=lambda r: (accuracy[r], -loss[r])))
    return choices


def _settings(network: Network, data: str, split: tuple[str, ...], rate: float) -> tuple[str, ...]:
    return (*network.overrides, f"data={data}", *split, f"optimizer.learning_rate={rate:g}")


def _validation(trained: Trained, metric: str) -> float:
    return float(np.mean([one[metric] for one in trained.validation]))
