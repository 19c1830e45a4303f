"""All costs of the models, and what a higher cost gains."""

from pipeline.reporting.blocks import Block, Bullets, Paragraph, Picture, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.costs import DECISIVE, DRAWN
from pipeline.reporting.figures.scores_and_costs import scores_and_costs, scores_and_costs_figure
from pipeline.reporting.sections.lead import description
from pipeline.reporting.tables.models import details_table
from pipeline.reporting.text.pareto import front, front_sentences


def section(comparison: Comparison) -> Section:
    """Return the Pareto fronts as text, the scores beside all costs, and the table of all costs."""
    fronts = [(front(comparison, cost), cost) for cost in DRAWN]
    sentences = front_sentences([(points, cost) for points, cost in fronts if points], comparison.certainty)
    values = scores_and_costs(comparison, (DECISIVE, *(cost for cost in DRAWN if cost is not DECISIVE)))
    blocks: list[Block] = []
    if sentences:
        blocks += [
            Paragraph(
                "Pareto-optimal networks, cheapest first: no other network is both cheaper and better on average."
            ),
            Bullets(sentences),
        ]
    if values.rows:
        blocks.append(Picture("scores-and-all-costs", description(values), scores_and_costs_figure(values)))
    blocks.append(TableBlock(details_table(comparison)))
    return Section("cost", "All costs", tuple(blocks), "which models are worth their cost; validation scores")
