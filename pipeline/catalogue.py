"""Which architectures there are: the files under `pipeline/architectures`, found without importing them."""

from pathlib import Path

ARCHITECTURES = Path(__file__).parent / "architectures"


def architecture_names() -> list[str]:
    """The names of all architectures, sorted.

    >>> "lenet5" in architecture_names()
    True
    """
    return sorted(file.stem for file in ARCHITECTURES.glob("*.py") if not file.stem.startswith("_"))
