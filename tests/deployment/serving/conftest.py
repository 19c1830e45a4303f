"""Servers in a thread of the tests' process, on a free port of 127.0.0.1, with a network that is worked out by hand."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import requests
import uvicorn
from PIL import Image
from starlette.applications import Starlette

from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.serving.error_replies import OneSentenceErrors
from pipeline.deployment.serving.own_pages import OwnPagesOnly
from pipeline.deployment.serving.picture_routes import picture_routes
from pipeline.deployment.serving.request_limits import RequestLimits
from pipeline.deployment.unusual import limits

SIDE = 12


def settings():
    """The contents of `model.json` for pictures with halves of any grey level."""
    training = np.random.default_rng(0).integers(0, 256, (100, 1, 2, 1), np.uint8).repeat(SIDE, 1).repeat(SIDE // 2, 2)
    return {
        "classes": ["dark", "bright"],
        "decoding": {"height": SIDE, "width": SIDE, "channels": 1, "largest": 1_000_000},
        "mean_pixel": [0.0],
        "flag_colour": True,
        "limits": limits(picture_features(training)),
        "temperature": 1.0,
        "thresholds": [{"error_rate": 0.01, "confidence": 0.95, "coverage": 0.5, "measured": 0.0}],
    }


@dataclass
class Network:
    """The brightness of the left half, as a share, is the probability of `bright`. It notes overlapping calls."""

    running: int = 0
    most: int = 0
    seconds: float = 0.0
    failure: Exception | None = None
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, pixels):
        if self.failure:
            raise self.failure
        self.shapes.append(pixels.shape)
        self.running += 1
        self.most = max(self.most, self.running)
        time.sleep(self.seconds)
        self.running -= 1
        bright = pixels[:, :, : SIDE // 2].mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - bright, bright], axis=1).astype(np.float32)


def encoded(pixels, kind="PNG"):
    """An array as the bytes of a picture file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def picture(left=255, right=0, size=SIDE):
    """The bytes of a PNG file whose left and right halves have one grey level each."""
    pixels = np.full((size, size), right, np.uint8)
    pixels[:, : size // 2] = left
    return encoded(pixels)


@contextmanager
def running(application) -> Iterator[str]:
    """Run an ASGI application, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, "127.0.0.1", port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def model(network):
    return PictureModel(settings(), network)


@pytest.fixture
def server(model):
    """The address of a server with the routes of the page."""
    application = Starlette(routes=picture_routes(model, "<title>page</title>"))
    with running(OneSentenceErrors(OwnPagesOnly(RequestLimits(application)))) as address:
        yield address


def refusal(reply, status):
    """The sentence of a refusal, after checks that it is one."""
    assert reply.status_code == status, reply.text
    content = reply.json()
    assert reply.headers["content-type"] == "application/json" and set(content) == {"error_code", "message"}
    message = content["message"]
    assert message.endswith(".") and "\n" not in message and len(message) < 600
    assert "Traceback" not in message and "site-packages" not in message
    return message


def post(address, body, kind="application/octet-stream", **options):
    """Send a body."""
    return requests.post(address, data=body, headers={"Content-Type": kind}, timeout=60, **options)
