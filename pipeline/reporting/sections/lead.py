"""The first screen of the report: the answer, the figure of scores and costs, and the table of the models."""

from pipeline.counts import number_of
from pipeline.evaluation.metrics import metric_named
from pipeline.reporting.blocks import Beside, Block, Link, Paragraph, Picture, TableBlock
from pipeline.reporting.content import Champion, Comparison, metric_label
from pipeline.reporting.costs import DECISIVE
from pipeline.reporting.figures.scores_and_costs import ScoresAndCosts, scores_and_costs, scores_and_costs_figure
from pipeline.reporting.tables.models import lead_table
from pipeline.reporting.tables.pairs import tie_letters
from pipeline.reporting.text import reuse
from pipeline.reporting.text.conclusions import conclusion
from pipeline.reporting.text.quantities import capitalized, count, interval, listed, score


def title(comparison: Comparison) -> str:
    """Return the title of the report."""
    return f"Comparison on {comparison.data.title}"


def blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Return the answer with its support, a warning if test images were used before, the figure and the table."""
    concluded = conclusion(comparison.certainty, comparison.decisive_costs, baselines=comparison.baselines)
    parts: list[Block] = [Paragraph(concluded.answer, "answer")]
    support = (
        *concluded.support,
        *_same_configurations(comparison),
        *_failed_trainings(comparison),
        _compared(comparison),
    )
    parts.append(Paragraph(" ".join(support), "support"))
    if reuse.warning_needed(comparison):
        parts.append(Paragraph(" ".join(reuse.sentences(comparison)), "warning"))
    table = TableBlock(lead_table(comparison, tie_letters(comparison.certainty)))
    values = scores_and_costs(comparison, (DECISIVE,))
    if values.rows:
        figure = scores_and_costs_figure(values, recommended=concluded.model)
        parts.append(Beside((Picture("scores-and-costs", description(values), figure), table)))
    else:
        parts.append(table)
    if comparison.champion is not None:
        parts.append(Paragraph(champion_text(comparison.champion)))
    parts += [
        Paragraph(
            f"{model.name} predicts {model.other_target}, so its scores cannot be compared with those of the others."
        )
        for model in comparison.models
        if model.other_target is not None
    ]
    if comparison.tracking_link:
        parts.append(Link("Open the runs in MLflow", comparison.tracking_link))
    return tuple(parts)


def champion_text(champion: Champion) -> str:
    """The champion and the reason, as one paragraph."""
    return champion.reason if champion.model is None else f"Champion: {champion.model}. {champion.reason}"


def description(values: ScoresAndCosts) -> str:
    """The figure in words, for people who cannot see it."""

    def row_text(place: int) -> str:
        row = values.rows[place]
        ends = interval(row.low, row.high)
        amounts = [f"{row.cost_text(number, cost)} {cost.label}" for number, cost in enumerate(values.costs)]
        return f"{row.model} {score(row.mean)}{f' ({ends})' if ends else ''} at {listed(amounts)}"

    rows = "; ".join(map(row_text, range(len(values.rows))))
    tied = [
        listed([values.rows[place].model for place in places]) for places in values.ties.values() if len(places) > 1
    ]
    ties = f" Tied: {'; '.join(tied)}." if tied else ""
    return f"{capitalized(metric_label(values.metric))} with interval and cost, the cheapest model first: {rows}.{ties}"


def _same_configurations(comparison: Comparison) -> list[str]:
    """A sentence per set of networks whose trainings are the same, because only their names differ."""
    names: dict[str, list[str]] = {}
    for model in comparison.networks:
        names.setdefault(model.fingerprint, []).append(model.name)
    return [f"{listed(same)} are the same configuration." for same in names.values() if len(same) > 1]


def _failed_trainings(comparison: Comparison) -> list[str]:
    """A sentence per network with replicates that are no better than the most frequent class, within the margin."""
    metric = comparison.primary_metric
    trivial = next((model for model in comparison.comparable if model.name == "most_frequent"), None)
    if trivial is None:
        return []
    sign = -1 if metric_named(metric).lower_is_better else 1
    sentences = []
    for model in comparison.networks:
        scores = model.scores[metric] if model.other_target is None else ()
        pairs = list(zip(scores, trivial.scores[metric], strict=False))
        failed = sum(sign * (own - base) <= comparison.certainty.margin for own, base in pairs)
        if failed:
            sentences.append(
                f"In {failed} of {number_of(len(pairs), 'replicate')}, {model.name} is no better than always "
                "predicting the most frequent class."
            )
    return sentences


def _compared(comparison: Comparison) -> str:
    trainings = "1 training" if comparison.replicates_range == "1" else f"{comparison.replicates_range} trainings"
    each = " each" if len(comparison.networks) > 1 else ""
    networks = f"{number_of(len(comparison.networks), 'network')}, {trainings}{each}"
    tested, images = comparison.certainty.images, comparison.data.images
    if not tested:
        return f"{networks}."
    which = f"all {count(images)}" if tested == images else f"{count(tested)} of {count(images)}"
    return f"{networks}; {which} images are used for testing."
