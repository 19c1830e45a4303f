"""Sweeps of `convtrack experiment -m`: Hydra accepts a sweeper only from this package; the work is in the pipeline's.

Settings are those of conf/hydra/sweeper.
"""

from typing import Any

from hydra.plugins.sweeper import Sweeper


class ConvtrackSweeper(Sweeper):
    """A search over settings on Optuna, or a grid of them: pruned, parallel, and resumed by the same command."""

    def __init__(self, **settings: Any) -> None:
        """Settings as `pipeline.config.SweepConfig` has them."""
        self.settings = settings

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Keep what Hydra's launchers need."""
        self.hydra = {"hydra_context": hydra_context, "task_function": task_function, "config": config}

    def sweep(self, arguments: list[str]) -> None:
        """Make the trials that the sweep still lacks; `arguments` are the overrides of the command line."""
        from pipeline.sweeping.sweep import sweep

        sweep(self.settings, arguments, **self.hydra)
