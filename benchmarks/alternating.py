"""Processes that take turns: each computes one round when it is its turn, so that other load affects all of them alike.

A worker prepares itself, warms up, calls `report` once, and then `wait_for_turn` and `report` in each round. Its
reports are lines of its standard output that start with @; other output is ignored.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "TF_ENABLE_ONEDNN_OPTS": "0"}
"""Environment that emulates a processor with AVX2 only: the libraries use no later instructions, and TensorFlow does
not use oneDNN by default, as on such processors."""


Start = tuple[str, Mapping[str, Any], Mapping[str, str]]
"""A worker to start: its module, its settings and what it adds to the environment."""


def wait_for_turn() -> None:
    """Wait until the benchmark asks this worker for a round; end the process if the benchmark has ended."""
    if not sys.stdin.readline():
        os._exit(0)


def report(values: Any) -> None:
    """Send values to the benchmark."""
    print("@" + json.dumps(values), flush=True)


class Worker:
    """A worker process as the benchmark sees it."""

    def __init__(self, module: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Start the module as a process."""
        self._errors = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=worker_environment(environment),
        )
        self.name = module

    def begin(self) -> None:
        """Let the worker compute a round."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Wait for the worker's next report.

        Raises:
            RuntimeError: the worker has ended.
        """
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        self._errors.seek(0)
        raise RuntimeError(f"{self.name} has ended:\n{self._errors.read()[-3000:]}")

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream:
                stream.close()


def worker_environment(added: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with the project on PYTHONPATH, without settings of TensorFlow, and with `added`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "XLA_", "ONEDNN_"))}
    paths = filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH")))
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(paths), **added}


@contextmanager
def started(*workers: Start) -> Iterator[list[Worker]]:
    """Start workers one after another, and yield them when all are ready."""
    with ExitStack() as stack:
        ready = []
        for module, settings, environment in workers:
            worker = Worker(module, settings, environment)
            stack.callback(worker.close)
            worker.result()
            ready.append(worker)
        yield ready


def together(workers: Sequence[Worker]) -> list[Any]:
    """One round of several workers at the same time."""
    for worker in workers:
        worker.begin()
    return [worker.result() for worker in workers]
