"""The result of a sweep: its trials by state, the best ones, and how busy the workers were."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.sweeping.study import CONFIGURATION, MEMORY, REASON, REUSED, trials_of

STATE_NAMES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Summary:
    """The result of a sweep so far.

    `complete`, `pruned` and `failed` count trials. `reused` counts the complete trials that trained nothing. `best`
    holds the best trial, or the Pareto front if there are several objectives. `reasons` counts failed trials by
    reason. `utilisation` is the share of the workers' time that trials took, `memory_mib` the peak memory of a worker.
    """

    complete: int
    pruned: int
    failed: int
    reused: int
    best: tuple[FrozenTrial, ...]
    reasons: Mapping[str, int]
    utilisation: float | None
    memory_mib: int | None

    @property
    def finished(self) -> int:
        """The number of trials that have ended."""
        return self.complete + self.pruned + self.failed

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers that are known, by name."""
        found = {name: getattr(self, name) for name in ("complete", "pruned", "failed", "reused")}
        found |= {"utilisation": self.utilisation, "memory_mib": self.memory_mib}
        return {name: float(value) for name, value in found.items() if value is not None}


def summarise(study: optuna.Study, *, own_trials: Sequence[int] = (), parallel: int = 1) -> Summary:
    """The result of a sweep; utilisation is measured on the numbered trials, which `parallel` workers ran."""
    trials = trials_of(study)
    states = Counter(trial.state for trial in trials)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    memory = [trial.user_attrs[MEMORY] for trial in trials if MEMORY in trial.user_attrs]
    return Summary(
        complete=len(complete),
        pruned=states[TrialState.PRUNED],
        failed=states[TrialState.FAIL],
        reused=sum(map(_is_reused, complete)),
        best=best_of(study, complete),
        reasons=Counter(trial.user_attrs.get(REASON, "unknown") for trial in trials if trial.state == TrialState.FAIL),
        utilisation=utilisation([trial for trial in trials if trial.number in set(own_trials)], parallel),
        memory_mib=max(memory, default=None),
    )


def _is_reused(trial: FrozenTrial) -> bool:
    """Whether every replicate of the trial was trained before it."""
    return bool(trial.user_attrs.get(REUSED, 0) >= trial.user_attrs.get(CONFIGURATION, {}).get("replicates", 1))


def best_of(study: optuna.Study, complete: Sequence[FrozenTrial]) -> tuple[FrozenTrial, ...]:
    """The complete trial with the best value, the first of equal ones; for several objectives, the Pareto front."""
    if not complete:
        return ()
    if len(study.directions) > 1:
        return tuple(study.best_trials)
    sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
    return (min(complete, key=lambda trial: (sign * trial.values[0], trial.number)),)


def utilisation(trials: Sequence[FrozenTrial], parallel: int) -> float | None:
    """The share of the workers' time, from the first start to the last end, that these trials took."""
    spans = [
        (trial.datetime_start.timestamp(), trial.datetime_complete.timestamp())
        for trial in trials
        if trial.datetime_start and trial.datetime_complete
    ]
    if not spans:
        return None
    whole = max(end for _, end in spans) - min(start for start, _ in spans)
    return min(1.0, sum(end - start for start, end in spans) / (parallel * whole)) if whole else None
