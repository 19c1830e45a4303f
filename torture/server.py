"""A tracking server that can be killed, restarted and slowed down: MLflow's, behind a relay that delays answers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STARTING = 120
"""Seconds in which the server must respond."""


class Server:
    """A server with its store in `folder`. Clients use `address`, which stays the same after a restart."""

    def __init__(self, folder: Path) -> None:
        """Choose the ports; the server does not run yet."""
        self.folder = folder
        self.port, self.inner_port = _free_port(), _free_port()
        self.delay = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.relay: socket.socket | None = None

    @property
    def address(self) -> str:
        """The URI of the store."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, wait until it responds, and let clients in."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.inner_port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                # As in `convtrack ui`: without the workers that run jobs for language models.
                env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()
        self.relay = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.relay,), daemon=True).start()

    def stop(self) -> None:
        """End the server with SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server with SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.relay is not None:
            # `close` alone does not wake the thread that accepts connections.
            with suppress(OSError):
                self.relay.shutdown(socket.SHUT_RDWR)
            self.relay.close()
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.inner_port), timeout=1):
                return
            time.sleep(0.1)
        raise TimeoutError(f"The MLflow server did not start within {STARTING} s: {self.folder / 'server.log'}")

    def _accept(self, relay: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = relay.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.inner_port))
        except OSError:
            client.close()
            return
        threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
        self._copy(server, client, True)

    def _copy(self, source: socket.socket, target: socket.socket, delayed: bool) -> None:
        """Copy bytes until one side ends; answers come later if the server is slow."""
        with suppress(OSError), source, target:
            while received := source.recv(2**16):
                if delayed:
                    time.sleep(self.delay)
                target.sendall(received)
            target.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server for the block."""
    folder.mkdir()
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
