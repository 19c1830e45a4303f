"""One module per architecture, each with `build(input_shape, classes, *, options) -> keras.Model`."""

from pathlib import Path

ARCHITECTURES = Path(__file__).parent


def architecture_names() -> list[str]:
    """The sorted names of all architectures.

    >>> "lenet5" in architecture_names()
    True
    """
    return sorted(file.stem for file in ARCHITECTURES.glob("*.py") if not file.stem.startswith("_"))
