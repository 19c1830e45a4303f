"""Overrides of the command line, before Hydra reads them."""

import re

_NEW_OPTION = re.compile(r"((model|optimizer|optimizer\.schedule|data)\.options|audit\.checks)(\.[^=]+)?=")


def allow_new_options(override: str) -> str:
    """Let an override set an option, or the severity of a check, that the configuration file does not list.

    Configuration files list only the values that differ from defaults, and Hydra refuses to set a missing key without
    `++`. An unknown name is still an error: options are checked against the function's signature, severities against
    the checks of the audit.

    >>> allow_new_options("model.options.units=3")
    '++model.options.units=3'
    >>> allow_new_options("model.options={units: 3}")
    '++model.options={units: 3}'
    >>> allow_new_options("audit.checks.imbalance=stop")
    '++audit.checks.imbalance=stop'
    >>> allow_new_options("training.epochs=3")
    'training.epochs=3'
    """
    return f"++{override}" if _NEW_OPTION.match(override) else override
