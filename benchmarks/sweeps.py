"""Compare a sweep of this project with keras-tuner's Hyperband and with a plain Optuna script.

    python -m benchmarks.sweeps                      # keras-tuner is in requirements-extras.lock
    python -m benchmarks.sweeps --rounds 1

**Race**: seconds from the start of the command, imports included, until a trial reaches a validation loss on
electroluminescence images of 64×64 pixels. All three use the same training and validation images, the same
standardisation, the same search space of the lecture's network, the same optimizer and loss, and at most 9 epochs per
trial. This project runs its trials on two workers of one thread each and stores checkpoints, weights, MLflow runs and
trials. The script runs as many trials with the same sampler and pruner, one after the other with TensorFlow's default
number of threads, and stores nothing. Hyperband runs its 23 trials. The three train different trials, so the race
measures a user's waiting time, not the speed of training. A loss counts when its trial completes, because only then can
its network be used. In each round, the loss to reach is the lower one that both tools reached: the higher of their two
lowest losses. Each round has its own seed and order. Images and MLflow's store exist before the race. The images are
split at random, because nine epochs learn too little with a split by module to tell networks apart.

**Time with a trial**: the share of the time of the two workers in which they run a trial, from the start of the first
trial of the race to the end of the last one.

**Overhead**: seconds from the start of one trial to the start of the next, minus the time of its epochs, in a process
that has run trials before. An epoch lasts from its first batch to the end of its validation. This project, with Hydra's
basic launcher, and the script run the same configurations for one epoch on digits. Both spend part of the overhead on
building and clearing a Keras network.

**Memory**: how much the peak memory of a worker grows per trial, in two workers that run 48 short trials.
"""

import itertools
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from benchmarks.peers.problem import SPACE, Problem
from benchmarks.timed_sweeps import KEYS, SPLIT, Sweep, by_worker, ours, peer, prepared, project, value_written, written

EPOCHS, TRIALS, WORKERS, ROUNDS = 9, 15, 2, 2
OURS, TUNER, SCRIPT = "ours", "keras-tuner's Hyperband", "an Optuna script"
FASTER = {TUNER: 4.0, SCRIPT: 2.5}
OVERHEAD, WITH_TRIAL, GROWTH = 0.5, 0.85, 2.0
SHORT: Mapping[str, tuple[Any, ...]] = {
    "filters": ("8,16", "16,32"),
    "units": (25, 50),
    "dropout": (0.0,),
    "learning_rate": (0.01, 0.03, 0.1),
    "batch_size": (64,),
}
"""Twelve configurations whose trials take a second each."""
JOBLIB = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={WORKERS}")


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the ratios of the race, then overhead and memory."""
    with project():
        yield from race(rounds)
        yield overhead(rounds)
        yield memory()


def race(rounds: int) -> Iterator[Measurement]:
    """Yield how many times as long the other tools take to reach a loss, and the share of time with a trial."""
    if find_spec("keras_tuner") is None:
        sys.exit("The race needs keras-tuner: `pip install -r requirements-extras.lock`.")
    arrays = str(prepared("elpv"))
    problem = {"arrays": arrays, "epochs": EPOCHS, "trials": TRIALS}
    tools: dict[str, Callable[[int], Sweep]] = {
        OURS: our_race,
        TUNER: lambda seed: peer("hyperband", Problem(**problem, records=f"hyperband-{seed}.jsonl", seed=seed)),
        SCRIPT: lambda seed: peer("by_hand", Problem(**problem, records=f"by_hand-{seed}.jsonl", seed=seed)),
    }
    results: dict[str, list[Sweep]] = {tool: [] for tool in tools}
    for seed in range(rounds):
        # The tool that is first in one round is last in the next.
        for tool in [*tools][seed % len(tools) :] + [*tools][: seed % len(tools)]:
            results[tool].append(tools[tool](seed))
            latest = results[tool][-1]
            print(f"{tool}, seed {seed}: {latest.seconds:.0f} s, {latest.lowest:.4f}", file=sys.stderr, flush=True)
    for tool in (TUNER, SCRIPT):
        yield ratio(tool, results[OURS], results[tool])
    yield of_rounds(
        "sweeps",
        "time of the workers with a trial",
        [busy(sweep) for sweep in results[OURS]],
        unit="%",
        goal=WITH_TRIAL,
        higher_is_better=True,
    )


def our_race(seed: int) -> Sweep:
    """The sweep of this project in the race."""
    return ours(
        f"race-{seed}",
        "hydra/sweeper=convtrack_optuna",
        "data=elpv",
        SPLIT,
        "model=lecture_cnn",
        f"training.epochs={EPOCHS}",
        f"training.seed={seed}",
        f"hydra.sweeper.seed={seed}",
        f"hydra.sweeper.trials={TRIALS}",
        *JOBLIB,
        *(f"{KEYS[name]}={written(setting)}" for name, setting in SPACE.items()),
    )


def ratio(tool: str, own: Sequence[Sweep], others: Sequence[Sweep]) -> Measurement:
    """How many times as long another tool takes as this project, in each round to a loss that both reach.

    >>> from benchmarks.peers.problem import TrialRecord
    >>> own = Sweep(0.0, 9.0, [TrialRecord(0.0, 3.0, 0.5, 1, 1.0), TrialRecord(3.0, 8.0, 0.4, 1, 1.0)])
    >>> other = Sweep(0.0, 9.0, [TrialRecord(0.0, 6.0, 0.45, 1, 1.0)])
    >>> ratio(TUNER, [own], [other]).value
    0.75
    """
    losses = [max(one.lowest, other.lowest) for one, other in zip(own, others, strict=True)]
    taken = [one.until(loss) for one, loss in zip(own, losses, strict=True)]
    theirs = [other.until(loss) for other, loss in zip(others, losses, strict=True)]
    return of_rounds(
        "sweeps",
        f"{tool}, time to a validation loss",
        [longer / shorter for longer, shorter in zip(theirs, taken, strict=True)],
        goal=FASTER[tool],
        higher_is_better=True,
        ours=f"{statistics.median(taken):.0f} s",
        peer=f"{statistics.median(theirs):.0f} s",
    )


def busy(sweep: Sweep) -> float:
    """The share of the workers' time with a trial, from the start of the first trial to the end of the last one."""
    wall = max(trial.ended for trial in sweep.trials) - min(trial.began for trial in sweep.trials)
    return sum(trial.ended - trial.began for trial in sweep.trials) / (WORKERS * wall)


