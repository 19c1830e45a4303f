"""Only pages of this server use it: requests that a browser sends for a page of another site are refused.

A site can lead its own name to 127.0.0.1 (DNS rebinding), so the header `Host` must be a name of this machine. It can
also send a request whose reply it cannot read, so the header `Origin`, which browsers add to every POST, must be this
server. Programs send no `Origin`.
"""

import os
import re
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.deployment.serving.error_replies import refuse

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a browser reaches a server of this machine."""
ALLOWED_HOSTS = "MLFLOW_SERVER_ALLOWED_HOSTS"
"""Environment variable of MLflow: further names, separated by commas, for a server behind another web server."""
PORT = re.compile(r":\d*$")


class OwnPagesOnly:
    """ASGI middleware that refuses requests for other hosts and from pages of other sites."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard an application."""
        self.app = app
        self.further = tuple(filter(None, (one.strip() for one in os.environ.get(ALLOWED_HOSTS, "").split(","))))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            if PORT.sub("", host) not in LOOPBACK and not self._further(host):
                refuse(403, f"The host {host[:100]!r} is not a name of this server: use the address that it printed.")
            if origin is not None and (sender := urlsplit(origin).netloc) != host and not self._further(sender):
                refuse(403, f"Pages of {origin[:100]!r} may not use this server: open the address that it printed.")
        await self.app(scope, receive, send)

    def _further(self, host: str) -> bool:
        return any(fnmatchcase(name, one) for one in self.further for name in (host, PORT.sub("", host)))
