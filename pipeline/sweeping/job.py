"""Run one trial in the process of a job: own it, do its work, store how it ended, react to signals."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

import optuna

from pipeline.config.schema import TrialAddress
from pipeline.errors import Unreachable, reason
from pipeline.storage.processes import end_at_once, is_gone, is_local, this_process
from pipeline.sweeping.database import DATABASE_ERRORS, connected, with_retries
from pipeline.sweeping.trial import LostOwnership, Trial
from pipeline.sweeping.trial_observer import TrialObserver
from pipeline.training.task import Pruned


def run_trial(address: TrialAddress, work: Callable[[TrialObserver], object]) -> None:
    """Run a trial: call `work` with its observer, and store how it ended.

    After an error of the system, such as a full disk or a storage that has disappeared, or Ctrl-C, the trial keeps its
    state and runs again later.
    """
    _end_with_scheduler(address.sweeper)
    with _signals_left_to_scheduler(address.sweeper), suppress(LostOwnership):
        study = with_retries(lambda: optuna.load_study(study_name=address.study, storage=connected(address.storage)))
        trial = with_retries(lambda: Trial(study, address.number, address.sweeper))
        done = threading.Event()
        try:
            with_retries(trial.begin)
            threading.Thread(target=trial.send_heartbeats, args=(done,), daemon=True).start()
            _run(work, trial)
        except KeyboardInterrupt:
            # The process may survive Ctrl-C, and its trial would then look as if it were still running.
            with suppress(*DATABASE_ERRORS):
                trial.release()
            raise
        finally:
            done.set()


def _run(work: Callable[[TrialObserver], object], trial: Trial) -> None:
    try:
        work(TrialObserver(trial))
    except Pruned:
        trial.prune()
    except (LostOwnership, Unreachable):
        raise
    except DATABASE_ERRORS as problem:
        raise Unreachable(f"The database of sweeps does not respond ({type(problem).__name__}).") from None
    except Exception as problem:
        # Libraries raise OSError without a number, too, for instance for a file with unexpected contents.
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        trial.fail(reason(problem)[:500])


@cache
def _end_with_scheduler(scheduler: str) -> None:
    """End this process when the scheduler's process ends, during a trial or between two."""
    if is_local(scheduler) and scheduler != this_process():
        threading.Thread(target=_watch, args=(scheduler,), daemon=True).start()


def _watch(scheduler: str) -> None:
    while not is_gone(scheduler):
        time.sleep(1.0)
    end_at_once()


@contextmanager
def _signals_left_to_scheduler(scheduler: str) -> Iterator[None]:
    """In a worker process, ignore Ctrl-C: the scheduler handles it and sends SIGTERM to its workers."""
    if scheduler == this_process() or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
