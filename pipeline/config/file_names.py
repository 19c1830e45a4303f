"""Names of configuration files."""

import re

NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
"""Words that YAML or Hydra read as something else than text."""


def is_name(name: str) -> bool:
    """Whether the name is valid for a file, a DVC stage and a Hydra override.

    >>> [is_name(name) for name in ("best_of-20", "2024", "null", "a/b", "a b", "")]
    [True, False, False, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z][\w-]{0,119}", name, re.ASCII) is not None and name.lower() not in NOT_TEXT
