"""The runs of the reproduced project in its store."""

import sqlite3
from contextlib import closing
from pathlib import Path

MODEL = "lecture_cnn"
RUN = Path("runs") / MODEL


def run_id(name):
    with closing(sqlite3.connect("mlflow.db")) as store:
        ((identity,),) = store.execute("select run_uuid from runs where name = ?", (name,))
    return str(identity)


def chain(word):
    from pipeline.tracking.store import Store
    from pipeline.verification.recorded_run import recorded_run
    from pipeline.verification.run_chain import run_checks

    return {check.subject: (check.state, check.found) for check in run_checks(recorded_run(Store.open(), word))}
