"""Errors of a tracking store as `UserError`: what its server or database reports, and what to do about it."""

import errno
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import requests
from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException, RestException
from mlflow.utils.credentials import read_mlflow_creds
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from pipeline.errors import DISK_FULL, Rejected, Unreachable, UserError
from pipeline.safe_text import redacted
from pipeline.tracking.address import DEFAULT_STORE, shown, store_address

STORE_ERRORS = (MlflowException, requests.RequestException, SQLAlchemyError, OSError, Unreachable)
"""Exceptions of a store that is unreachable or rejects a request."""
STATUS = re.compile(r"error code (\d{3}) !=|too many (\d{3}) error responses|\b(\d{3}) (?:Client|Server) Error")
"""The HTTP status in the message of an exception of MLflow."""
NO_CONNECTION = "failed with exception"
"""Part of MLflow's message about a request that no server has received."""
OVERLOADED = (408, 429)
"""HTTP statuses of a server that may accept the same request later."""
NO_SPACE = ("disk is full", "No space left on device")
"""What SQLite and PostgreSQL report about a full disk."""
LOCAL = "unset MLFLOW_TRACKING_URI to keep runs in " + DEFAULT_STORE


def connection_error(problem: Exception, address: str) -> Exception:
    """The error to raise for an exception while the store at this address is opened."""
    reason = _root_cause(problem)
    if any(sign in reason for sign in NO_SPACE):
        return OSError(errno.ENOSPC, reason, shown(address))
    if address.startswith("http"):
        return server_error(problem, address) or Unreachable(
            _unreachable(reason, address, f"Check the address and that the server runs, or {LOCAL}.")
        )
    if address.startswith("sqlite:") and "malformed" in reason:
        advice = "Restore the file from a copy, or move it away and fill a new one with `convtrack publish`."
        return Unreachable(_unreachable(reason, address, advice))
    if address.startswith("sqlite:") and "locked" in reason:
        return Unreachable(_unreachable(reason, address, "Another program uses it: run the same command again."))
    if address.startswith("sqlite:"):
        advice = "If another version of MLflow wrote it, move it away; otherwise check its folder and permissions."
        return Unreachable(_unreachable(reason, address, advice))
    failed = any(isinstance(one, OperationalError) for one in causes(problem))
    advice = "Check that the database server runs and" if failed else "Check"
    return Unreachable(_unreachable(reason, address, f"{advice} that MLFLOW_TRACKING_URI is right, or {LOCAL}."))


def lost_store(problem: Exception) -> Exception | None:
    """Return the error to raise if the project's store does not respond or its disk is full, else None.

    After such an error, work that needs the store can be tried again.
    """
    if isinstance(problem, Rejected):
        return None
    if isinstance(problem, Unreachable) or (isinstance(problem, OSError) and problem.errno in DISK_FULL):
        return problem
    address, text, status = store_address(), str(problem), _status(problem)
    if address.startswith("sqlite:"):
        lost = "database is locked" in text or any(sign in text for sign in NO_SPACE)
    elif status is not None:
        lost = status >= 500 or status in OVERLOADED
    else:
        database = any(isinstance(one, OperationalError) for one in causes(problem))
        lost = database or isinstance(problem, requests.RequestException) or NO_CONNECTION in text
    error = connection_error(problem, address) if lost else None
    return error if isinstance(error, Unreachable | OSError) else None


@contextmanager
def store_failures() -> Iterator[None]:
    """Turn a lost store in the block into the error of `lost_store`. Other errors are raised unchanged.

    Raises:
        Unreachable: the store does not respond.
        OSError: its disk is full.
    """
    try:
        yield
    except (MlflowException, requests.RequestException, SQLAlchemyError) as problem:
        if lost := lost_store(problem):
            raise lost from None
        raise


@contextmanager
def reading_errors() -> Iterator[None]:
    """Turn errors of the project's store in the block, such as a damaged table, into a `UserError`.

    Raises:
        UserError: the store cannot be read.
        Unreachable: it does not respond.
    """
    try:
        yield
    except (MlflowException, requests.RequestException, SQLAlchemyError) as problem:
        if isinstance(lost := lost_store(problem), Unreachable):
            raise lost from None
        raise UserError(
            f"The tracking store {shown(store_address())} cannot be read ({_root_cause(problem)}). If it is damaged, "
            "restore it from a copy, or move it away and fill a new one with `convtrack publish`."
        ) from None


