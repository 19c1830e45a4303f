"""What a process needs to train, imported once in the process that the workers are forked from.

Importing TensorFlow takes seconds, a fork milliseconds.
"""

import gc

from pipeline.training.runtime import start_tensorflow

start_tensorflow()

from pipeline.training import export, latency, replicate  # noqa: E402, F401

# Keras collects garbage before it builds a network. Frozen objects are skipped, and their memory stays shared.
gc.collect()
gc.freeze()
