"""Fill the tables of MLflow and of Optuna with SQL, which takes seconds where their own calls would take hours."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy

from pipeline.tracking.names import DATA_DIGEST, FINGERPRINT, KIND, MODEL

REPLICATES, EPOCHS, PARAMETERS = 4, 25, 10
FIRST = 1_000_000
"""The number of the first run; its id is the number in hexadecimal."""
GROUP = 1 + REPLICATES


class _Dialect(NamedTuple):
    """How a kind of database writes the id of the run with a number, and the value false."""

    identity: str
    false: str


DIALECTS = {
    "sqlite": _Dialect("printf('%032x', {})", "0"),
    "postgresql": _Dialect("lpad(to_hex({}), 32, '0')", "false"),
}


def fill_store(address: str, experiment: str, *, models: int, points: int) -> None:
    """Write finished models, four replicates of each, and so many points of the replicates' metrics into a store."""
    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        for statement in _statements(DIALECTS[engine.dialect.name], experiment, models, points):
            connection.execute(sqlalchemy.text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _statements(dialect: _Dialect, experiment: str, models: int, points: int) -> Iterator[str]:
    run, parent = dialect.identity.format("n"), dialect.identity.format(f"n - n % {GROUP}")
    last = FIRST + GROUP * models - 1
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT {FIRST} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
    began = "1700000000000 + CAST(n AS BIGINT) * 1000"
    model, is_replicate = f"'model_' || (n / {GROUP})", f"n % {GROUP} > 0"
    yield (
        "INSERT INTO runs "
        "(run_uuid, name, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id) "
        f"{numbers} SELECT {run}, {model}, 'FINISHED', {began}, {began} + 60000, 'active', "
        f"'{Path.cwd()}/mlartifacts/' || {run}, {experiment} FROM numbers"
    )
    tags = {
        "mlflow.runName": model,
        MODEL: model,
        FINGERPRINT: f"{run} || {run}",
        DATA_DIGEST: "'d1ce'",
        KIND: f"CASE WHEN {is_replicate} THEN 'replicate' ELSE 'model' END",
    }
    parameters = {f"training.setting_{one}": "CAST(n % 7 AS VARCHAR)" for one in range(PARAMETERS)}
    for table, values in (("tags", tags), ("params", parameters)):
        for key, value in values.items():
            yield f"INSERT INTO {table} (key, value, run_uuid) {numbers} SELECT '{key}', {value}, {run} FROM numbers"
    yield (
        f"INSERT INTO tags (key, value, run_uuid) {numbers} "
        f"SELECT 'mlflow.parentRunId', {parent}, {run} FROM numbers WHERE {is_replicate}"
    )
    columns = "(key, value, timestamp, step, is_nan, run_uuid)"
    steps = f"{numbers}, steps(s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM steps WHERE s < {EPOCHS})"
    # In the order of the primary key, so that its index grows at its end.
    for one in range(points // (EPOCHS * REPLICATES * models)):
        yield (
            f"INSERT INTO metrics {columns} {steps} SELECT 'val/metric_{one}', 1.0 / s, {began} + s, s, "
            f"{dialect.false}, {run} FROM numbers CROSS JOIN steps WHERE {is_replicate}"
        )
        yield (
            f"INSERT INTO latest_metrics {columns} {numbers} SELECT 'val/metric_{one}', {1 / EPOCHS}, "
            f"{began} + {EPOCHS}, {EPOCHS}, {dialect.false}, {run} FROM numbers WHERE {is_replicate}"
        )


def copy_sweeps(storage: str, sweeps: int, trials: int) -> None:
    """Copy the rows of the only sweep in a database of Optuna, which has so many trials, until there are `sweeps`."""
    engine = sqlalchemy.create_engine(storage)
    tables = sqlalchemy.MetaData()
    tables.reflect(engine)
    moved: dict[str, Callable[[int, Any], Any]] = {
        "study_id": lambda copy, value: value + copy,
        "trial_id": lambda copy, value: value + copy * trials,
        "study_name": lambda copy, value: f"{value}-{copy}",
    }
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            rows = [row._asdict() for row in connection.execute(table.select())]
            if table.name in ("alembic_version", "version_info") or not rows:
                continue
            own = next(iter(table.primary_key.columns)).name
            last = max(row[own] for row in rows)
            for copy in range(1, sweeps):
                changes = {own: lambda copy, value, last=last: value + copy * last} | moved
                copied = [
                    {name: changes[name](copy, value) if name in changes else value for name, value in row.items()}
                    for row in rows
                ]
                connection.execute(table.insert(), copied)
            if engine.dialect.name == "postgresql":
                # The copied rows have numbers of their own, which the sequence does not know.
                following = (
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{own}'), max({own})) FROM {table.name}"
                )
                connection.exec_driver_sql(following)
    engine.dispose()
