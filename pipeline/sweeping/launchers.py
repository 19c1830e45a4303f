"""Hydra's launchers: create the configured one, start its workers, and determine how many jobs it runs in parallel."""

import logging
import os
from pathlib import Path
from typing import Any

import joblib
from hydra.core.plugins import Plugins
from joblib.externals.loky.backend.context import set_start_method
from omegaconf import OmegaConf, open_dict

from pipeline.errors import UserError
from pipeline.training.fork_server import can_fork, start_fork_server
from pipeline.training.ray_connection import connect_to_ray

QUIET = {"version": 1, "root": None, "disable_existing_loggers": False}
"""Hydra's `hydra_logging: none`. The sweep prints one line per trial instead of the launcher's line per batch."""


def preload_workers(config: Any) -> None:
    """Start to import what the workers of the joblib launcher need, in a process of which they become copies.

    Returns at once.
    """
    if not can_fork() or _joblib_workers(config) < 2:
        return
    set_start_method("forkserver", force=True)
    start_fork_server("pipeline.sweeping.preloaded")


def make_launcher(*, hydra_context: Any, task_function: Any, config: Any) -> tuple[Any, int]:
    """The configured launcher, and how many jobs it runs in parallel. The arguments are those of a Hydra sweeper."""
    for package in ("hydra", "hydra_plugins"):
        logging.getLogger(package).setLevel(logging.WARNING)
    with open_dict(config):
        config.hydra.hydra_logging = QUIET
        # Absolute, because a worker on another machine has another working directory.
        config.hydra.sweep.dir = str(Path(config.hydra.sweep.dir).resolve())
    parallel = _start_ray(config) if _launcher_class(config) == "RayLauncher" else _joblib_workers(config)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=hydra_context, task_function=task_function, config=config
    )
    return launcher, parallel


def _launcher_class(config: Any) -> str:
    return str(config.hydra.launcher._target_).rpartition(".")[2]


def _joblib_workers(config: Any) -> int:
    """The number of workers of the joblib launcher, 1 with a launcher that runs jobs one after the other."""
    if _launcher_class(config) != "JoblibLauncher":
        return 1
    jobs = config.hydra.launcher.n_jobs
    if jobs == 0:
        raise UserError("`hydra.launcher.n_jobs` must be a number of workers, or -1 for one per core. Received 0.")
    return int(joblib.effective_n_jobs(1 if jobs is None else jobs))


def _start_ray(config: Any) -> int:
    """Connect to a Ray cluster, or start one on this machine; returns how many jobs it runs in parallel."""
    settings: Any = OmegaConf.to_container(config.hydra.launcher.ray.init, resolve=True)
    # Nodes do not inherit the environment of this process.
    inherited = {name: value for name, value in os.environ.items() if name.startswith(("MLFLOW_", "PG"))}
    settings["runtime_env"] = {"env_vars": inherited, **(settings.get("runtime_env") or {})}
    ray = connect_to_ray(settings)
    with open_dict(config):
        # The scheduler requeues trials whose process died, by its own rules.
        config.hydra.launcher.ray.remote.max_retries = 0
    each = config.hydra.launcher.ray.remote.get("num_cpus") or 1
    room = sum(int(node["Resources"].get("CPU", 0) / each) for node in ray.nodes() if node["Alive"])
    if room < 1:
        raise UserError(f"No node of the Ray cluster has {each} CPUs, which one job needs.")
    return room
