"""`convtrack serve` against a bare server with FastAPI and Keras: latency and throughput with 1, 8 and 32 clients.

The network is lecture_cnn for 64×64×3 pixels with random weights. Each client sends one PNG picture of 64×64 pixels
after another over a connection of its own: to our server as MLflow's JSON with base64 (/invocations) and as a file
(/classify), to the other one as a file. All take turns. Clients run in one process on the same machine, so the servers
share its cores with them. Ours also compares each picture with the training images.

    python -m benchmarks.serve               # 3 minutes on 2 cores
"""

import base64
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from benchmarks.alternating import worker_environment
from benchmarks.command import run_part
from benchmarks.generated_pictures import encoded
from benchmarks.measurements import Measurement, of_rounds
from pipeline.deployment.runtimes import KERAS_FILE

ROUNDS = 5
CLIENTS = (1, 8, 32)
REQUESTS = 320
"""Requests of all clients in a round."""
SIDE = 64
START = 120
"""Seconds in which a server must start."""


class Target(NamedTuple):
    """A server under load: its port, and the request that all clients send."""

    port: int
    path: str
    body: bytes
    content_type: str

    def send(self, connection: HTTPConnection) -> None:
        """Send one request and read the reply, which must be a success."""
        connection.request("POST", self.path, self.body, {"Content-Type": self.content_type})
        reply = connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{self.path}: status {reply.status}: {content[:300]!r}")


class Load(NamedTuple):
    """What one round of one server gave: seconds of each request, (n,), and requests per second."""

    latencies: np.ndarray
    rate: float

    def milliseconds(self, percentile: int) -> float:
        """A percentile of the latencies."""
        return float(np.percentile(self.latencies, percentile)) * 1000


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield latency and throughput for each number of clients."""
    with TemporaryDirectory() as scratch:
        package = Path(scratch) / "package"
        package.mkdir()
        subprocess.run(
            [sys.executable, "-m", "benchmarks.generated_package", str(package)],
            env=worker_environment({}),
            check=True,
            capture_output=True,
        )
        with started(package) as (*ours, peer):
            for clients in CLIENTS:
                found = [[loaded(target, clients) for target in (*ours, peer)] for _ in range(rounds)]
                for place, target in enumerate(ours):
                    pairs = [(loads[place], loads[-1]) for loads in found]
                    yield from _rows(f"{target.path}, {clients} client{'s' if clients > 1 else ''}", pairs)


def loaded(target: Target, clients: int) -> Load:
    """Send the requests of a round with this many clients at the same time."""

    def client(count: int) -> list[float]:
        connection = HTTPConnection("127.0.0.1", target.port, timeout=60)
        target.send(connection)
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            target.send(connection)
            seconds.append(time.perf_counter() - began)
        connection.close()
        return seconds

    with ThreadPoolExecutor(clients) as threads:
        began = time.perf_counter()
        latencies = list(threads.map(client, [REQUESTS // clients] * clients))
        taken = time.perf_counter() - began
    return Load(np.concatenate(latencies), (REQUESTS + clients) / taken)


def _rows(who: str, pairs: list[tuple[Load, Load]]) -> Iterator[Measurement]:
    for percentile in (50, 99):
        own, other = zip(*[[one.milliseconds(percentile) for one in pair] for pair in pairs], strict=True)
        yield of_rounds(
            "serve",
            f"{who}, latency p{percentile} of one picture",
            [one / another for one, another in zip(own, other, strict=True)],
            ours=f"{statistics.median(own):.1f} ms",
            peer=f"{statistics.median(other):.1f} ms",
        )
    own, other = zip(*[[one.rate for one in pair] for pair in pairs], strict=True)
    yield of_rounds(
        "serve",
        f"{who}, pictures per second, ours divided by the peer's",
        [one / another for one, another in zip(own, other, strict=True)],
        higher_is_better=True,
        ours=f"{statistics.median(own):,.0f}/s",
        peer=f"{statistics.median(other):,.0f}/s",
    )


@contextmanager
def started(package: Path) -> Iterator[tuple[Target, ...]]:
    """Both servers, ready: two addresses of ours, and that of the peer."""
    picture = encoded(0, width=SIDE, height=SIDE, suffix=".png")
    ports = [_free_port() for _ in range(2)]
    sent = json.dumps({"instances": [base64.b64encode(picture).decode()]}).encode()
    targets = (
        Target(ports[0], "/invocations", sent, "application/json"),
        Target(ports[0], "/classify", picture, "application/octet-stream"),
        Target(ports[1], "/predict", picture, "application/octet-stream"),
    )
    commands: Mapping[int, list[str]] = {
        ports[0]: ["pipeline", "serve", "--model", f"{package}/", "--port", str(ports[0])],
        ports[1]: ["benchmarks.peers.fastapi_keras", str(package / KERAS_FILE), str(ports[1])],
    }
    servers = [
        subprocess.Popen([sys.executable, "-m", *command], env=worker_environment({}), stdout=subprocess.DEVNULL)
        for command in commands.values()
    ]
    try:
        for target in targets:
            _wait_for(target)
        yield targets
    finally:
        for server in servers:
            server.terminate()
            server.wait(60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(target: Target) -> None:
    until = time.monotonic() + START
    while True:
        try:
            return target.send(HTTPConnection("127.0.0.1", target.port, timeout=60))
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.3)


if __name__ == "__main__":
    run_part("serve")
