"""Python imports this module when it starts with this folder on PYTHONPATH: log every process that imports TensorFlow.

A line with the process id is appended to the file that BENCHMARK_IMPORTS names. A process that was forked after the
import does not import TensorFlow again and is not logged.
"""

import os
import sys


class _Log:
    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Find nothing, so that Python continues with its own finders."""
        if name == "tensorflow":
            with open(os.environ["BENCHMARK_IMPORTS"], "a", encoding="utf-8") as log:  # noqa: PTH123
                log.write(f"{os.getpid()}\n")


if "BENCHMARK_IMPORTS" in os.environ:
    sys.meta_path.insert(0, _Log)
