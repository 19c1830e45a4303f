"""Text, tables and numbers of the searches for recipes."""

from collections.abc import Mapping
from typing import Any

from pipeline.counts import number_of
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import listed, score
from pipeline.studies.recipes.recipe_searches import DIGITS, REPLICATES, SOLAR_CELLS, Found, Trial

METRICS = {"accuracy": "accuracy", "roc_auc": "ROC AUC"}


def text(found: Mapping[str, Found]) -> str:
    """Return the report as Markdown; `found` has the searches by data set."""
    return template("recipes.md.j2", package=__package__, autoescape=False).render(
        answer=answer(found),
        digits=scores_table(found[DIGITS.data]),
        cells=scores_table(found[SOLAR_CELLS.data]),
        replicates=REPLICATES,
        edges=sum(one.best(network).rate in _edges(one) for one in found.values() for network in one.search.networks),
        minutes={name: f"{_seconds(one) / 60:.0f}" for name, one in found.items()},
    )


def answer(found: Mapping[str, Found]) -> str:
    """How many recipes in `conf/model/` are the best trial of their search, and by how much the others are worse."""
    networks = [(one, network) for one in found.values() for network in one.recipes]
    others = [(one, network) for one, network in networks if one.recipes[network] != one.best(network)]
    first = (
        f"For {len(networks) - len(others)} of {len(networks)} recipes in `conf/model/` (five networks on each of two "
        f"data sets), yes: of the {number_of(len(DIGITS.trials), 'trial')} of the repeated search, the recipe has the "
        "best mean validation score."
    )
    if not others:
        return first
    return f"{first} The recipe of {listed([_other(one, network) for one, network in others])}."


def _other(found: Found, network: str) -> str:
    name, recipe, best = f"`{network}_{found.search.ending}`", found.recipes[network], found.best(network)
    if recipe is None:
        return f"{name} was not among the trials"
    return (
        f"{name} ({_trial(recipe)}) has {score(found.score(network, recipe))}, the best trial ({_trial(best)}) "
        f"{score(found.score(network, best))}"
    )


def scores_table(found: Found) -> Table:
    """A row per trial and a column per network: the mean validation scores."""
    search = found.search
    rows = [
        (
            trial.augmentation,
            f"{trial.rate:g}",
            *(f"{score(found.score(network, trial))}{_mark(found, network, trial)}" for network in search.networks),
        )
        for trial in search.trials
    ]
    return Table(
        caption=f"Mean validation {METRICS[search.metric]} of {number_of(REPLICATES, 'replicate')}. ▲: the best trial "
        f"of the network. ●: its recipe in conf/model/NETWORK_{search.ending}.yaml.",
        header=("augmentation", "learning rate", *search.networks),
        rows=tuple(rows),
    )


def _mark(found: Found, network: str, trial: Trial) -> str:
    signs = ("▲" if trial == found.best(network) else "") + ("●" if trial == found.recipes[network] else "")
    return f" {signs}" if signs else ""


def results(found: Mapping[str, Found]) -> dict[str, Any]:
    """The validation score of every replicate, by data set, network and trial, and the recipes."""
    return {
        name: {
            network: {
                "trials": [
                    {"augmentation": trial.augmentation, "learning_rate": trial.rate, "scores": list(tuned.scores)}
                    for trial, tuned in one.tuned[network].items()
                ],
                "recipe": chosen._asdict() if (chosen := one.recipes[network]) else None,
            }
            for network in one.search.networks
        }
        for name, one in found.items()
    }


def _edges(found: Found) -> tuple[float, float]:
    """The lowest and the highest learning rate."""
    return min(found.search.rates), max(found.search.rates)


def _trial(trial: Trial) -> str:
    return f"{trial.rate:g}, augmentation {trial.augmentation}"


def _seconds(found: Found) -> float:
    """The duration of all trainings of a search."""
    return sum(sum(one.seconds) for trials in found.tuned.values() for one in trials.values())
