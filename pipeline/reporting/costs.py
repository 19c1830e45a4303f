"""What a model costs: the one table of costs.

The report's tables and figures, the Pareto front, `convtrack compare` and the names in MLflow all derive from it. To
add a cost, add an entry.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from pipeline.reporting.text import quantities


class Cost(NamedTuple):
    """One kind of cost.

    `key` is its name in result files and in MLflow. `label` is its name in sentences, tables and axes, and `per` is
    what one value refers to. `write` formats a value. `source` is where the report finds it: `network` (one value per
    model, in the file of the layer table), `replicates` (one value per replicate, in the file of scores) or `folder`
    (the size of the run folder). `shown` lists where it appears: in the first table of the report (`lead`), as a column
    of the table of all costs, in the figure of scores and costs, or in the table of the total effort.
    """

    key: str
    label: str
    per: str
    write: Callable[[float], str]
    source: Literal["network", "replicates", "folder"]
    shown: tuple[Literal["lead", "column", "figure", "total"], ...]


COSTS = (
    Cost("parameters", "parameters", "", quantities.whole, "network", ("column", "figure")),
    Cost(
        "multiply_accumulates",
        "multiply–accumulates",
        "per image",
        quantities.magnitude,
        "network",
        ("lead", "column", "figure"),
    ),
    Cost("largest_activation_bytes", "activation memory", "per image", quantities.storage, "network", ("column",)),
    Cost(
        "train_seconds",
        "training time",
        "per replicate",
        quantities.duration,
        "replicates",
        ("lead", "column", "figure", "total"),
    ),
    Cost("seconds_per_image", "time per image", "", quantities.latency, "replicates", ("lead", "column", "figure")),
    Cost("disk_bytes", "disk space", "", quantities.storage, "folder", ("total",)),
)
LEADING = tuple(cost for cost in COSTS if "lead" in cost.shown)
COLUMNS = tuple(cost for cost in COSTS if "column" in cost.shown)
DRAWN = tuple(cost for cost in COSTS if "figure" in cost.shown)
NETWORK_COSTS = tuple(cost.key for cost in COSTS if cost.source == "network")
"""Keys of the costs in the file of the layer table."""
TOTALS = tuple(cost for cost in COSTS if "total" in cost.shown)

DECISIVE = next(cost for cost in COSTS if cost.key == "multiply_accumulates")
"""The cost that decides between models that are equally good: unlike a time, it does not depend on the machine."""


def measured(
    network: Mapping[str, float], replicates: Sequence[Mapping[str, float]], folder_bytes: int
) -> dict[str, tuple[float, ...]]:
    """Return every cost of a model: one value, or one per replicate.

    Args:
        network: the totals of the layer table.
        replicates: the scores file's entry of each replicate.
        folder_bytes: the size of the run folder and of the network's folder.
    """
    values: dict[str, tuple[float, ...]] = {}
    for cost in COSTS:
        if cost.source == "network":
            values[cost.key] = (network[cost.key],)
        elif cost.source == "replicates":
            values[cost.key] = tuple(one[cost.key] for one in replicates)
        else:
            values[cost.key] = (folder_bytes,)
    return values


def amount(cost: Cost, value: float, *, bound: bool = False) -> str:
    """Return a value as text; `bound` marks multiply–accumulates as a lower bound, because layers are not counted.

    >>> amount(DECISIVE, 416_520, bound=True)
    '≥ 417 k'
    """
    return ("≥ " if bound and cost is DECISIVE else "") + cost.write(value)


def price(value: float) -> str:
    """Return a value of the decisive cost with its unit.

    >>> price(416_520)
    '417 k multiply–accumulates per image'
    """
    return f"{DECISIVE.write(value)} {DECISIVE.label} {DECISIVE.per}"
