"""Texts that can be printed and stored: without secrets, and without characters that control a terminal."""

import os
import re

USER_INFORMATION = re.compile(r"(?<=://)(?:[^/\s'\"<>]*|[^/\s:@]*:(?!\d+(?:[/?#]|$))[^\s'\"@]*)@")
"""User name and password of a URI. SQLAlchemy allows slashes in passwords, where a host would have its port."""
PARAMETER = re.compile(
    r"([?&;](?:[\w.-]*(?:password|passwd|token|secret)[\w.-]*|pwd|(?:api|access)[_-]?key|sig|x-amz-\w[\w-]*)=)[^&;\s'\"<>]+",
    re.IGNORECASE,
)
"""A secret in the query of a URI."""
SECRET_VARIABLE = re.compile(r"PASSW|TOKEN|SECRET|PRIVATE_KEY|ACCESS_KEY$|API_?KEY", re.IGNORECASE)
"""Names of environment variables that hold secrets."""
SHORTEST = 6
"""Characters. Shorter values of variables also occur in texts by chance."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and line feed, bidirectional formatting of Unicode, and bytes that are not UTF-8."""


def redacted(text: str) -> str:
    """The text without user names and passwords in URIs, and without the values of secret environment variables.

    >>> redacted("no answer from postgresql://me:pass/word@host/runs?sslmode=off&sslpassword=b")
    'no answer from postgresql://host/runs?sslmode=off&sslpassword=***'
    """
    text = PARAMETER.sub(r"\1***", USER_INFORMATION.sub("", text))
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and SECRET_VARIABLE.search(name):
            text = text.replace(value, "***")
    return text


def visible(text: str) -> str:
    r"""The text with escapes for characters that control a terminal or change the order in which it is read.

    >>> print(visible("a\x1b[2J b\u202ec"))
    a\x1b[2J b\u202ec
    """
    return CONTROLS.sub(lambda one: one[0].encode("unicode_escape").decode(), text)
