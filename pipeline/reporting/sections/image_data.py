"""The images of the comparison: counts, split, source and licence."""

from pipeline.reporting.blocks import Block, Bullets, Paragraph, Section, TableBlock, Terms
from pipeline.reporting.content import Comparison, DataSummary
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text.quantities import count


def section(comparison: Comparison) -> Section:
    """Return the counts per class and split, and where the images come from."""
    data = comparison.data
    blocks: list[Block] = [
        TableBlock(counts_table(data)),
        Paragraph(
            f"Split: {data.split_strategy}. The share of a class in a split differs from its share in all images by at "
            f"most {100 * data.largest_deviation:.1f} percentage points."
        ),
    ]
    if data.notes:
        blocks.append(Bullets(data.notes))
    if len(data.classes) == 2:
        positive = f"{data.classes[1]}: precision, recall, F1 and average precision refer to this class"
        blocks.append(Terms((("Positive class", positive),)))
    blocks.append(Terms((("Source", data.source), ("Attribution", data.attribution), ("Licence", data.licence))))
    return Section("data", "Data", tuple(blocks), "classes, split, source, licence")


def counts_table(data: DataSummary) -> Table:
    """Images per class and split, with sums."""
    splits = tuple(data.counts)
    columns = [[data.counts[split].get(name, 0) for name in data.classes] for split in splits]
    bodies = zip(*columns, strict=True) if splits else ((),) * len(data.classes)
    numbers = [
        *((name, tuple(row)) for name, row in zip(data.classes, bodies, strict=True)),
        ("all", tuple(sum(column) for column in columns)),
    ]
    return Table(
        caption="Images per class and split in replicate 1.",
        header=("class", *splits, "all"),
        rows=tuple((name, *map(count, row), count(sum(row))) for name, row in numbers),
    )
