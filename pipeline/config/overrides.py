"""Overrides of the command line, before Hydra reads them."""

import re

_NEW_OPTION = re.compile(r"(model|optimizer|optimizer\.schedule|data)\.options(\.[^=]+)?=")


def allow_new_options(override: str) -> str:
    """Let an override set an option that the configuration file does not list.

    Configuration files list only the options that differ from a function's defaults, and Hydra refuses to set a missing
    key without `++`. An unknown option is still an error, because options are checked against the function's signature.

    >>> allow_new_options("model.options.units=3")
    '++model.options.units=3'
    >>> allow_new_options("model.options={units: 3}")
    '++model.options={units: 3}'
    >>> allow_new_options("training.epochs=3")
    'training.epochs=3'
    """
    return f"++{override}" if _NEW_OPTION.match(override) else override
