"""The pool of a Ray cluster whose driver fails."""

import errno
from concurrent.futures import Future

import pytest
from joblib.externals.loky.process_executor import BrokenProcessPool

from pipeline.errors import UserError
from pipeline.training.pools import RayPool


class FailingDriver:
    """An executor whose work fails with this exception."""

    def __init__(self, problem):
        self.problem = problem

    def submit(self, *_):
        failed = Future()
        failed.set_exception(self.problem)
        return failed


@pytest.fixture
def parallel(monkeypatch):
    """Return a function that asks the pool for its size; its driver fails with an exception."""

    def asked(problem):
        pool = RayPool("127.0.0.1:6379")
        pool._executor, pool._connected = FailingDriver(problem), Future()
        pool._connected.set_result(None)
        monkeypatch.setattr("pipeline.training.pools.deliver_until_done", lambda *_: None)
        return pool.parallel(2, 1)

    return asked


@pytest.mark.parametrize("problem", [BrokenProcessPool("ended"), OSError("Broken pipe")])
def test_a_lost_cluster_is_one_sentence(parallel, problem):
    with pytest.raises(UserError, match=r"The Ray cluster at 127\.0\.0\.1:6379 no longer responds\."):
        parallel(problem)


def test_a_full_disk_is_no_lost_cluster(parallel):
    with pytest.raises(OSError, match="No space left"):
        parallel(OSError(errno.ENOSPC, "No space left on device"))
