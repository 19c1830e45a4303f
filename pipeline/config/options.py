"""Check the options that a configuration passes to a function, against the signature of the function."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Unpack, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import UserError, unknown

NAMES = {"integer": "an integer", "number": "a number", "string": "a string", "null": "null"}
BOUNDS = {
    "exclusiveMinimum": "greater than {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "less than {}",
    "maximum": "at most {}",
    "multipleOf": "a multiple of {}",
    "minLength": "of at least {} characters",
    "maxLength": "of at most {} characters",
    "pattern": "matching {}",
}


def checked_options(
    kind: str, function: Callable[..., Any], options: Mapping[str, Any], *, given: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the options with the types that `function` annotates; a list becomes a tuple if one is expected.

    The options of a function are its keyword-only parameters, except those `given` by the caller, and the keys of a
    `TypedDict` that it unpacks (`**options: Unpack[Options]`). Types are strict, as in JSON: true is not an integer,
    and "3" is not a number. `kind` names the function in messages, such as "architecture lenet5". Options that are not
    set keep the defaults of the function.

    Raises:
        UserError: an option is unknown, has the wrong type or range, or is missing without a default.

    >>> def build(input_shape, classes, *, units: tuple[int, ...] = (120, 84)): ...
    >>> checked_options("architecture dense", build, {"units": [30, 10]})
    {'units': (30, 10)}
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in given
    }
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD and get_origin(hints.get(parameter.name)) is Unpack:
            (unpacked,) = get_args(hints[parameter.name])
            hints |= get_type_hints(unpacked, include_extras=True)
            parameters |= {
                name: inspect.Parameter(name, parameter.KEYWORD_ONLY, default=None) for name in unpacked.__annotations__
            }
    check_names(kind, parameters, options, hints=hints)
    return {name: _checked(kind, name, hints.get(name, Any), value) for name, value in options.items()}


def check_names(
    kind: str,
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    *,
    hints: Mapping[str, Any] = MappingProxyType({}),
    advice: str = "",
) -> None:
    """Check that each option is a parameter, and that each parameter without a default is set.

    `hints` are the annotations of the parameters. `advice` follows the message about an unknown option.

    Raises:
        UserError: an option is unknown, or missing without a default.
    """
    for name in options:
        if name not in parameters:
            if not parameters:
                raise UserError(f"Unknown option '{name}': {kind} has no options. Remove it.")
            raise UserError(f"{unknown(f'option of {kind}', name, parameters)}{advice}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in options:
            value = f" to {described(TypeAdapter(hints[name]))}" if name in hints else ""
            raise UserError(f"Option '{name}' of {kind} is missing and has no default: set it{value}.")


def described(adapter: TypeAdapter[Any]) -> str:
    """Describe the values that an adapter accepts.

    >>> described(TypeAdapter(int | None))
    'an integer or null'
    """
    schema = adapter.json_schema()
    return _words(schema, schema.get("$defs", {}))


def _checked(kind: str, name: str, annotation: Any, value: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        # Through JSON, because its strict mode still accepts a list for a tuple and a string for a path.
        return adapter.validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as error:
        own_rule = [
            problem["msg"] for problem in error.errors() if problem["type"] in ("value_error", "assertion_error")
        ]
        rule = f" ({own_rule[0]})" if own_rule else ""
        message = f"Option '{name}' of {kind} must be {described(adapter)}{rule}. Received {value!r}."
    raise UserError(message)


def _words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Describe a JSON schema."""
    if "$ref" in schema:
        return _words(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(repr, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_words(choice, definitions) for choice in schema["anyOf"])
    if schema.get("type") == "boolean":
        return "true or false"
    if schema.get("type") == "array":
        return _list_words(schema, definitions)
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"a mapping to values each {_words(values, definitions)}" if isinstance(values, dict) else "a mapping"
    if "pattern" in schema and "description" in schema:
        # A regular expression explains nothing to most people.
        return str(schema["description"])
    bounds = [words.format(schema[bound]) for bound, words in BOUNDS.items() if bound in schema]
    return " ".join([NAMES.get(schema.get("type", ""), "any value"), " and ".join(bounds)]).strip()


def _list_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"a list of {', then '.join(_words(item, definitions) for item in schema['prefixItems'])}"
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and least == most:
        length = f"{least} values"
    elif least is not None and most is not None:
        length = f"{least} to {most} values"
    elif least is not None:
        length = f"at least {least} value{'s' if least > 1 else ''}"
    elif most is not None:
        length = f"at most {most} values"
    else:
        length = "values"
    items = schema.get("items")
    return f"a list of {length}" + (f", each {_words(items, definitions)}" if items else "")
