import os
import time
from threading import Event, Thread

from pipeline.storage.native_output import native_errors_discarded


def test_after_two_threads_at_the_same_time_the_errors_are_printed_as_before():
    kept = os.dup(2)
    before, inside = os.fstat(2), Event()

    def first():
        with native_errors_discarded():
            inside.set()
            time.sleep(0.1)

    def second():
        inside.wait()
        with native_errors_discarded():
            time.sleep(0.2)

    try:
        threads = [Thread(target=first), Thread(target=second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert os.path.samestat(os.fstat(2), before)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
