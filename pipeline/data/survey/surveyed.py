"""What a survey of images finds, and the options that it proposes for their data source."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.images import Skipped

HARMLESS = frozenset(
    {"0", "absent", "background", "benign", "clean", "control", "false", "functional", "good", "gut", "healthy"}
    | {"intact", "io", "n", "negative", "neg", "no", "none", "normal", "ok", "okay", "pass", "passed", "undamaged"}
)
"""Names of classes without the property that is looked for."""
NEGATIONS = ("no", "non", "not", "without", "un", "kein", "ohne")


@dataclass(frozen=True)
class Option:
    """An option of a data source, with a comment; if it is only `suspected`, the whole line is a comment."""

    name: str
    value: Any
    comment: str = ""
    suspected: bool = False


@dataclass(frozen=True)
class Survey:
    """Images at a path.

    Args:
        source: the data source that reads them.
        path: the file or folder that its option `path` names.
        layout: how the images are stored, such as "class folders".
        classes: the number of images of each class.
        parts: the number of images of each part of a predefined split, if there is one.
        facts: further findings, one sentence each.
        skipped: files that are not used.
        options: proposed options of the source beside `path`.
    """

    source: str
    path: Path
    layout: str
    classes: Mapping[str, int]
    parts: Mapping[str, int]
    facts: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    options: tuple[Option, ...]

    @property
    def images(self) -> int:
        """The number of images."""
        return sum(self.classes.values())

    @property
    def has_test_set(self) -> bool:
        """Whether the data have a predefined split."""
        return len(self.parts) > 1


def positive_option(classes: Mapping[str, int]) -> Option | None:
    """The positive one of two classes: the one whose name is not harmless, else the rarer one.

    >>> positive_option({"broken": 90, "ok": 10}).value
    'broken'
    """
    if len(classes) != 2:
        return None
    refers = "precision, recall and F1 refer to this class"
    harmless = [name for name in classes if _is_harmless(name)]
    if len(harmless) == 1:
        (other,) = set(classes) - set(harmless)
        return Option("positive", other, f"{refers}; guessed from the names")
    rarer = min(sorted(classes, reverse=True), key=lambda name: classes[name])
    why = "the rarer one" if len(set(classes.values())) == 2 else "a guess: both are equally frequent"
    return Option("positive", rarer, f"{refers}; {why}")


def _is_harmless(name: str) -> bool:
    words = name.lower().replace("-", "_").replace(" ", "_").split("_")
    return words[0] in NEGATIONS or any(word in HARMLESS for word in words)
