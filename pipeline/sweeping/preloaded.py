"""What the workers of a sweep have imported when they start (`pipeline.training.fork_server`)."""

from multiprocessing.util import register_after_fork

from pipeline.storage.processes import end_with_parent
from pipeline.training.fork_server import preload

USED_BY_TRIALS = (
    "hydra_plugins.hydra_joblib_launcher._core",
    "pipeline.experiment",
    "pipeline.sweeping.job",
    "pipeline.training.replicate",
)
"""Named instead of imported, because one of them lies above this package."""

preload(USED_BY_TRIALS)
# A worker watches the sweep from its first trial on (`pipeline.sweeping.job`). If the sweep is killed before, the pool
# would let it wait for five minutes.
register_after_fork(end_with_parent, lambda end: end())
