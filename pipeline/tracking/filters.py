"""Conditions in MLflow's filter language."""

import re

DOTTED = re.compile(r"(?<![\w`'\"])(params?|parameters?|metrics?|tags?)\.([A-Za-z_][\w./-]*)(?=\s*(?:!?=|[<>]|\s))")


def text_filter(key: str, text: str) -> str:
    """The condition that a string attribute or tag equals `text`.

    The language cannot express a string that contains both kinds of quotes. For such a text the condition accepts any
    character in place of each single quote, so the caller must check the found runs again.

    >>> print(text_filter("attributes.run_name", "one of Yann's"))
    attributes.run_name = "one of Yann's"
    >>> print(text_filter("attributes.run_name", 'the "best" of Yann\\'s'))
    attributes.run_name LIKE 'the "best" of Yann_s'
    """
    if "'" not in text:
        return f"{key} = '{text}'"
    if '"' not in text:
        return f'{key} = "{text}"'
    pattern = text.replace("'", "_")
    return f"{key} LIKE '{pattern}'"


def quote_names(condition: str) -> str:
    """The condition with dotted names in backticks, which MLflow requires for names with dots or slashes.

    Strings and names that are quoted already stay as they are.

    >>> quote_names("params.model.name='lenet5' AND metrics.`test/accuracy` > 0.5")
    "params.`model.name`='lenet5' AND metrics.`test/accuracy` > 0.5"
    """
    parts = re.split(r"('[^']*'|\"[^\"]*\"|`[^`]*`)", condition)
    return "".join(part if number % 2 else DOTTED.sub(r"\1.`\2`", part) for number, part in enumerate(parts))