def server_error(problem: Exception, address: str) -> UserError | None:
    """The error for an exception that a server or its certificate has caused; None for any other exception."""
    if tls := _tls_error(problem, address):
        return tls
    text = " ".join(str(problem).split())
    status = _status(problem)
    if status == 401:
        return _unauthenticated(address)
    if status == 403:
        return _forbidden(text, address)
    if status == 413:
        return UserError(
            f"A proxy in front of the tracking server {shown(address)} rejects a request because it is too large (HTTP "
            "status 413). Raise the proxy's limit (in nginx, `client_max_body_size`) and run the same command again; "
            "finished work is kept."
        )
    if status is not None and (status >= 500 or status in OVERLOADED):
        return Unreachable(
            f"The tracking server {shown(address)} failed (HTTP status {status}). See its log for the cause, and "
            "run the same command again when it works; finished work is kept."
        )
    foreign = isinstance(problem, RestException) and status is None
    if foreign or "valid JSON" in text or (status is not None and "API request to endpoint" in text):
        return _no_mlflow(address)
    return None


def logging_failed(problem: Exception) -> str:
    """The sentence to print for one of `STORE_ERRORS`, after which the work continues without logging."""
    explained = problem if isinstance(problem, UserError) else server_error(problem, store_address())
    return str(explained or f"MLflow is unreachable ({type(problem).__name__}).")


def _unreachable(reason: str, address: str, advice: str) -> str:
    return f"The tracking store {shown(address)} cannot be reached ({reason}). {advice}"


def causes(problem: BaseException) -> Iterator[BaseException]:
    """An exception and those that have caused it."""
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _status(problem: BaseException) -> int | None:
    """The HTTP status of the answer that led to an exception, None without one."""
    if isinstance(problem, requests.HTTPError) and problem.response is not None:
        return int(problem.response.status_code)
    found = STATUS.search(str(problem))
    if found:
        return int(next(group for group in found.groups() if group))
    # MLflow's own report of an error; that of another program has no error code.
    if isinstance(problem, RestException) and "error_code" in problem.json:
        return ERROR_CODE_TO_HTTP_STATUS.get(problem.error_code, 500)
    return None


def _tls_error(problem: Exception, address: str) -> UserError | None:
    found = next((one for one in causes(problem) if isinstance(one, ssl.SSLError)), None)
    if found is None:
        return None
    if isinstance(found, ssl.SSLCertVerificationError):
        return UserError(
            f"The certificate of {shown(address)} is not trusted ({found.verify_message}). Set "
            "MLFLOW_TRACKING_SERVER_CERT_PATH to the PEM file of the authority that issued it; if it was issued for "
            "another host name, write that name into MLFLOW_TRACKING_URI."
        )
    return UserError(
        f"{shown(address)} does not support TLS ({found.reason or found}). If the server has no certificate, write "
        "http:// in place of https:// in MLFLOW_TRACKING_URI."
    )


def _user() -> str | None:
    return read_mlflow_creds().username


def _unauthenticated(address: str) -> UserError:
    user = _user() or urlsplit(address).username
    if user:
        refused, variables = f"rejects the password of user '{user}'", "MLFLOW_TRACKING_USERNAME and "
    elif "MLFLOW_TRACKING_TOKEN" in os.environ:
        refused, variables = "rejects the token", "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
    else:
        refused, variables = "requires a user name and a password", "MLFLOW_TRACKING_USERNAME and "
    return UserError(f"The tracking server {shown(address)} {refused}. Set {variables}MLFLOW_TRACKING_PASSWORD.")


def _forbidden(text: str, address: str) -> UserError:
    if "Invalid Host header" in text:
        host = urlsplit(address).netloc.rpartition("@")[2]
        return UserError(
            f"The tracking server {shown(address)} does not accept requests for the host name {host}. Start it with "
            f"`--allowed-hosts {host}`, or use a name that it accepts."
        )
    user = f"user '{_user()}'" if _user() else "this user"
    return UserError(
        f"The tracking server {shown(address)} does not permit this to {user} (HTTP status 403). Logging needs the "
        "permission MANAGE for the experiment and the registered model: its owner or an administrator can grant it."
    )


def _no_mlflow(address: str) -> UserError:
    target = _redirection(address)
    redirected = f" It redirects to {shown(target)}: if MLflow is there, use that address." if target else ""
    return UserError(
        f"The server at {shown(address)} is not an MLflow server. Correct host, port and path in "
        f"MLFLOW_TRACKING_URI.{redirected}"
    )


def _redirection(address: str) -> str | None:
    """Where the root of a server redirects to."""
    with suppress(requests.RequestException):
        answer = requests.get(address, timeout=5, allow_redirects=False)
        return answer.headers.get("Location") if answer.is_redirect else None
    return None


def _root_cause(problem: BaseException) -> str:
    """The message of the operating system or the import error at the root of a chain, else that of `problem`."""
    message = str(problem)
    for cause in [*causes(problem)][1:]:
        if isinstance(cause, ImportError) or (isinstance(cause, OSError) and cause.strerror):
            message = str(getattr(cause, "strerror", cause))
    # SQLAlchemy appends the statement and a link.
    return redacted(" ".join(re.split(r"\[SQL|\(Background", message)[0].split()))[:300]
