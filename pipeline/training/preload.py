"""What the workers of a training have imported when they start (`pipeline.training.fork_server`)."""

from pipeline.training.fork_server import preload

preload(("pipeline.training.replicate", "pipeline.training.latency", "pipeline.training.export"))
