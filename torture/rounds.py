"""One round: start a command, disturb it, repeat it until it succeeds, and compare it with an undisturbed run."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from torture.attempt import Attempt, end_processes, processes_of
from torture.commands import COMMANDS, Finished, all_differences, changed_stages, stored_in
from torture.control_group import can_control
from torture.own_clock import COMPILER, OwnClock
from torture.server import Server, serving
from torture.stores import Store
from torture.violence import CLOCK, DISK, GROUPS, KINDS, SERVER, Kind, Pace, Scene
from torture.workspace import Workspace, workspace

PATIENCE = 60
"""Seconds in which processes must end that have lost their parent."""

HANGING = 10
"""A command that takes this many times longer than undisturbed, and five minutes, hangs."""

MOST_FAILURES = 3
"""A command that fails so often in sequence, although nothing disturbs it, never succeeds."""

TRACEBACK = re.compile(r"Traceback \(most recent call last\).*(?:\n .*)*(?:\n\S.*)?")
"""A traceback, up to the line that names the exception."""

WITHOUT_MEMORY = ("MemoryError", "Cannot allocate memory", "error return without exception set", "std::bad_alloc")
"""What Python prints if a sentence, too, would need more memory than a process may have."""

LOGGED_LATER = "Training continues without logging."
"""With this, an experiment that ends well asks for the same command again, which logs the rest."""

AT_END_OF_STAGE = 0.4
"""How often an act waits for the end of a stage, when DVC writes dvc.lock."""


class Act(NamedTuple):
    """What was done: in which start of the command, after how many seconds, and to which process."""

    kind: str
    what: str
    start: int
    seconds: float


class Start(NamedTuple):
    """A start of the command: its exit code, negative for a signal, and its duration."""

    code: int
    seconds: float


@dataclass
class Round:
    """What happened in a round; it held if there are no problems.

    These are messages that are no sentences, hanging commands and processes, and differences from the undisturbed run.
    """

    number: int
    command: str
    acts: list[Act] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Undisturbed(NamedTuple):
    """An undisturbed run of a command, and how long it took in seconds."""

    finished: Finished
    seconds: float


@contextmanager
def undisturbed_run(name: str, folder: Path) -> Iterator[Undisturbed]:
    """Run a command without any disturbance.

    Raises:
        RuntimeError: the command fails, or prints a traceback.
    """
    with workspace(folder / name) as space:
        attempt = Attempt(space, COMMANDS[name].words, folder / f"{name}.txt")
        try:
            failed = attempt.top.wait() or _output_problem(attempt, killed=False)
        finally:
            end_processes(space, 0 if attempt.code is None else PATIENCE)
        if failed:
            raise RuntimeError(f"The undisturbed command fails:\n{attempt.output[-3000:]}")
        yield Undisturbed(Finished(space, stored_in(space.project)), attempt.seconds)


def facilities(on_disk: bool) -> dict[str, str | None]:
    """What kinds of acts need, and why this machine does not have it; None if it has."""
    return {
        DISK: None if on_disk else "only root can mount a small disk",
        GROUPS: None if can_control() else "this machine allows no new control groups",
        CLOCK: None if COMPILER else "no C compiler is installed",
        SERVER: None,
    }


class Plan(NamedTuple):
    """What is drawn for a round before it starts."""

    command: str
    kinds: list[str]
    served: bool
    own_clock: bool


def drawn_plan(random: Random, missing: set[str], most_acts: int, commands: list[str]) -> Plan:
    """Draw a command, whether it logs to a server, whether it has a clock of its own, and what is done to it."""
    command = random.choices(commands, [COMMANDS[name].share for name in commands])[0]
    served = random.random() < 0.25 and SERVER not in missing
    own_clock = random.random() < 0.2 and CLOCK not in missing
    absent = missing | (set() if served else {SERVER}) | (set() if own_clock else {CLOCK})
    possible = {name: kind for name, kind in KINDS.items() if kind.needs not in absent}
    weights = [kind.weight for kind in possible.values()]
    kinds = random.choices(list(possible), weights, k=random.randint(most_acts // 3, most_acts))
    kinds.sort(key=lambda name: not KINDS[name].at_start)
    return Plan(command, kinds, served, own_clock)


def run_round(number: int, plan: Plan, random: Random, undisturbed: Undisturbed, folder: Path, pace: Pace) -> Round:
    """Carry out a round; its outputs and its project remain in the folder if something did not hold."""
    logs = folder / f"round-{number}"
    logs.mkdir(parents=True)
    begin = time.monotonic()
    with ExitStack() as stack:
        space = stack.enter_context(workspace(logs / "disk"))
        server = stack.enter_context(serving(logs / "server")) if plan.served else None
        clock = OwnClock(logs) if plan.own_clock else None
        repeated = _Repeated(plan, random, space, logs, undisturbed.seconds, pace, server, clock)
        done = Round(number, plan.command, repeated.acts, repeated.starts, repeated.problems)
        try:
            repeated.until_success()
        except BaseException:
            end_processes(space, 0)
            raise
        left = end_processes(space, PATIENCE)
        done.problems += [f"process that does not end: {process}" for process in left]
        if done.starts[-1].code == 0:
            store = stored_in(space.project)
            if server is not None:
                store = Store(server.folder / "server.db", server.folder / "artifacts")
            done.problems += changed_stages(space, COMMANDS[plan.command])
            done.problems += all_differences(undisturbed.finished, Finished(space, store))
        if done.problems:
            _keep(space, logs)
    done.seconds = time.monotonic() - begin
    if not done.problems:
        shutil.rmtree(logs)
    return done


@dataclass
class _Repeated:
    """The starts of a command in one round, and what is done to them. The undisturbed command takes `usual` seconds."""

    plan: Plan
    random: Random
    space: Workspace
    logs: Path
    usual: float
    pace: Pace
    server: Server | None
    clock: OwnClock | None
    acts: list[Act] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)

    def until_success(self) -> None:
        """Start the command until it succeeds, or fails again and again although nothing disturbs it."""
        environment = _environment(self.server, self.clock)
        in_vain = 0
        while in_vain < MOST_FAILURES:
            number = len(self.starts)
            log = self.logs / f"start-{number}.txt"
            attempt = Attempt(self.space, COMMANDS[self.plan.command].words, log, environment)
            before = len(self.acts)
            self._disturb(attempt, number)
            if attempt.code == 0 and not (self.plan.command == "experiment" and LOGGED_LATER in attempt.output):
                return
            if len(self.acts) > before:
                in_vain = 0
            else:
                in_vain += 1
                # Such as DVC, which refuses to start while the `dvc` of a killed `make` still works.
                _wait_for_others(self.space, self._limit)
        self.problems.append(f"the command never succeeds: {_last_line(attempt)}")

    @property
    def _limit(self) -> float:
        """Seconds after which a command counts as hanging."""
        return max(300, HANGING * self.usual)

    def _disturb(self, attempt: Attempt, number: int) -> None:
        """Do what is planned while the command runs, and wait for its end."""
        scene = Scene(attempt, self.random, self.pace, self.logs, self.server, self.clock)
        worked = sum(start.seconds for start in self.starts)
        remaining = max(self.usual - worked, self.usual / 3)
        killed = False
        before = len(self.acts)
        self.plan.kinds[before:before] = self.postponed
        self.postponed.clear()
        while (planned := self.plan.kinds[len(self.acts) :]) and attempt.code is None:
            kind = KINDS[planned[0]]
            if kind.at_start and len(self.acts) > before:
                # It happens before the command has made anything: at the beginning of the next start.
                self.postponed.append(self.plan.kinds.pop(len(self.acts)))
                continue
            _wait_for_moment(attempt, kind, self.random, remaining, len(planned))
            if attempt.code is None:
                at = attempt.seconds
                self.acts.append(Act(planned[0], kind.act(scene), number, at))
                killed |= kind.kills
        for command in (attempt, *scene.others):
            if not command.wait(self._limit):
                self.problems.append(f"the command hangs: it has not ended after {self._limit:.0f} s")
                end_processes(self.space, 0)
                command.wait(PATIENCE)
            if problem := _output_problem(command, killed):
                self.problems.append(problem)
        self.starts.append(Start(attempt.top.returncode, attempt.seconds))


def _wait_for_others(space: Workspace, seconds: float) -> None:
    """Wait for processes that an earlier start has left and that still work."""
    end = time.monotonic() + seconds
    while processes_of(space) and time.monotonic() < end:
        time.sleep(1)


def _wait_for_moment(attempt: Attempt, kind: Kind, random: Random, remaining: float, planned: int) -> None:
    """Wait for the first of as many moments as acts are planned, spread over the remaining time, or until the end."""
    share, at_end, pause = random.random(), random.random() < AT_END_OF_STAGE, random.uniform(0, 1.2)
    if kind.at_start:
        return
    moment = remaining * (1 - share ** (1 / planned))
    end = time.monotonic() + moment
    stages = attempt.ended_stages
    while time.monotonic() < end and not attempt.wait(0.1):
        # The command may be a sweep or an experiment, which have no stages.
        if at_end and attempt.ended_stages > stages + share:
            attempt.wait(pause)
            return


def _environment(server: Server | None, clock: OwnClock | None) -> dict[str, str]:
    found = {}
    if server is not None:
        found["MLFLOW_TRACKING_URI"] = server.address
    if clock is not None:
        found |= clock.environment
    return found


def _output_problem(attempt: Attempt, killed: bool) -> str | None:
    """What is wrong with the output of a command: a traceback, or no sentence although it was not killed."""
    output = attempt.output
    tracebacks = [block for block in TRACEBACK.findall(output) if not (_before_the_command(block) or _of_python(block))]
    if tracebacks:
        return f"traceback: {_last_line(attempt)}"
    if attempt.code and not killed and not re.search("^(convtrack|ERROR): ", output, re.MULTILINE):
        return f"exit code {attempt.code} without a sentence: {_last_line(attempt)}"
    return None


def _before_the_command(traceback: str) -> bool:
    """Whether Ctrl-C came while Python, DVC or a fork server was starting, and had run no line of the project yet."""
    frames = [Path(file) for file in re.findall(r'^  File "(.+?)"', traceback, re.MULTILINE)]
    ours = any("project" in file.parts and ".venv" not in file.parts for file in frames)
    starting = not frames or frames[0].name in ("<frozen site>", "<frozen runpy>", "convtrack", "dvc")
    in_fork_server = len(frames) > 1 and frames[1].name == "forkserver.py"
    return (starting or in_fork_server) and not ours and bool(re.search("^KeyboardInterrupt", traceback, re.MULTILINE))


def _of_python(traceback: str) -> bool:
    """Whether Python itself had no memory left, or its process that keeps track of resources was replaced."""
    lines = traceback.splitlines()
    own_process = len(lines) > 1 and "resource_tracker.py" in lines[1]
    return own_process or any(text in lines[-1] for text in WITHOUT_MEMORY)


def _last_line(attempt: Attempt) -> str:
    lines = [line for line in attempt.output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b|convtrack: |ERROR: ", line)]
    return (errors or lines or ["no output"])[-1][:300]


def _keep(space: Workspace, logs: Path) -> None:
    """Copy the project, whose disk disappears at the end of the round."""
    # shutil.copytree fails on sockets.
    subprocess.run(["cp", "--archive", str(space.folder), str(logs / "kept")], check=False)
