"""Limits of requests: a body is complete, small enough and well-formed before a model receives it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.deployment.serving.error_replies import INVOCATIONS, refuse
from pipeline.deployment.serving.invocations import check_parquet, uniform_body

LARGEST_BODY = 32 * 2**20
"""Bytes of the largest body."""
LARGEST_PICTURE = 50_000_000
"""Pixels of the largest picture. Decoding a transparent one of twice the size takes 2 GB of memory and 20 seconds."""
IN_MEMORY = 8 * LARGEST_BODY
"""Bytes of all bodies that the server holds at the same time."""
DISCARDED = 8 * LARGEST_BODY
"""Bytes of a body that is too large which the server still reads, because many clients read no reply before they have
sent everything."""
RECEIVING = 60.0
"""Seconds until a body must be complete: slow clients would keep their share of the memory from others."""
JSON, PARQUET = "application/json", "application/vnd.apache.parquet"


class RequestLimits:
    """ASGI middleware that reads the bodies of requests, refuses unusable ones, and passes the others on."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard an application."""
        self.app = app
        self.held = 0
        # One body at a time: its values take up to 40 times its size, and threads would not read bodies faster.
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        with self._memory() as held:
            body = await _body_in_time(Headers(scope=scope), receive, held)
            if body is None:
                return  # The client has closed the connection.
            if not body:
                refuse(400, "The body is empty: send a picture.")
            if scope["path"] == INVOCATIONS:
                body = await self._checked(body, _content_type(Headers(scope=scope)))
            await self.app(scope, _replayed(body, receive), send)

    async def _checked(self, body: bytes, content_type: str) -> bytes:
        """The body for MLflow's scoring server."""
        async with self._reading:
            if content_type == JSON:
                return await asyncio.to_thread(uniform_body, body)
            if content_type == PARQUET:
                await asyncio.to_thread(check_parquet, body)
        return body

    @contextmanager
    def _memory(self) -> Iterator["_Held"]:
        held = _Held(self)
        try:
            yield held
        finally:
            self.held -= held.size


class _Held:
    """The bytes that one request adds to those of all requests."""

    def __init__(self, limits: RequestLimits) -> None:
        self.limits, self.size = limits, 0

    def add(self, size: int) -> None:
        self.size += size
        self.limits.held += size
        if self.limits.held > IN_MEMORY:
            refuse(503, "The server is busy with other large requests: send this one again later.")


async def _body_in_time(headers: Headers, receive: Receive, held: _Held) -> bytes | None:
    try:
        async with asyncio.timeout(RECEIVING):
            return await _body(headers, receive, held)
    except TimeoutError:
        refuse(408, f"The body was not complete after {RECEIVING:g} seconds: send fewer or smaller pictures at a time.")


async def _body(headers: Headers, receive: Receive, held: _Held) -> bytes | None:
    """The body of a request; None if the client closes the connection."""
    stated = headers.get("content-length", "0")
    size = int(stated) if stated.isascii() and stated.isdigit() else 0
    if size > LARGEST_BODY and (size > DISCARDED or "expect" in headers):
        _refuse_size(size)
    parts: list[bytes] = []
    received = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        received += len(part)
        more = message.get("more_body", False)
        if received > DISCARDED:
            break
        if received <= LARGEST_BODY:
            held.add(len(part))
            parts.append(part)
        else:
            parts.clear()
    if received > LARGEST_BODY:
        _refuse_size(max(size, received))
    return b"".join(parts)


def _refuse_size(size: int) -> None:
    refuse(
        413,
        f"The body has {size / 2**20:.1f} MiB; at most {LARGEST_BODY // 2**20} MiB are accepted: send fewer or smaller "
        "pictures at a time.",
    )


def _content_type(headers: Headers) -> str:
    found = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not found:
        refuse(415, "The request has no content type: send `Content-Type: application/json`.")
    return found


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the whole body first, and then what the client does."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
