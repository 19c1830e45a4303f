"""The lines that a sweep prints: one per trial that has ended, and a summary at the end."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipeline.reporting.text.quantities import digits
from pipeline.sweeping.study import REASON, trials_of
from pipeline.sweeping.summary import STATE_NAMES, Summary, best_of
from pipeline.training.progress import time_left


@dataclass
class ConsoleReport:
    """Format the progress of a sweep of `total` trials, and estimate the time left from the pace so far."""

    study: optuna.Study
    objectives: Sequence[str]
    total: int
    parallel: int
    own_trials: list[int] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def first_line(self) -> str:
        """The name of the sweep, and how many of its trials are done."""
        done = sum(trial.state.is_finished() for trial in trials_of(self.study))
        name, trials = self.study.study_name, f"{self.total} {'trial' if self.total == 1 else 'trials'}"
        if done > self.total:
            return f"Sweep {name}: {done} trials are done, more than the requested {self.total}"
        return f"Sweep {name}: {done} of {trials} are done" if done else f"Sweep {name}: {trials}"

    def trial_line(self, trial: FrozenTrial) -> str:
        """The line for a trial that has ended, with the progress of the sweep."""
        self.own_trials.append(trial.number)
        trials = trials_of(self.study)
        finished = sum(one.state.is_finished() for one in trials)
        pace = (time.monotonic() - self._began) / len(self.own_trials)
        parts = [f"trial {trial.number}", STATE_NAMES[trial.state]]
        if trial.state == TrialState.FAIL:
            parts.append(f"({trial.user_attrs.get(REASON)})")
        else:
            parts.append(values_text(trial, self.objectives))
        parts.append(parameters_text(trial))
        progress = [f"{finished}/{self.total}"]
        complete = [one for one in trials if one.state == TrialState.COMPLETE]
        if len(self.objectives) == 1 and complete:
            best = best_of(self.study, complete)
            progress.append(f"best {digits(best[0].values[0])} (trial {best[0].number})")
        if finished < self.total:
            progress.append(time_left(pace * (self.total - finished)))
        return f"{'  '.join(part for part in parts if part)}  |  {', '.join(progress)}"


def values_text(trial: FrozenTrial, objectives: Sequence[str]) -> str:
    """The values of a trial by name; for a pruned trial, the last intermediate value."""
    values: Sequence[float] = trial.values or []
    if trial.state == TrialState.PRUNED:
        reached = trial.intermediate_values
        return f"at {objectives[0]} {digits(reached[max(reached)])} after step {max(reached)}" if reached else ""
    return "  ".join(f"{name} {digits(value)}" for name, value in zip(objectives, values, strict=True))


def parameters_text(trial: FrozenTrial) -> str:
    """The sampled parameters of a trial, without their conditions."""
    return " ".join(f"{name.partition(' ')[0]}={_short(value)}" for name, value in trial.params.items())


def summary_lines(name: str, summary: Summary, objectives: Sequence[str]) -> list[str]:
    """The lines at the end of a sweep."""
    reused = f" ({summary.reused} reused from earlier trainings)" if summary.reused else ""
    lines = [f"Sweep {name}: {summary.complete} complete{reused}, {summary.pruned} pruned, {summary.failed} failed."]
    lines += [f"  failed {times}×: {reason}" for reason, times in summary.reasons.items()]
    heading = "Best" if len(objectives) == 1 else "Pareto-optimal"
    lines += [
        f"{heading}: trial {trial.number}  {values_text(trial, objectives)}  {parameters_text(trial)}".rstrip()
        for trial in summary.best
    ]
    if summary.utilisation is not None:
        memory = f", and used at most {summary.memory_mib} MiB each" if summary.memory_mib else ""
        lines.append(f"Workers ran trials {100 * summary.utilisation:.0f} % of the time{memory}.")
    if summary.best:
        which = "" if len(objectives) == 1 else " --trial NUMBER"
        lines.append(f"To compare it with other models: convtrack adopt {quote(name)}{which}")
    return lines


def _short(value: Any) -> str:
    return digits(value) if isinstance(value, float) else str(value)