def short_sweep(name: str, seeds: Sequence[int], *overrides: str) -> Sweep:
    """Run a sweep of this project with twelve short trials per seed."""
    return ours(
        name,
        "data=digits",
        SPLIT,
        "model=lecture_cnn",
        "training.epochs=1",
        f"training.seed={','.join(map(str, seeds))}",
        *overrides,
        *(f"{KEYS[key]}={','.join(map(value_written, values))}" for key, values in SHORT.items()),
    )


def overheads(sweep: Sweep) -> list[float]:
    """Seconds of each trial outside its epochs, without the first two trials, which warm the process up."""
    pairs = itertools.pairwise(sweep.trials)
    return [following.began - trial.began - trial.seconds for trial, following in pairs][2:]


def overhead(rounds: int) -> Measurement:
    """How much longer a trial takes outside its epochs than in the script, in seconds."""
    arrays = prepared("digits")
    configurations: list[Mapping[str, Any]] = [
        dict(zip(SHORT, values, strict=True)) for values in itertools.product(*SHORT.values())
    ]
    own, script = [], []
    for seed in range(rounds):
        problem = Problem(str(arrays), f"short-{seed}.jsonl", 1, len(configurations), seed, configurations)
        own.append(statistics.median(overheads(short_sweep(f"short-{seed}", [seed]))))
        script.append(statistics.median(overheads(peer("by_hand", problem))))
    return of_rounds(
        "sweeps",
        f"a trial outside its epochs, more than {SCRIPT}",
        [one - other for one, other in zip(own, script, strict=True)],
        unit="s",
        goal=OVERHEAD,
        ours=f"{statistics.median(own):.2f} s",
        peer=f"{statistics.median(script):.2f} s",
    )


def memory() -> Measurement:
    """The growth of the peak memory of a worker per trial, in MiB."""
    prepared("digits")
    short_sweep("memory", range(4), *JOBLIB)
    workers: dict[str, list[int]] = {}
    for worker, record in by_worker("memory"):
        workers.setdefault(worker, []).append(record.memory or 0)
    growth = [(peaks[-1] - peaks[0]) / (len(peaks) - 1) for peaks in workers.values() if len(peaks) > 1]
    highest = max(max(peaks) for peaks in workers.values())
    return of_rounds("sweeps", "memory per trial", growth, unit="MiB", goal=GROWTH, ours=f"at most {highest} MiB")


if __name__ == "__main__":
    run_part("sweeps")
