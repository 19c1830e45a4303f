"""A pool ends with its workers, also without its own thread."""

import time
from multiprocessing import get_context

import pytest
from joblib.externals.loky import process_executor

from pipeline.storage.worker_start import end_pool


@pytest.mark.parametrize("wait", [True, False])
def test_a_pool_whose_thread_could_not_start_ends_with_its_workers(monkeypatch, wait):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(process_executor._ExecutorManagerThread, "start", refuse)
    pool = process_executor.ProcessPoolExecutor(1, context=get_context("spawn"))
    with pytest.raises(RuntimeError, match=r"can't start new thread"):
        pool.submit(abs, -1)
    (worker,) = pool._processes.values()
    end_pool(pool, wait=wait)
    end = time.monotonic() + (0 if wait else 20)
    while worker.is_alive() and time.monotonic() < end:
        time.sleep(0.05)
    assert not worker.is_alive()
