"""Servers for tests of sweeps, a Ray cluster of two nodes and PostgreSQL, and helpers that run sweeps as commands."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import psutil
from optuna.trial import FrozenTrial, TrialState

from pipeline.errors import UserError
from pipeline.sweeping.study import open_study, trials_of

ROOT = Path(__file__).parents[3]
RAY = Path(sys.executable).with_name("ray")
POSTGRESQL = next(
    (
        folder
        for folder in [Path(shutil.which("initdb") or "").parent, *Path("/usr/lib/postgresql").glob("*/bin")]
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists()
    ),
    None,
)
"""The folder of PostgreSQL's commands, if installed."""

CLAIM_ONE = """
import sys
from optuna.study import StudyDirection
from pipeline.sweeping.database import create_database, full_address, study_lock
from pipeline.sweeping.study import create_study

storage = full_address(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
create_database(storage)
study = create_study("met", storage, [StudyDirection.MINIMIZE])
with study_lock(study, storage):
    print(study.ask().number)
"""

DATABASE_USER = "sweeper"
OBJECT_STORE = 75 * 2**20
"""Bytes; the least that Ray accepts."""

WITHOUT_FOLDER = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"']
"""Run a command for which a folder is empty; the next argument is the folder."""


def free_port() -> int:
    """An unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(happened: Callable[[], Any], *, seconds: float, process: subprocess.Popen[str] | None = None) -> Any:
    """Wait for a true value and return it; fail after `seconds`, or if `process` has ended."""
    end = time.monotonic() + seconds
    while not (result := happened()):
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the process ended early with status {process.returncode}: {process.communicate()}")
        assert time.monotonic() < end, f"the condition did not hold within {seconds} seconds"
        time.sleep(0.1)
    return result


def make_project(folder: Path) -> Path:
    """A project folder with this repository's `conf/`."""
    (folder / "conf").symlink_to(ROOT / "conf")
    return folder


def started_sweep(project: Path, *overrides: str, **environment: str) -> subprocess.Popen[str]:
    """Start a sweep of short trainings on 8×8 digits."""
    command = ["experiment", "-m", "hydra/sweeper=convtrack_optuna", "data=digits", "hydra.sweeper.pruner.name=none"]
    unset = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "HYDRA_FULL_ERROR")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *command, *overrides],
        cwd=project,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kill this process and its descendants when the block ends."""
    with process:
        try:
            yield process
        finally:
            kill_tree(process)


def claimed_numbers(storage: str, folder: Path, processes: int = 8) -> list[str]:
    """The numbers of the trials that processes claim when they open an empty database at the same time."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", CLAIM_ONE, storage]
    path = os.environ | {"PYTHONPATH": str(ROOT)}
    claiming = [subprocess.Popen(command, cwd=folder, env=path, text=True, **pipes) for _ in range(processes)]
    for process in claiming:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in claiming:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in claiming]
    assert all(output.strip().isdigit() for output, _ in outputs), outputs
    return sorted(output.strip() for output, _ in outputs)


def kill_tree(process: subprocess.Popen[str]) -> None:
    """Kill a process and its descendants with SIGKILL, and wait for their end."""
    killed: set[psutil.Process] = set()
    # Suspend them first and look again: a process that is still running may start others meanwhile.
    for _ in range(2):
        for one in tree(process):
            killed.add(one)
            with suppress(psutil.NoSuchProcess):
                one.suspend()
    for one in killed:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
    psutil.wait_procs(killed, timeout=10)


