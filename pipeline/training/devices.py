"""The devices that this machine computes on: GPUs and the kind of its processor."""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

INSTRUCTION_SETS = ("fma", "avx2", "avx512f", "asimd", "sve")
"""Vector instructions that TensorFlow's kernels choose from at run time, by the names that Linux lists."""

COUNT_GPUS = "import tensorflow; print(len(tensorflow.config.list_physical_devices('GPU')))"


@cache
def gpus() -> tuple[str, ...]:
    """Return the GPUs that TensorFlow can use, as `CUDA_VISIBLE_DEVICES` names them.

    A graphics card alone is not enough: without CUDA's libraries TensorFlow computes on the processor. If there is a
    card, a separate process imports TensorFlow and counts the usable GPUs.
    """
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return ()
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    counted = subprocess.run([sys.executable, "-c", COUNT_GPUS], capture_output=True, text=True, check=False)
    count = int(counted.stdout.split()[-1]) if counted.returncode == 0 else 0
    return tuple(visible[:count] or map(str, range(count)))


@cache
def processor() -> str:
    """Return the kind of this machine's processor, such as `x86_64 fma avx2`.

    TensorFlow's kernels add numbers in another order for other vector instructions, so results have the same bits
    only on processors of the same kind.
    """
    listed = Path("/proc/cpuinfo")
    flags = set(listed.read_text(encoding="utf-8", errors="replace").split()) if listed.is_file() else set()
    return " ".join([platform.machine(), *(name for name in INSTRUCTION_SETS if name in flags)])
