"""From run folders to MLflow: whatever the store lacks of a model is added, as often as it is asked for."""
