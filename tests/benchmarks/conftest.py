import pytest

from benchmarks.measurements import Machine


@pytest.fixture
def machine():
    return Machine("EPYC", "x86_64 avx2", 2, "8 GiB", "Linux, Python 3.11", {"keras": "3.15"}, "2026-01-01", "c0ffee")
