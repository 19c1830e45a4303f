"""What a sweep tells a person: a line for each trial that has ended, and what came of the whole."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.reporting.text.quantities import digits
from pipeline.sweeping.study import REASON, trials_of
from pipeline.training.progress import time_left

WORDS = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Summary:
    """What came of a sweep so far: trials by state, how many of them were answered from the store, the best.

    `best` are the trials that no other beats: one, or of several objectives the Pareto front. `utilisation` is the
    share of the workers' time that went into trials, `memory_mib` the most that a worker took.
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
    def metrics(self) -> dict[str, float]:
        """The numbers by name."""
        found = {name: getattr(self, name) for name in ("complete", "pruned", "failed", "reused")}
        found |= {"utilisation": self.utilisation, "memory_mib": self.memory_mib}
        return {name: float(value) for name, value in found.items() if value is not None}


def summarise(study: optuna.Study, *, made: Sequence[int] = (), parallel: int = 1) -> Summary:
    """What came of the sweep; utilisation is that of the trials `made` by `parallel` workers."""
    trials = trials_of(study)
    states = Counter(trial.state for trial in trials)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    memory = [trial.user_attrs["memory_mib"] for trial in trials if "memory_mib" in trial.user_attrs]
    return Summary(
        complete=len(complete),
        pruned=states[TrialState.PRUNED],
        failed=states[TrialState.FAIL],
        reused=sum(map(_answered, complete)),
        best=best_of(study, complete),
        reasons=Counter(trial.user_attrs.get(REASON, "unknown") for trial in trials if trial.state == TrialState.FAIL),
        utilisation=utilisation([trial for trial in trials if trial.number in set(made)], parallel),
        memory_mib=max(memory, default=None),
    )


def _answered(trial: FrozenTrial) -> bool:
    """Whether every replicate of a trial was answered from the store."""
    return bool(trial.user_attrs.get("reused", 0) >= trial.user_attrs.get("configuration", {}).get("replicates", 1))


def best_of(study: optuna.Study, complete: Sequence[FrozenTrial]) -> tuple[FrozenTrial, ...]:
    """The complete trial with the best value, the first of equal ones; of several objectives the Pareto front."""
    if not complete:
        return ()
    if len(study.directions) > 1:
        return tuple(study.best_trials)
    sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
    return (min(complete, key=lambda trial: (sign * trial.values[0], trial.number)),)


def utilisation(trials: Sequence[FrozenTrial], parallel: int) -> float | None:
    """The share of the workers' time, from the first start to the last end, in which they made these trials."""
    spans = [
        (trial.datetime_start.timestamp(), trial.datetime_complete.timestamp())
        for trial in trials
        if trial.datetime_start and trial.datetime_complete
    ]
    if not spans:
        return None
    whole = max(end for _, end in spans) - min(start for start, _ in spans)
    return min(1.0, sum(end - start for start, end in spans) / (parallel * whole)) if whole else None


@dataclass
class Teller:
    """Tells of each trial that ends, of how many, and how long the rest will take at the pace so far."""

    study: optuna.Study
    objectives: Sequence[str]
    total: int
    parallel: int
    made: list[int] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def beginning(self) -> str:
        """How much there is to do."""
        done = sum(trial.state.is_finished() for trial in trials_of(self.study))
        name, trials = self.study.study_name, f"{self.total} {'trial' if self.total == 1 else 'trials'}"
        if done > self.total:
            return f"Sweep {name}: {done} trials are done, more than the {self.total} asked for"
        return f"Sweep {name}: {done} of {trials} are done" if done else f"Sweep {name}: {trials}"

    def line(self, trial: FrozenTrial) -> str:
        """One line on a trial that has ended, and on the whole."""
        self.made.append(trial.number)
        trials = trials_of(self.study)
        finished = sum(one.state.is_finished() for one in trials)
        pace = (time.monotonic() - self._began) / len(self.made)
        said = [f"trial {trial.number}", WORDS[trial.state]]
        if trial.state == TrialState.FAIL:
            said.append(f"({trial.user_attrs.get(REASON)})")
        else:
            said.append(values_line(trial, self.objectives))
        said.append(settings_line(trial))
        whole = [f"{finished}/{self.total}"]
        complete = [one for one in trials if one.state == TrialState.COMPLETE]
        if len(self.objectives) == 1 and complete:
            best = best_of(self.study, complete)
            whole.append(f"best {digits(best[0].values[0])} (trial {best[0].number})")
        if finished < self.total:
            whole.append(time_left(pace * (self.total - finished)))
        return f"{'  '.join(part for part in said if part)}  |  {', '.join(whole)}"


def values_line(trial: FrozenTrial, objectives: Sequence[str]) -> str:
    """The values of a trial by name; those of a pruned one are what it had reached."""
    values: Sequence[float] = trial.values or []
    if trial.state == TrialState.PRUNED:
        reached = trial.intermediate_values
        return f"at {objectives[0]} {digits(reached[max(reached)])} after step {max(reached)}" if reached else ""
    return "  ".join(f"{name} {digits(value)}" for name, value in zip(objectives, values, strict=True))


def settings_line(trial: FrozenTrial) -> str:
    """What a trial chose."""
    return " ".join(f"{name.partition(' ')[0]}={_short(value)}" for name, value in trial.params.items())


def summary_lines(name: str, summary: Summary, objectives: Sequence[str]) -> list[str]:
    """What is told at the end."""
    reused = f" ({summary.reused} answered from the store)" if summary.reused else ""
    lines = [f"Sweep {name}: {summary.complete} complete{reused}, {summary.pruned} pruned, {summary.failed} failed."]
    lines += [f"  failed {times}×: {reason}" for reason, times in summary.reasons.items()]
    heading = "Best" if len(objectives) == 1 else "Not beaten in all objectives at once"
    lines += [
        f"{heading}: trial {trial.number}  {values_line(trial, objectives)}  {settings_line(trial)}".rstrip()
        for trial in summary.best
    ]
    if summary.utilisation is not None:
        memory = f" and took at most {summary.memory_mib} MiB each" if summary.memory_mib else ""
        lines.append(f"Workers made trials in {100 * summary.utilisation:.0f} % of their time{memory}.")
    if summary.best:
        which = "" if len(objectives) == 1 else " --trial NUMBER"
        lines.append(f"To compare it with other models: convtrack adopt {name}{which}")
    return lines


def _short(value: Any) -> str:
    return digits(value) if isinstance(value, float) else str(value)
