"""The page of `convtrack watch`: trainings while they run, and finished ones as a replay.

The page reads the folders that trainings write (`pipeline.training.snapshots`). It needs neither TensorFlow nor MLflow.
"""
