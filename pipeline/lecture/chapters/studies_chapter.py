"""The studies: a question, an experiment, an answer."""

from collections.abc import Mapping
from typing import Any

from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.study_answers import available, study_answer

METHODS = ("shifts", "certainty")
"""Studies about the statistics and the deployment of this project, not about networks."""
DRAWN = ("connectivity",)
"""Studies whose figures another page draws."""


def _values(material: Material) -> Mapping[str, Any]:
    names = available()
    return {
        "studies": [study_answer(material, name, pictured=name not in DRAWN) for name in names if name not in METHODS],
        "methods": [study_answer(material, name, pictured=False) for name in names if name in METHODS],
    }


CHAPTER = Chapter(
    "studies",
    "The claims, measured",
    "Each claim of the lecture is tested by an experiment, and compared with published numbers.",
    _values,
)
