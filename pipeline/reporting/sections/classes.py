"""The scores of every class, for each model."""

from pipeline.reporting.blocks import Fold, Paragraph, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.scores_by_class import class_table


def section(comparison: Comparison) -> Section | None:
    """Return a folded table per model."""
    if not comparison.by_class:
        return None
    trained = {model.name: len(model.scores[comparison.primary_metric]) for model in comparison.models}
    skipped = any(one.replicates < trained[model] for model, ones in comparison.by_class.items() for one in ones)
    return Section(
        "classes",
        "Scores by class",
        (
            Paragraph(
                "Precision is the share of correct predictions among all images that are predicted to be of the class, "
                "recall their share among all images of the class; F1 is the harmonic mean of the two. Intervals "
                "account for replicates and groups of images like those of the other scores, but each holds for its "
                "class alone: of many classes, some are outside their intervals by chance."
                + (" A class is scored in the replicates whose test images contain it." if skipped else "")
            ),
            *(
                Fold(model, (TableBlock(class_table(model, classes)),))
                for model, classes in comparison.by_class.items()
            ),
        ),
        "which classes are recognised, and how well?",
    )
