"""Errors over HTTP: every one is a JSON object with one sentence, without a traceback and without a path of the server.

{"error_code": "BAD_REQUEST", "message": "…"} is the form in which MLflow's scoring server reports errors.
"""

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import NamedTuple, NoReturn

from starlette.types import ASGIApp, Message, Receive, Scope, Send

INVOCATIONS = "/invocations"
"""The address at which MLflow's scoring server takes pictures."""
EXAMPLES = "examples are in docs/serve.md."
FORM = (
    f'The body must be a JSON object with a list of pictures, such as {{"instances": ["BASE64", "BASE64"]}}; {EXAMPLES}'
)
UNREADABLE = f"The body is not in the form of its content type with one column of pictures; {EXAMPLES}"
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request is refused. `OneSentenceErrors` replies with the status and the sentence of `refuse`."""


class _Refusal(NamedTuple):
    status: int
    sentence: str


_refusals: ContextVar[list[_Refusal]] = ContextVar("refusals")
"""The refusals of the current request, also those in threads that compute for it."""


def refuse(status: int, sentence: str) -> NoReturn:
    """End the current request with a status and one sentence, even if code in between catches the exception."""
    _refusals.get().append(_Refusal(status, sentence))
    raise Refused(sentence)


class OneSentenceErrors:
    """ASGI middleware that replaces the body of every response with a status from 400 by one sentence.

    It belongs around the whole application. Unexpected exceptions are logged, and the server continues.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Guard an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusals: list[_Refusal] = []
        _refusals.set(refusals)
        failed: list[int] = []  # The status of an error whose body is held back.
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and message["status"] >= 400:
                failed.append(message["status"])
            elif not failed:
                started = True
                await send(message)

        try:
            await self.app(scope, receive, sending)
        except Refused:
            pass
        except Exception:
            _log.exception("A request to %s failed", scope["path"])
            failed.append(500)
        if refusals and not started:
            await _reply(send, *refusals[0])
        elif failed and not started:
            await _reply(send, failed[0], _sentence(failed[0], scope))


async def _reply(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error_code": HTTPStatus(status).name, "message": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _sentence(status: int, scope: Scope) -> str:
    """The sentence for an error of the libraries, whose own text may contain the whole request or a traceback."""
    if status == 400 and scope["path"] == INVOCATIONS:
        return UNREADABLE
    sentences: dict[int, Callable[[], str]] = {
        404: lambda: f"There is nothing at {scope['path']}: open / for the page, and send pictures to {INVOCATIONS}.",
        405: lambda: f"{scope['path']} does not accept {scope['method']}: docs/serve.md lists the addresses.",
        415: lambda: "The content type must be application/json, text/csv or application/vnd.apache.parquet, in UTF-8.",
        504: lambda: "The request took too long: send fewer pictures at a time.",
    }
    unexpected = "The server could not process this request; its log states the reason."
    return sentences[status]() if status in sentences else unexpected
