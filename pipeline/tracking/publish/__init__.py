"""Log models to MLflow: live while they train, or afterwards from their run folders. Only missing values are logged."""
