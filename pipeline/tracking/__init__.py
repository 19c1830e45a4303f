"""MLflow: log runs, read runs, and link to the pages of its UI. Only this package imports mlflow.

An experiment holds the runs of one data set: a parent run per model, below it a child run per replicate. A sweep has a
run, too, and below it a model's run per trial.
"""

import os

# MLflow reads these when it is imported. Values that the user has set are kept.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# PostgreSQL's client library would wait for more than two minutes for a server that does not respond.
os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
# MLflow would print the address of each run that ends, with the user name and the password in MLFLOW_TRACKING_URI.
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
