"""The available architectures: the files in `pipeline/architectures`, without importing them."""

from pathlib import Path

ARCHITECTURES = Path(__file__).parents[1] / "architectures"


def architecture_names() -> list[str]:
    """The sorted names of all architectures.

    >>> "lenet5" in architecture_names()
    True
    """
    return sorted(file.stem for file in ARCHITECTURES.glob("*.py") if not file.stem.startswith("_"))
