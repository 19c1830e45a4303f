"""Choose the champion: the network of a comparison that is put to use, and which of its trainings.

The verdicts, which come from test images, rule out models. Among those that they leave, validation scores choose, so
that the test score of the champion is not the best of several. Of models that are practically as good, the cheapest is
chosen. Its replicate is the one with the median validation score, because its test score is a typical one.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from pipeline.config.schema import ChampionConfig
from pipeline.counts import number_of
from pipeline.errors import UserError, unknown
from pipeline.evaluation.metrics import metric_named
from pipeline.reporting.content import Champion, Comparison, ModelResult, metric_label
from pipeline.reporting.costs import price
from pipeline.reporting.text.quantities import listed, mean, score


def with_champion(comparison: Comparison, config: ChampionConfig, usable: Collection[str]) -> Comparison:
    """Return the comparison with its champion; `usable` are the networks that need nothing but an image.

    Raises:
        UserError: `config` names a model that is not compared, or that cannot be the champion.
    """
    chosen = _by_person(comparison, config, usable) if config.model else _by_comparison(comparison, usable)
    if chosen.model is not None:
        model = next(one for one in comparison.models if one.name == chosen.model)
        chosen = _with_replicates(chosen, model, config.replicate, comparison.primary_metric)
    return replace(comparison, champion=chosen)


def median_replicate(scores: Collection[float]) -> int:
    """Return the position of the median score; of two middle ones, the lower. NaN is lower than any score.

    >>> median_replicate([0.9, 0.7, 0.8, 0.6])
    1
    """
    order = np.argsort(np.nan_to_num(list(scores), nan=-np.inf), kind="stable")
    return int(order[(len(order) - 1) // 2])


def _by_person(comparison: Comparison, config: ChampionConfig, usable: Collection[str]) -> Champion:
    names = [model.name for model in comparison.networks]
    if config.model not in names:
        raise unknown("network of the comparison", str(config.model), names)
    if config.model not in usable:
        raise UserError(
            f"'{config.model}' cannot be the champion, because it needs other inputs than an image, or "
            "predicts something else than the class of an image. Set `model` in conf/champion.yaml to null or to "
            f"one of {listed(list(usable))}."
        )
    why = (config.why or "no reason is recorded").rstrip(".")
    return Champion(config.model, f"A person chose {config.model}: {why}.", by_person=True)


def _by_comparison(comparison: Comparison, usable: Collection[str]) -> Champion:
    certainty = comparison.certainty
    better = [name for name in certainty.unbeaten if name in comparison.baselines]
    if better:
        return Champion(None, f"There is no champion, because no network is shown to be better than {better[-1]}.")
    metric = comparison.primary_metric
    able = [model for model in comparison.networks if model.name in certainty.unbeaten and model.name in usable]
    if not able:
        return Champion(
            None,
            "There is no champion, because every network that predicts the class of an image from its pixels alone is "
            "shown to be worse than another model.",
        )
    left = {model.name: mean(_validation(model, metric)) for model in able}
    left = {name: value for name, value in left.items() if np.isfinite(value)}
    if not left:
        return Champion(
            None,
            f"There is no champion, because the validation {metric_label(metric)} of "
            f"{listed([model.name for model in able])} is undefined in some replicate.",
        )
    return _cheapest_of_best(comparison, left)


def _validation(model: ModelResult, metric: str) -> list[float]:
    """The validation score of each replicate; NaN if the metric is undefined for the images of some replicate."""
    count = len(next(iter(model.validation.values())))
    return list(model.validation.get(metric, [np.nan] * count))


def _cheapest_of_best(comparison: Comparison, left: dict[str, float]) -> Champion:
    """The cheapest of the models that are as good as the best by validation; `left` are mean scores by model."""
    certainty, costs = comparison.certainty, comparison.decisive_costs
    label, sign = metric_label(comparison.primary_metric), _sign(comparison.primary_metric)
    best = max(left, key=lambda name: (sign * left[name], -costs.get(name, np.inf)))
    close = [
        name
        for name in left
        if name == best
        or abs(left[name] - left[best]) <= certainty.margin
        or certainty.pair(best, name).verdict == "same"
    ]
    remaining = f"{number_of(len(left), 'network')} remain: no model is shown to be better than any of them."
    if len(close) > 1 and all(name in costs for name in close):
        chosen = min(close, key=lambda name: (costs[name], -sign * left[name]))
        means = listed([f"{name} {score(left[name])}" for name in sorted(close, key=lambda name: -sign * left[name])])
        reason = (
            f"{remaining} On validation images, {len(close)} of them are practically the same (mean {label}: {means}). "
            f"Of these, {chosen} is the cheapest ({price(costs[chosen])})."
        )
    elif len(left) == 1:
        chosen = best
        reason = f"{best} is the only network that no model is shown to be better than."
    else:
        chosen = best
        reason = f"{remaining} Of these, {best} has the best mean validation {label} ({score(left[best])})."
    return Champion(chosen, reason)


def _with_replicates(chosen: Champion, model: ModelResult, which: str, metric: str) -> Champion:
    scores = _validation(model, metric)
    if which == "ensemble":
        together = f"All {len(scores)} replicates predict together: the mean of their probabilities."
        return chosen._replace(replicates=tuple(range(len(scores))), reason=f"{chosen.reason} {together}")
    place = median_replicate([_sign(metric) * value for value in scores])
    number, label = f"Replicate {place + 1} of {len(scores)}", f"validation {metric_label(metric)}"
    if np.isfinite(scores[place]):
        which_one = f"{number} has the median {label} ({score(scores[place])})."
    else:
        which_one = f"{number} is packaged, because the median {label} is undefined."
    return chosen._replace(replicates=(place,), reason=f"{chosen.reason} {which_one}")


def _sign(metric: str) -> int:
    return -1 if metric_named(metric).lower_is_better else 1
