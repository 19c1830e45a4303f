import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from pipeline.training.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(setting):
    process = subprocess.run([sys.executable, "-c", PROGRAM, setting], capture_output=True, text=True, check=True)
    return int(process.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has these settings")
def test_freed_memory_is_reused_without_page_faults():
    """By default, glibc maps new pages for each array of 64 MiB, even if such an array was freed before."""
    assert page_faults("keep") < page_faults("default") / 5


def test_another_c_library_is_not_configured(monkeypatch):
    from pipeline.training import allocator

    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(allocator.ctypes, "CDLL", None)
    allocator.keep_freed_memory()
