"""Build an Optuna object by its name in the configuration, with checked options."""

import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from optuna.exceptions import ExperimentalWarning
from pydantic import Field

from pipeline.config.options import checked_options
from pipeline.errors import UserError, unknown

Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]

Built = TypeVar("Built")


def build_named(
    kind: str, name: str, builders: Mapping[str, Callable[..., Built]], options: Mapping[str, Any], *arguments: Any
) -> Built:
    """Call the builder of this name with `arguments` and the options, which its keyword-only parameters declare.

    `kind` names the group in messages, such as "sampler".

    Raises:
        UserError: the name or an option is unknown, or an option is invalid.
    """
    if name not in builders:
        raise unknown(kind, name, builders)
    checked = checked_options(f"{kind} {name}", builders[name], options)
    with warnings.catch_warnings():
        # Users of a configuration file do not need Optuna's warnings about experimental classes.
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return builders[name](*arguments, **checked)
        except ValueError as problem:
            raise UserError(f"Invalid options of {kind} {name}: {str(problem).rstrip('.')}.") from None
