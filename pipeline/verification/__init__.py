"""Whether reports, run folders, MLflow, dvc.lock, data and code belong together, and why a stage would run again."""
