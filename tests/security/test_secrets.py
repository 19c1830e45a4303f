"""No message has passwords and tokens: addresses, environment variables, overrides, tracebacks, failed connections."""

import pytest

from pipeline.cli.arguments import check_arguments
from pipeline.cli.main import _print_bug
from pipeline.errors import UserError, reason
from pipeline.safe_text import redacted
from pipeline.sweeping.database import full_address
from pipeline.tracking.connection import connecting

MARK = "s3cr3t-mark"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"https://me:{MARK}@host:5000/path", "https://host:5000/path"),
        (f"https://{MARK}@host/owner/project.git", "https://host/owner/project.git"),
        (f"postgresql://me:{MARK}/x@host/runs", "postgresql://host/runs"),
        (f"postgresql+psycopg://me:a@{MARK}@host/runs", "postgresql+psycopg://host/runs"),
        (f"(could not open 'mysql://me:{MARK}@host/a')", "(could not open 'mysql://host/a')"),
        (f"s3://bucket/a?X-Amz-Signature={MARK}&part=1", "s3://bucket/a?X-Amz-Signature=***&part=1"),
        (f"postgresql://host/runs?user=me&password={MARK}", "postgresql://host/runs?user=me&password=***"),
        (f"https://host/?access_token={MARK}#top", "https://host/?access_token=***"),
        (f"postgresql://me:2024/{MARK}@host:1/runs", "postgresql://host:1/runs"),
        (f"{{'uri': 'mysql+pymysql://me:it's-{MARK}@host/runs'}}", "{'uri': 'mysql+pymysql://host/runs'}"),
        (f"http://me:it's-{MARK}@host:5000", "http://host:5000"),
        (f"postgresql://host/runs?pass={MARK}", "postgresql://host/runs?pass=***"),
        (f"'postgresql://host/runs?password=it's-{MARK}'", "'postgresql://host/runs?password=***'"),
        (f"two: http://a:{MARK}@b http://c:{MARK}@d", "two: http://b http://d"),
    ],
)
def test_a_text_loses_the_secrets_of_its_addresses(text, clean):
    assert redacted(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "models:/digits@champion",
        "http://127.0.0.1:5000/#/models/digits@champion",
        "http://host:5000/a@b?viewStateShareKey=table&workflowType=x",
        "me@example.org wrote //a comment: b@c",
        "sqlite:///mlflow.db",
        "data/a@2x.png",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert redacted(text) == text


def test_the_values_of_secret_variables_are_removed(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", MARK)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-one")
    monkeypatch.setenv("PGPASSWORD", "short")
    assert redacted(f"Invalid header {MARK}; another-one; a short text") == "Invalid header ***; ***; a short text"


@pytest.mark.parametrize(
    ("address", "text", "clean"),
    [
        (f"http://me:2024/{MARK}@host", f"no host me:2024, path /{MARK}@host", "no host me:2024, path /***@host"),
        (f"mysql://me:a@{MARK}@host/runs", f"Can't connect to '{MARK}@host'", "Can't connect to '***@host'"),
        ("http://me:a%20s3cr3t@host", "login 'a s3cr3t' failed", "login '***' failed"),
        ("http://me:1/x@host", "at http://me:1/x@host/a", "at http://host/a"),
        (f"http://host?password='{MARK}", f"at http://host?password='{MARK}", "at http://host?password=***"),
        ("http://host:5000", "http://host:5000 and a@b", "http://host:5000 and a@b"),
    ],
)
def test_the_password_of_the_tracking_server_is_removed_wherever_it_is(address, text, clean, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert redacted(text) == clean


def test_the_reason_of_a_failure_has_no_password():
    assert reason(ValueError(f"http://me:{MARK}@host")) == "ValueError: http://host"


def test_a_traceback_has_no_password(capsys):
    try:
        raise RuntimeError(f"http://me:{MARK}@host")
    except RuntimeError as problem:
        _print_bug(None, problem, None)
    printed = capsys.readouterr().err
    assert "RuntimeError: http://host" in printed and "Traceback" in printed


@pytest.mark.parametrize(
    "override",
    [
        f"hydra.sweeper.storage=postgresql://me:{MARK}@host/sweeps",
        f"hydra.sweeper.storage='postgresql://host/sweeps?password={MARK}'",
        f"hydra.sweeper.storage=postgresql://me:2024/{MARK}@host/sweeps",
        f"+hydra.job.env_set.MLFLOW_TRACKING_PASSWORD={MARK}",
        f"++hydra.launcher.ray.init.runtime_env.env_vars.PGPASSWORD={MARK}",
    ],
)
def test_an_override_with_a_password_is_refused_before_hydra_writes_it(override):
    with pytest.raises(UserError, match="must not contain a password") as error:
        check_arguments(["-m", "model=lenet5", override])
    assert MARK not in str(error.value)


def test_an_override_with_the_user_of_a_database_is_accepted():
    check_arguments(["-m", "model=lenet5", "hydra.sweeper.storage=postgresql://me@host/sweeps"])


@pytest.mark.parametrize(
    "storage",
    [
        f"postgres:/me:{MARK}@host/a",
        f"mysql://me:{MARK}@host/a",
        f"x://a?password={MARK}",
        f"x://me:2024/{MARK}@host/a",
        f"postgresql://me:2024/it's-{MARK}@host/a",
        f"postgresql://host/a?sslpassword={MARK}",
    ],
)
def test_the_message_about_the_database_of_sweeps_has_no_password(storage):
    with pytest.raises(UserError) as error:
        full_address(storage)
    assert MARK not in str(error.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "address",
    [
        "http://me:{}@127.0.0.1:1",
        "https://me:{}@127.0.0.1:1",
        "http://me:{}@127.0.0.1:none",
        "http://me:{}@[::1",
        "postgresql://me:{}@127.0.0.1:1/runs",
        "postgresql+psycopg://me:{}@127.0.0.1:1/runs?connect_timeout=2",
        "postgresql://me:a/{}@127.0.0.1:none/runs",
        "mysql+pymysql://me:{}@127.0.0.1:1/runs",
        "postgresql://me:2024/{}@127.0.0.1:1/runs",
        "postgresql://me:it's-{}@127.0.0.1:1/runs",
        "http://me:2024/{}@127.0.0.1:1",
        "https://me:it's-{}@127.0.0.1:1",
        "postgresql://me:a@{}@127.0.0.1:1/runs",
        "mssql://me:{}@127.0.0.1:1/runs",
        "unknown://me:{}@127.0.0.1:1/runs",
    ],
)
def test_the_message_about_an_unreachable_store_has_no_password(address, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(MARK))
    with pytest.raises(UserError) as error, connecting() as client:
        client.search_experiments()
    assert MARK not in str(error.value)
    assert "127.0.0.1" in str(error.value) or "[::1" in str(error.value)
