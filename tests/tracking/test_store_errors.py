"""What a server answers that is not MLflow, does not permit a request or fails, as one sentence with the remedy."""

import json
import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError, ProgrammingError

from pipeline.errors import Unreachable, UserError
from pipeline.tracking.store_errors import reading_errors, store_failures
from pipeline.tracking.tracker import Tracker
from tests.tracking.certificates import write_certificate

HTML = ("text/html", b"<!doctype html><title>Sign in</title>" + b"x" * 500)


@contextmanager
def answering(status, content=HTML, *, location=None, tls=None):
    """The address of a server that answers every request in this way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", content[0])
            self.send_header("Content-Length", str(len(content[1])))
            if location and not self.path.startswith("/login"):
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content[1])

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture
def opened(project, monkeypatch):
    """A function that opens the store at an address and returns the error message, without the address."""

    def error_message(address):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(UserError) as error:
            Tracker.open("digits")
        message = str(error.value)
        assert "\n" not in message and "<" not in message and message.endswith(".")
        assert list(project.iterdir()) == [project / ".convtrack"]
        return message.replace(address, "ADDRESS")

    for name in ("USERNAME", "PASSWORD", "TOKEN", "SERVER_CERT_PATH"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    return error_message


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, HTML),
        (404, HTML),
        (404, ("application/json", b'{"detail": "Not Found"}')),
        (200, ("text/plain", b"hello")),
    ],
)
def test_another_service_or_a_login_page_is_not_taken_for_a_stopped_server(opened, status, content):
    with answering(status, content) as address:
        assert opened(address) == (
            "The server at ADDRESS is not an MLflow server. Correct host, port and path in MLFLOW_TRACKING_URI."
        )


def test_the_target_of_a_redirection_is_named(opened):
    with answering(302, location="/login?next=mlflow") as address:
        assert opened(address).endswith(" It redirects to /login?next=mlflow: if MLflow is there, use that address.")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_is_not_called_unreachable(opened, status):
    with answering(status) as address:
        assert opened(address) == (
            f"The tracking server ADDRESS failed (HTTP status {status}). See its log for the cause, and run the same "
            "command again when it works; finished work is kept."
        )


def test_a_proxy_that_refuses_a_large_file_is_named(opened):
    with answering(413) as address:
        message = opened(address)
        assert message.startswith(
            "A proxy in front of the tracking server ADDRESS rejects a request because it is too large"
        )
        assert "`client_max_body_size`" in message


def test_an_error_of_mlflow_itself_is_a_failure_of_the_server(opened):
    report = json.dumps({"error_code": "INTERNAL_ERROR", "message": "database is locked"})
    with answering(500, ("application/json", report.encode())) as address:
        assert opened(address).startswith("The tracking server ADDRESS failed (HTTP status 500).")


def test_a_missing_a_wrong_and_an_expired_credential_have_different_messages(opened, monkeypatch):
    with answering(401, ("text/html", b"You are not authenticated.")) as address:
        assert opened(address) == (
            "The tracking server ADDRESS requires a user name and a password. Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD."
        )
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "expired")
        assert opened(address).startswith("The tracking server ADDRESS rejects the token. Set MLFLOW_TRACKING_TOKEN")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "mistaken")
        message = opened(address)
        assert message.startswith("The tracking server ADDRESS rejects the password of user 'ann'. Set ")
        assert "mistaken" not in message


def test_a_permission_that_is_missing_is_named(opened):
    with answering(403, ("text/plain", b"Permission denied")) as address:
        assert "does not permit this to this user (HTTP status 403). Logging needs the permission MANAGE" in opened(
            address
        )


def test_a_host_name_that_the_server_does_not_accept_is_named(opened):
    with answering(403, ("text/plain", b"Invalid Host header - possible DNS rebinding attack detected")) as address:
        host = address.removeprefix("http://")
        assert f"does not accept requests for the host name {host}. Start it with `--allowed-hosts {host}`" in opened(
            address
        )


def test_an_untrusted_certificate_is_reported_with_the_variable_that_trusts_it(opened, tmp_path_factory):
    certificate = write_certificate(tmp_path_factory.mktemp("certificate"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with answering(200, tls=tls) as address:
        message = opened(address)
    assert message.startswith("The certificate of ADDRESS is not trusted (self-signed certificate). Set ")
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in message


def test_https_to_a_server_without_a_certificate_is_reported(opened):
    with answering(200) as address:
        message = opened(address.replace("http:", "https:"))
    assert "does not support TLS" in message and "write http:// in place of https://" in message


def test_a_database_server_that_does_not_answer_is_given_up_soon(opened, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")  # The least that PostgreSQL's library accepts.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        message = opened(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/mlflow")
    assert message.startswith("The tracking store ADDRESS cannot be reached (") and "timeout" in message


def test_a_stopped_server_is_unreachable_and_may_be_tried_again(project, monkeypatch):
    with answering(200) as address:
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(Unreachable, match=r"cannot be reached \(Connection refused\)"):
        Tracker.open("digits")


@pytest.mark.parametrize(
    ("address", "text", "raised"),
    [
        ("http://127.0.0.1:1", "API request to x failed with exception refused", Unreachable),
        ("http://127.0.0.1:1", "parameter too long", MlflowException),
        ("http://127.0.0.1:1", "failed: 413 Client Error: too large", MlflowException),
        ("http://127.0.0.1:1", "failed: 503 Server Error: busy", Unreachable),
        ("http://127.0.0.1:1", "API request to x failed with exception: too many 429 error responses", Unreachable),
        ("sqlite:///runs.db", "(sqlite3.OperationalError) database is locked", Unreachable),
        ("sqlite:///runs.db", "(sqlite3.OperationalError) no such table: runs", MlflowException),
        ("sqlite:///runs.db", "(sqlite3.OperationalError) database or disk is full", OSError),
    ],
)
def test_only_a_store_that_does_not_respond_is_unreachable(monkeypatch, address, text, raised):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(Exception, match=r".") as error, store_failures():
        raise MlflowException(text)
    assert type(error.value) is raised


@pytest.mark.parametrize(
    ("cause", "raised"),
    [
        (
            OperationalError("insert", {}, Exception("(psycopg.errors.AdminShutdown) shut down")),
            Unreachable,
        ),
        (OperationalError("insert", {}, Exception("(psycopg.errors.DiskFull) No space left on device")), OSError),
        (ProgrammingError("insert", {}, Exception("(psycopg.errors.UndefinedTable) no table")), MlflowException),
    ],
)
def test_a_database_server_that_fails_or_is_full_is_told_from_a_rejected_statement(monkeypatch, cause, raised):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://127.0.0.1/x")
    with pytest.raises(Exception, match=r".") as error, store_failures():
        raise MlflowException(str(cause)) from cause
    assert type(error.value) is raised


def test_a_store_that_does_not_respond_while_it_is_read_is_not_called_damaged(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    with pytest.raises(Unreachable, match="run the same command again"), reading_errors():
        raise MlflowException("failed: 503 Server Error: busy")


def test_an_error_while_a_store_is_read_names_the_reason():
    with pytest.raises(UserError, match=r"cannot be read \(no such table: runs\)\. If it is damaged"), reading_errors():
        raise MlflowException("no such table: runs")
