"""A demonstration of a team's MLflow server: users, PostgreSQL for runs, and a store with the protocol of S3 for files.

    python -m development.team_server [--folder .server] [--port 5050]

Everything listens on 127.0.0.1 and keeps its state in the folder, so a stopped server continues. The file `environment`
in it has what clients and backups need: `. .server/environment`. docs/team.md describes a server for real use.
"""

import argparse
import os
import pwd
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from pipeline.cli.ports import check_free, port
from pipeline.errors import UserError
from pipeline.storage.files import replacing

HOST = "127.0.0.1"
BUCKET = "mlflow"
DATABASE = "mlflow"
ADMINISTRATOR = "admin"
LAST_PORT = 65535
SECRETS = 4
SECRET = re.compile("[0-9a-f]{32}")
PATIENCE = 120
"""Seconds for a server to answer: MLflow's start creates the tables."""


def main(arguments: Sequence[str]) -> None:
    """Start the three servers, print how to use them, and stop them at Ctrl-C or when one of them ends."""
    command = argparse.ArgumentParser("make server", description=(__doc__ or "").partition("\n")[0])
    command.add_argument("--folder", type=Path, default=Path(".server"), help="state of the servers (default: .server)")
    command.add_argument(
        "--port", type=_first_port, default=5050, help="port of MLflow; the two next ones are used, too"
    )
    given = command.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with running(given.folder.resolve(), given.port) as servers:
        print(f"MLflow: http://{HOST}:{given.port}, user {ADMINISTRATOR}. In another terminal:", flush=True)
        print(f"  . {shlex.quote(f'{given.folder}/environment')} && convtrack publish", flush=True)
        while all(server.poll() is None for server in servers.values()):
            time.sleep(0.5)
        ended = next(name for name, server in servers.items() if server.poll() is not None)
        raise UserError(f"The server {ended} has ended. Its log is {given.folder}/{ended}.log.")


def _first_port(text: str) -> int:
    """Read the value of `--port`, the first of three ports."""
    first = port(text)
    if first > LAST_PORT - 2:
        raise UserError(
            f"`--port` must be at most {LAST_PORT - 2}, because the two next ports are used, too. Received {first}."
        )
    return first


@contextmanager
def running(folder: Path, first_port: int) -> Iterator[Mapping[str, "subprocess.Popen[bytes]"]]:
    """Run the servers of a folder within the block, and yield their processes by name."""
    programs = _programs()
    for number in range(first_port, first_port + 3):
        check_free(number, "python -m development.team_server")
    environment = _environment(folder, first_port)
    with ExitStack() as stack:
        database = stack.enter_context(_database(folder, environment, programs))
        files = stack.enter_context(
            _server(folder, "files", _files_command(folder, environment, programs), environment)
        )
        (folder / "files" / BUCKET).mkdir(exist_ok=True)
        tracking = stack.enter_context(_server(folder, "tracking", _tracking_command(first_port), environment))
        _wait(partial(_healthy, f"http://{HOST}:{first_port}/health"), tracking, folder / "tracking.log")
        yield {"database": database, "files": files, "tracking": tracking}


def _programs() -> dict[str, str]:
    """The paths of PostgreSQL's and rclone's programs.

    Raises:
        UserError: something is not installed.
    """
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))[-1:]
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, newest), str(Path(sys.executable).parent)])
    found = {name: shutil.which(name, path=places) for name in ("initdb", "postgres", "createdb", "rclone")}
    missing = [name for name, program in found.items() if program is None]
    packages = [name for name in ("psycopg", "boto3", "flask_wtf") if find_spec(name) is None]
    if missing or packages:
        raise UserError(
            f"The server needs {', '.join(missing + packages)}. Install PostgreSQL (`sudo apt install postgresql`) and "
            "the extras (`pip install -r requirements-extras.lock`)."
        )
    return {name: str(program) for name, program in found.items()}


def _environment(folder: Path, first_port: int) -> dict[str, str]:
    """The variables of all servers and clients. The secrets are made once; only the user may read their file."""
    folder.mkdir(parents=True, exist_ok=True)
    administrator, database, store, session = _secrets(folder / "secrets")
    clients = {
        "MLFLOW_TRACKING_URI": f"http://{HOST}:{first_port}",
        "MLFLOW_TRACKING_USERNAME": ADMINISTRATOR,
        "MLFLOW_TRACKING_PASSWORD": administrator,
        "PGHOST": HOST,
        "PGPORT": str(first_port + 1),
        "PGUSER": DATABASE,
        "PGPASSWORD": database,
        "PGDATABASE": DATABASE,
        "AWS_ACCESS_KEY_ID": "mlflow",
        "AWS_SECRET_ACCESS_KEY": store,
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_S3_ENDPOINT_URL": f"http://{HOST}:{first_port + 2}",
    }
    _write_privately(folder / "environment", "".join(f"export {name}={value}\n" for name, value in clients.items()))
    (folder / "users.ini").write_text(
        "[mlflow]\ndefault_permission = READ\nauth_cache_ttl_seconds = 60\n"
        f"database_uri = postgresql://{HOST}:{first_port + 1}/{DATABASE}\nadmin_username = {ADMINISTRATOR}\n",
        encoding="ascii",
    )
    return {
        **clients,
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "users.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": administrator,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": session,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # The jobs are for language models.
        "RCLONE_AUTH_KEY": f'"mlflow,{store}"',
    }


