"""The report of a comparison as a list of sections: to add one, write a module and add it to the list.

The function `section` of a module returns its section, or None if the comparison has no content for it.
"""

from pipeline.reporting.blocks import Document
from pipeline.reporting.content import Comparison
from pipeline.reporting.sections import (
    all_pairs,
    augmentation,
    classes,
    cost_benefit,
    data_audit,
    further_scores,
    image_data,
    lead,
    learning,
    network_pictures,
    probabilities,
    reproducing,
    setup,
    shift_reactions,
    subgroups,
    uncertainty,
    worst_mistakes,
)

SECTIONS = (
    uncertainty,
    all_pairs,
    cost_benefit,
    learning,
    probabilities,
    classes,
    further_scores,
    subgroups,
    worst_mistakes,
    network_pictures,
    shift_reactions,
    image_data,
    data_audit,
    augmentation,
    setup,
    reproducing,
)


def document(comparison: Comparison) -> Document:
    """Return the whole report; every figure is drawn once."""
    sections = (module.section(comparison) for module in SECTIONS)
    return Document(lead.title(comparison), lead.blocks(comparison), tuple(one for one in sections if one is not None))
