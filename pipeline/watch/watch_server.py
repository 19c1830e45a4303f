"""The server of the page on 127.0.0.1.

GET /                                    the page
GET /trainings                           all models as a list, JSON
GET /trainings/ID                        one model: curves, epochs with snapshots, predictions, JSON
GET /trainings/ID/kernels/EPOCH          a picture of the first layer's kernels, PNG
GET /trainings/ID/maps/EPOCH             a picture of the feature maps, PNG
GET /trainings/ID/image/NUMBER           a validation image, PNG

An address names a model and a number, never a file, so only pictures of trainings are served.
"""

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from pipeline.watch.watched_trainings import WatchedModel

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""The page loads nothing from elsewhere, and the browser enforces that."""

Find = Callable[[], Sequence[WatchedModel]]


class WatchServer(ThreadingHTTPServer):
    """Serve the models that `find` returns at the time of each request; with port 0 on any free port."""

    daemon_threads = True

    def __init__(self, port: int, find: Find) -> None:
        """Listen on a port of 127.0.0.1."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.find = find
        self.page = resources.files("pipeline.watch").joinpath("watch.html").read_bytes()

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: WatchServer
    server_version, sys_version = "convtrack", ""
    timeout = 60  # Seconds until a request must be complete.

    def do_GET(self) -> None:
        # Other names for this address belong to pages of other servers that want to read the trainings.
        if self.headers.get("Host") not in {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}:
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"Open the address that `convtrack watch` printed.\n")
            return
        match self.path.partition("?")[0].strip("/").split("/"):
            case [""]:
                self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
            case ["trainings"]:
                self._send_json([model.summary() for model in self.server.find()])
            case ["trainings", identity]:
                model = self._model(identity)
                self._send_json(model.content()) if model else self._send_missing()
            case ["trainings", identity, kind, number] if number.isascii() and number.isdecimal() and len(number) < 10:
                model = self._model(identity)
                file = model.picture(kind, int(number)) if model else None
                try:
                    picture = file.read_bytes() if file else None
                except OSError:  # The training has just moved to its result, or the file is unreadable.
                    picture = None
                self._send(HTTPStatus.OK, "image/png", picture) if picture else self._send_missing()
            case _:
                self._send_missing()

    def _model(self, identity: str) -> WatchedModel | None:
        return next((model for model in self.server.find() if model.identity == identity), None)

    def _send_missing(self) -> None:
        self._send(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such training or picture.\n")

    def _send_json(self, content: Any) -> None:
        self._send(HTTPStatus.OK, "application/json", json.dumps(content).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing: the page asks once a second."""

    def handle(self) -> None:
        """Handle a request; a browser that has closed the connection is no error."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
