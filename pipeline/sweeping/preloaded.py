"""What the workers of a sweep have imported when they start (`pipeline.training.fork_server`)."""

from pipeline.training.fork_server import preload

USED_BY_TRIALS = (
    "hydra_plugins.hydra_joblib_launcher._core",
    "pipeline.experiment",
    "pipeline.sweeping.job",
    "pipeline.training.replicate",
)
"""Named instead of imported, because one of them lies above this package."""

preload(USED_BY_TRIALS)