def tree(process: subprocess.Popen[str]) -> set[psutil.Process]:
    """A process and its descendants."""
    try:
        top = psutil.Process(process.pid)
        return {top, *top.children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


def trials(storage: str, sweep: str, *states: TrialState) -> list[FrozenTrial]:
    """The trials of a sweep in these states, or in any state; empty if the sweep does not exist yet."""
    try:
        return trials_of(open_study(sweep, storage), *states)
    except UserError:
        return []


def run_states(project: Path) -> list[str]:
    """The state of every MLflow run of the project."""
    with warnings.catch_warnings():
        # MLflow's table definitions raise a deprecation warning of SQLAlchemy 2.1 when they are imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(experiments, max_results=1000)]


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster on this machine whose nodes have one CPU each; `environment` is needed to connect."""

    address: str
    environment: dict[str, str]
    folder: Path
    stack: ExitStack
    nodes: list[subprocess.Popen[str]]

    @property
    def head(self) -> subprocess.Popen[str]:
        """The node with the tables of the cluster."""
        return self.nodes[0]

    @property
    def second(self) -> subprocess.Popen[str]:
        """A node that the cluster can lose."""
        return self.nodes[1]

    def temporary(self, node: int) -> Path:
        """The folder for temporary files of a node."""
        return self.folder / f"node-{node}"

    def join(self, *options: str, hidden: Path | None = None) -> subprocess.Popen[str]:
        """Start another node and wait until it runs. It does not see the files in the folder `hidden`."""
        number = len(self.nodes)
        self.temporary(number).mkdir()
        limits = ["--num-cpus=1", f"--object-store-memory={OBJECT_STORE}", "--node-ip-address=127.0.0.1"]
        covering = [*WITHOUT_FOLDER, str(hidden)] if hidden is not None else []
        with (self.folder / f"node-{number}.log").open("w") as log:
            process = subprocess.Popen(
                [*covering, str(RAY), "start", "--block", *limits, *(options or [f"--address={self.address}"])],
                cwd=self.temporary(number),
                env=os.environ | self.environment | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary(number))},
                stdout=log,
                stderr=log,
                text=True,
            )
        self.stack.enter_context(ending(process))
        self.nodes.append(process)
        log_file = self.folder / f"node-{number}.log"
        until(lambda: "Ray runtime started" in log_file.read_text(), seconds=180, process=process)
        return process


@contextmanager
def ray_cluster(folder: Path, nodes: int = 2, *, hidden: Path | None = None) -> Iterator[Cluster]:
    """A cluster whose nodes have another working directory than the project, and do not see the folder `hidden`."""
    # Without a token, anyone who can reach a node can run code on it.
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    address = f"127.0.0.1:{free_port()}"
    # Ray's sockets are in this folder, and a socket path has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as sockets, ExitStack() as stack:
        cluster = Cluster(address, token, folder, stack, [])
        port = f"--port={address.rpartition(':')[2]}"
        first = ["--head", port, "--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={sockets}"]
        cluster.join(*first, hidden=hidden)
        for _ in range(nodes - 1):
            cluster.join(hidden=hidden)
        yield cluster


@dataclass(frozen=True)
class DatabaseServer:
    """A private PostgreSQL server with a password."""

    folder: Path
    port: int
    password: str
    account: pwd.struct_passwd | None

    @property
    def address(self) -> str:
        """The address of the database, as a user writes it."""
        return f"postgresql://{DATABASE_USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        # Commits must survive a crash of the server but not of the machine, so fsync is off.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.command("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def stop(self, how: str) -> None:
        """Stop the server: `fast` closes connections, `immediate` simulates a crash."""
        self.command("pg_ctl", "stop", "-w", "-D", "data", "-m", how)

    def command(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's commands, as another user if this one is root, because PostgreSQL refuses root."""
        assert POSTGRESQL is not None
        account: dict[str, Any] = {}
        if self.account is not None:
            account = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        with (self.folder / "commands.log").open("a") as log:
            subprocess.run(
                [str(POSTGRESQL / name), *arguments], cwd=self.folder, stdout=log, stderr=log, check=True, **account
            )


@contextmanager
def postgresql() -> Iterator[DatabaseServer]:
    """A server with an empty database."""
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    # Outside pytest's folders, which other accounts cannot read.
    with tempfile.TemporaryDirectory(prefix="postgresql") as name:
        server = DatabaseServer(Path(name), free_port(), secrets.token_hex(16), account)
        (server.folder / "password").write_text(server.password)
        if account is not None:
            for path in (server.folder, server.folder / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        access = ["--auth=scram-sha-256", "--pwfile=password", f"--username={DATABASE_USER}"]
        server.command("initdb", "-D", "data", "--no-sync", "--encoding=UTF8", "--locale=C", *access)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # The server may be stopped already.
                server.stop("immediate")
