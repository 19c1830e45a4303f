"""The machine that measures, the versions of the libraries, the date and the commit."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.measurements import Machine
from pipeline.storage.provenance import commit, dirty
from pipeline.training.devices import processor

LIBRARIES = ("tensorflow", "keras", "numpy", "dvc", "mlflow", "optuna")


def this_machine() -> Machine:
    """Describe this machine now."""
    return Machine(
        processor=_processor_name(),
        instructions=processor(),
        cores=os.cpu_count() or 1,
        memory=f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        system=f"{platform.system()}, Python {platform.python_version()}",
        versions={name: version(name) for name in LIBRARIES},
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=commit()[:9] + (" with uncommitted changes" if dirty() else ""),
    )


def _processor_name() -> str:
    """The model of the processor, as the operating system names it."""
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
