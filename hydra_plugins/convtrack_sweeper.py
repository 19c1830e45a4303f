"""The Hydra sweeper of `convtrack experiment -m`; `pipeline.sweeping` does the work.

Hydra finds plug-ins only in a package of this name. The settings are those of conf/hydra/sweeper.
"""

from typing import Any

from hydra.plugins.sweeper import Sweeper


class ConvtrackSweeper(Sweeper):
    """Search settings with Optuna, or try all combinations; the same command resumes an interrupted sweep."""

    def __init__(self, **settings: Any) -> None:
        """Keep the settings of `pipeline.config.schema.SweepConfig`, which `sweep` checks."""
        self.settings = settings

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Keep what Hydra's launchers need."""
        self.hydra = {"hydra_context": hydra_context, "task_function": task_function, "config": config}

    def sweep(self, arguments: list[str]) -> None:
        """Run the remaining trials of the sweep; `arguments` are the overrides of the command line."""
        from pipeline.cli.messages import sentence
        from pipeline.sweeping.sweep import sweep

        sweep(self.settings, arguments, explain=sentence, **self.hydra)
