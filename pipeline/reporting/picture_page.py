"""The page of the server on which a person drops a picture, as one self-contained HTML file."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.reporting.templates.rendering import template


class ServedModel(NamedTuple):
    """What the page shows of the model.

    Attributes:
        data: name of the data set.
        model: name of the model, with its replicate.
        version: where it comes from, such as `version 3, champion`.
        score: the measured score as a sentence; empty if there is none.
        error_rates: to choose from, as numbers between 0 and 1.
    """

    data: str
    model: str
    version: str
    score: str
    error_rates: Sequence[float]


def picture_page(served: ServedModel) -> str:
    """Return the page for a model."""
    return template("picture.html.j2", autoescape=True).render(served=served)
