"""What this machine computes on."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

COUNT_GPUS = "import tensorflow; print(len(tensorflow.config.list_physical_devices('GPU')))"


@cache
def gpus() -> tuple[str, ...]:
    """The GPUs that TensorFlow can use here, as `CUDA_VISIBLE_DEVICES` names them.

    A card alone is not enough: without CUDA's libraries TensorFlow computes on the processor. So where there is a card,
    TensorFlow is asked, in a process of its own.
    """
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return ()
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    asked = subprocess.run([sys.executable, "-c", COUNT_GPUS], capture_output=True, text=True, check=False)
    count = int(asked.stdout.split()[-1]) if asked.returncode == 0 else 0
    return tuple(visible[:count] or map(str, range(count)))
