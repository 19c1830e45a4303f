"""Texts that can be printed and stored: without secrets, and without characters that control a terminal."""

import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

USER_INFORMATION = re.compile(r"(?<=://)(?:[^/\s'\"<>]*|[^/\s:@]*:(?!\d+(?:[/?#'\"]|$))[^\s@]*)@")
"""User name and password of a URI."""
DATABASE_USER = re.compile(r"\b((?:postgres(?:ql)?|mysql|mariadb|mssql|oracle)(?:\+\w+)?://)(?:(?!://)\S)*@")
"""The beginning of the URI of a database: SQLAlchemy allows slashes in passwords, where a host would have its port."""
PARAMETER = re.compile(
    r"([?&;](?:[\w.-]*(?:password|passwd|token|secret)[\w.-]*|pass|pwd|(?:api|access)[_-]?key|sig|x-amz-\w[\w-]*)=)"
    r"(?:[^&;\s'\"<>]|['\"](?=\w))+",
    re.IGNORECASE,
)
"""A secret in the query of a URI. A quotation mark belongs to it if it goes on."""
ADDRESS_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Names of environment variables that hold addresses."""
SECRET_VARIABLE = re.compile(r"PASSW|TOKEN|SECRET|PRIVATE_KEY|ACCESS_KEY$|API_?KEY", re.IGNORECASE)
"""Names of environment variables that hold secrets."""
SHORTEST = 6
"""Characters. Shorter values of variables also occur in texts by chance."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and line feed, bidirectional formatting of Unicode, and bytes that are not UTF-8."""


def redacted(text: str, *, addresses: Iterable[str] = ()) -> str:
    """The text without user names and passwords in URIs, and without the values of secret environment variables.

    The passwords of the given `addresses`, and those of the tracking server, may have any characters.

    >>> redacted("no answer from postgresql://me:pass/word@host/runs?sslmode=off&sslpassword=b")
    'no answer from postgresql://host/runs?sslmode=off&sslpassword=***'
    """
    for address in (*addresses, *(os.environ.get(name, "") for name in ADDRESS_VARIABLES)):
        text = _without_secrets_of(address, text)
    text = PARAMETER.sub(r"\1***", USER_INFORMATION.sub("", DATABASE_USER.sub(r"\1", text)))
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and SECRET_VARIABLE.search(name):
            text = text.replace(value, "***")
    return text


def _without_secrets_of(address: str, text: str) -> str:
    """The text without the secrets of an address, wherever they are, also without their beginnings or encoded."""
    user, found, _ = address.partition("://")[2].rpartition("@")
    if found:
        text = text.replace(f"://{user}@", "://")
        _, _, password = user.partition(":")
        for secret in sorted(_forms(password), key=len, reverse=True):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, "***")
    for parameter in PARAMETER.finditer(address):
        value = re.split("[&;]", address[parameter.end(1) :])[0]
        text = text.replace(f"{parameter[1]}{value}", f"{parameter[1]}***")
    return text


def _forms(password: str) -> Iterator[str]:
    """How a message may show a password: as it is, (un)quoted, or the part that a parser took for a host or path."""
    for part in (password, *re.split(r"[/@:?#]", password)):
        yield from (part, unquote(part), quote(part), quote(part, safe=""), repr(part)[1:-1])


def visible(text: str) -> str:
    r"""The text with escapes for characters that control a terminal or change the order in which it is read.

    >>> print(visible("a\x1b[2J b\u202ec"))
    a\x1b[2J b\u202ec
    """
    return CONTROLS.sub(lambda one: one[0].encode("unicode_escape").decode(), text)
