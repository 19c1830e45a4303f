"""MLflow: what is written to it and read from it. Only this package imports mlflow."""
