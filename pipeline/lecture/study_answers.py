"""The answers of the studies, as their committed reports state them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape

from pipeline import studies
from pipeline.errors import UserError
from pipeline.lecture.material import Material
from pipeline.reporting.study_answer import read_answer

QUESTIONS: Mapping[str, str] = {
    "connectivity": "How many weights do sparse connections and shared weights save?",
    "lecun1989": "Do the five networks of 1989, from full to shared weights, still improve step by step?",
    "spatial_prior": "Is a convolutional network better because neighbouring values belong together?",
    "pooling": "What does pooling add, and does it depend on the number of examples?",
    "nonlinearity": "Is a deep network without a non-linear activation more than logistic regression?",
    "depth": "How does the accuracy depend on the receptive field?",
    "optimizers": "Which optimizer trains the lecture's network best?",
    "batch_size": "Does the batch size change the result?",
    "solar_cells": "How well do networks find defective solar cells that come from an unknown module?",
    "shifts": "Does the comparison of new pictures with training images detect known changes?",
    "certainty": "How many trainings does a reliable comparison need?",
}

RESULT, FIGURE = "\n## Result\n", re.compile(r"!\[([^\]]*)\]\(([\w.-]+\.png)\)")


class StudyAnswer(NamedTuple):
    """A study as a page shows it.

    Attributes:
        name: of the study.
        question: that it answers.
        command: that runs it.
        title: of its report; empty without a report.
        answer: the paragraph that begins with "Answer", as HTML; empty if the report has none.
        picture: a figure of the report as an `img` element, the first one of its section "Result" or else of the
            report; empty if there is none or it is not to be shown.
        report: address of the report, relative to the site; empty without a report.
    """

    name: str
    question: str
    command: str
    title: str = ""
    answer: Markup = Markup("")
    picture: Markup = Markup("")
    report: str = ""


def study_answer(material: Material, name: str, *, pictured: bool = True) -> StudyAnswer | None:
    """Read the answer of a study, and a figure if it is to be `pictured`; None if there is no such study."""
    if name not in available():
        return None
    question, command = QUESTIONS.get(name, ""), f"convtrack study {name}"
    file = material.reports / name / "report.md"
    if not file.is_file():
        return StudyAnswer(name, question, command)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{file} is damaged. Write it again with `{command}`.") from None
    title, answer = read_answer(file)
    figure = FIGURE.search(text, max(0, text.find(RESULT))) or FIGURE.search(text)
    picture = Markup("")
    if pictured and figure is not None and (file.parent / figure[2]).is_file():
        picture = material.copied(f"study-{name}", file.parent / figure[2], figure[1])
    return StudyAnswer(
        name,
        question,
        command,
        title=title,
        answer=inline_markdown(answer),
        picture=picture,
        report=f"../../reports/{name}/report.md",
    )


def available() -> list[str]:
    """The studies of the project: those of the lecture first, in its order."""
    found = {file.parent.name for file in Path(studies.__file__).parent.glob("*/__init__.py")}
    return [*(name for name in QUESTIONS if name in found), *sorted(found - set(QUESTIONS))]


def inline_markdown(text: str) -> Markup:
    """A paragraph of Markdown as HTML: code, bold and italic text; of a link only its text.

    >>> print(inline_markdown("The **best** is `a<b`, see [there](x.md)."))
    The <strong>best</strong> is <code>a&lt;b</code>, see there.
    """
    html = str(escape(" ".join(text.split())))
    html = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", html)
    for pattern, tag in ((r"`([^`]+)`", "code"), (r"\*\*([^*]+)\*\*", "strong"), (r"\*([^*]+)\*", "em")):
        html = re.sub(pattern, rf"<{tag}>\1</{tag}>", html)
    return Markup(re.sub(r"\\(?=[\\`*\[\]<>|~#_&-])", "", html))