def _secrets(file: Path) -> list[str]:
    """The passwords of the administrator, the database and the store, and the key of sessions; made if missing.

    Raises:
        UserError: the file is damaged.
    """
    if not file.exists():
        with replacing(file) as unfinished:
            _write_privately(unfinished, "\n".join(secrets.token_hex(16) for _ in range(SECRETS)))
    try:
        found = file.read_bytes().decode("ascii").split()
    except (IsADirectoryError, UnicodeDecodeError):
        found = []
    if len(found) != SECRETS or not all(map(SECRET.fullmatch, found)):
        raise UserError(
            f"{file} is damaged: it must hold {SECRETS} secrets of 32 hexadecimal digits. Restore it from a backup, or "
            f"move the folder {file.parent} away to begin with an empty server."
        )
    return found


def _write_privately(file: Path, text: str) -> None:
    """Write a file that only the user may read, from its first moment."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as stream:
        stream.write(text)


@contextmanager
def _database(
    folder: Path, environment: Mapping[str, str], programs: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """PostgreSQL with the database of the runs. Root runs it as the user postgres, because PostgreSQL refuses root."""
    data, account = folder / "database", _account()
    if not (data / "PG_VERSION").is_file():
        _create(folder, data, environment["PGPASSWORD"], programs, account)
    options = ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories=", "-p", environment["PGPORT"]]
    with _server(
        folder,
        "database",
        [programs["postgres"], "-D", str(data), *options],
        environment,
        stop=signal.SIGINT,
        **account,
    ) as server:
        variables = os.environ | environment

        def created() -> bool:
            done = subprocess.run([programs["createdb"], DATABASE], env=variables, capture_output=True)
            return done.returncode == 0 or b"already exists" in done.stderr

        _wait(created, server, folder / "database.log")
        yield server


def _create(folder: Path, data: Path, password: str, programs: Mapping[str, str], account: Mapping[str, Any]) -> None:
    """Create an empty cluster of PostgreSQL with a password."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    secret = folder / "password"
    _write_privately(secret, password)
    if account:
        for path in (data, secret):
            shutil.chown(path, account["user"], account["group"])
    access = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={DATABASE}"]
    command = [programs["initdb"], "-D", str(data), "--encoding=UTF8", "--locale=C.UTF-8", *access]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **account)
    secret.unlink()
    if done.returncode:
        reason = " ".join(done.stderr.split())[-300:]
        raise UserError(f"PostgreSQL cannot create a database in {folder} ({reason}). Choose another folder.")


def _account() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _files_command(folder: Path, environment: Mapping[str, str], programs: Mapping[str, str]) -> list[str]:
    """A store with the protocol of S3 whose buckets are folders."""
    (folder / "files").mkdir(exist_ok=True)
    address = environment["MLFLOW_S3_ENDPOINT_URL"].removeprefix("http://")
    return [programs["rclone"], "serve", "s3", str(folder / "files"), "--addr", address]


def _tracking_command(number: int) -> list[str]:
    # The addresses have no password: PostgreSQL's library reads it from the environment.
    return [
        *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "2"),
        *("--host", HOST, "--port", str(number)),
        *("--backend-store-uri", f"postgresql://{HOST}:{number + 1}/{DATABASE}"),
        *("--artifacts-destination", f"s3://{BUCKET}"),
    ]


@contextmanager
def _server(
    folder: Path,
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stop: signal.Signals = signal.SIGTERM,
    **account: Any,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server in a session of its own, so that Ctrl-C stops the servers one after another, in order."""
    with (folder / f"{name}.log").open("ab") as log:
        server = subprocess.Popen(
            command, env=os.environ | environment, stdout=log, stderr=log, cwd="/", start_new_session=True, **account
        )
    try:
        yield server
    finally:
        server.send_signal(stop)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(answers: Callable[[], bool], server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers.

    Raises:
        UserError: it has ended, or does not answer within `PATIENCE` seconds.
    """
    until = time.monotonic() + PATIENCE
    while not answers():
        if time.monotonic() > until or server.poll() is not None:
            raise UserError(f"The server {log.stem} does not start. Its log is {log}.")
        time.sleep(0.2)


def _healthy(address: str) -> bool:
    with suppress(URLError, OSError):
        urlopen(address, timeout=5).close()
        return True
    return False


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(0)
    except UserError as problem:
        sys.exit(f"make server: {problem}")
