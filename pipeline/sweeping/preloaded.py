"""The start of every worker of a sweep: importing this module loads what a trial needs, TensorFlow included.

Only the fork server of `pipeline.sweeping.launchers` imports it, once. Its workers are copies of it and share its
memory, so that TensorFlow is not imported by each of them.
"""

import gc
from contextlib import suppress
from importlib import import_module

from pipeline.training.runtime import start_tensorflow

USED_BY_TRIALS = (
    "hydra_plugins.hydra_joblib_launcher._core",
    "pipeline.experiment",
    "pipeline.sweeping.job",
    "pipeline.training.replicate",
)
"""Named instead of imported, because one of them lies above this package."""

with suppress(Exception):  # A trial meets the same error and reports it.
    start_tensorflow()
    for name in USED_BY_TRIALS:
        import_module(name)
# The garbage collector of a worker would otherwise copy the shared memory by writing to it.
gc.collect()
gc.freeze()
