"""How many jobs Hydra's launchers work on at once, and what each of them needs to be told before the first."""

import logging
import os
import signal
from pathlib import Path
from typing import Any

import joblib
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf, open_dict

from pipeline.errors import UserError

QUIET = {"version": 1, "root": None, "disable_existing_loggers": False}
"""Hydra's `hydra_logging: none`: a line of ours per trial says more than the launcher's for each of its batches."""


def make_launcher(*, hydra_context: Any, task_function: Any, config: Any) -> tuple[Any, int]:
    """The launcher that the configuration names, and how many jobs it works on at once."""
    target = str(config.hydra.launcher._target_).rpartition(".")[2]
    for package in ("hydra", "hydra_plugins"):
        logging.getLogger(package).setLevel(logging.WARNING)
    with open_dict(config):
        config.hydra.hydra_logging = QUIET
        # On another machine of a cluster a worker starts in a folder of its own.
        config.hydra.sweep.dir = str(Path(config.hydra.sweep.dir).resolve())
    parallel = 1
    if target == "JoblibLauncher":
        jobs = config.hydra.launcher.n_jobs
        if jobs == 0:
            raise UserError("`hydra.launcher.n_jobs` must be a number of workers, or -1 for one per core. Received 0.")
        parallel = joblib.effective_n_jobs(1 if jobs is None else jobs)
    elif target == "RayLauncher":
        parallel = _start_ray(config)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=hydra_context, task_function=task_function, config=config
    )
    return launcher, parallel


def _start_ray(config: Any) -> int:
    """Connect to the cluster, or start one here; returns how many jobs fit."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if (Path.home() / ".ray" / "auth_token").is_file():
        # A cluster that is started where there is a token asks for it, and Ray offers it only when told to.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    settings: Any = OmegaConf.to_container(config.hydra.launcher.ray.init, resolve=True)
    # The nodes know nothing of this process' environment.
    told = {name: value for name, value in os.environ.items() if name.startswith(("MLFLOW_", "PG"))}
    settings["runtime_env"] = {"env_vars": told, **(settings.get("runtime_env") or {})}
    answer = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**{"log_to_driver": False, "logging_level": "warning", **settings})
    except (ConnectionError, ValueError) as problem:
        place, reason = settings.get("address") or "this machine", " ".join(str(problem).split())[:200]
        raise UserError(
            f"Ray cannot be had at {place} ({reason}). A cluster that wants tokens needs RAY_AUTH_MODE=token here, too."
        ) from None
    signal.signal(signal.SIGTERM, answer)  # Ray puts one of its own in its place.
    with open_dict(config):
        # A job that died is the sweep's to make again, under its own rules.
        config.hydra.launcher.ray.remote.max_retries = 0
    each = config.hydra.launcher.ray.remote.get("num_cpus") or 1
    room = sum(int(node["Resources"].get("CPU", 0) / each) for node in ray.nodes() if node["Alive"])
    if room < 1:
        raise UserError(f"No node of the Ray cluster has the {each} CPUs that a job needs.")
    return room
