"""The report: acts by kind, what held, and each round that did not."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.this_machine import this_machine
from pipeline.reporting.tables.text_table import Table, escaped, markdown
from pipeline.reporting.text.quantities import listed
from pipeline.storage.digests import write_digests
from pipeline.storage.files import replacing
from torture.rounds import Round
from torture.violence import KINDS
from torture.workspace import EPOCHS, NETWORKS, ROOT

FOLDER = ROOT / "reports/torture"
COMPARED = """What must be equal to the undisturbed run:

- every file of the project: none is missing and none is left over. The contents are equal bit by bit (weights,
  predictions, prepared data, networks), or in all values but durations (histories, scores, records). The report's pages
  contain durations, so only their existence is checked.
- MLflow: each run once, each metric of each epoch once, all runs FINISHED, the same values but for durations, and the
  same parameters. Tags, artifacts, logged models and registered versions must have the same names. Pictures of feature
  maps are not compared, because they are drawn after epochs that depend on time.
- Optuna: the same trials with the same parameters and values, each once.
- `dvc status` is clean, TMPDIR is empty, DVC's cache and lock contain nothing unfinished, and no process is left.

The output of a command must never contain a traceback. A command that fails must report the reason, unless a signal
or a lack of memory may have ended the command. Three kinds of tracebacks do not come from this project and do not
count: those of Ctrl-C while Python, DVC or a fork server starts, before a line of this project has run; those of a
process that has no memory left to print a sentence; and those of Python's resource tracker after it was killed. If an
experiment succeeds but reports that logging stopped, it is started again, because its message states that the same
command logs the rest.

Four values depend on what a command had to repeat, and are not compared: the durations of a baseline, which is fitted
again if its stage is killed (they are then logged a second time); `utilisation` of a sweep; the number of replicates
that the last start found trained; and the contents of `.convtrack/durations.json`."""


@dataclass
class Record:
    """All rounds with one seed; `missing_because` states for each facility why this machine lacks it, or None."""

    seed: int
    pace: str
    commands: list[str]
    missing_because: dict[str, str | None]
    undisturbed: dict[str, float] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)

    @property
    def acts(self) -> int:
        """The number of acts that were done."""
        return sum(len(one.acts) for one in self.rounds)

    @property
    def missing(self) -> set[str]:
        """The facilities that this machine lacks."""
        return {name for name, reason in self.missing_because.items() if reason}

    @property
    def arguments(self) -> str:
        """The arguments with which `python -m torture` draws the same rounds."""
        commands = "" if len(self.commands) > 2 else f" --commands {' '.join(self.commands)}"
        return f"--seed {self.seed} --pace {self.pace}{commands}"


def write_report(record: Record) -> None:
    """Write the page, and a table of all acts."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with replacing(FOLDER / "report.md") as unfinished:
        unfinished.write_text(page(record), encoding="utf-8")
    with replacing(FOLDER / "acts.csv") as unfinished, unfinished.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("round", "command", "start", "seconds", "kind", "what", "starts_of_round", "held"))
        for one in record.rounds:
            held = str(not one.problems).lower()
            for act in one.acts:
                moment = (act.start + 1, f"{act.seconds:.1f}", act.kind, act.what)
                table.writerow((one.number, one.command, *moment, len(one.starts), held))
    write_digests(FOLDER)


def page(record: Record) -> str:
    """The text of the page, Markdown."""
    held = [one for one in record.rounds if not one.problems]
    starts = sum(len(one.starts) for one in record.rounds)
    minutes = (sum(one.seconds for one in record.rounds) + sum(record.undisturbed.values())) / 60
    machine = this_machine()
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    paragraphs = [
        "# Robustness of commands that are killed or disturbed",
        f"`python -m torture {record.arguments}` has written this page. In each round it starts a command in a new "
        "clone, disturbs it at random moments, repeats the same command until it succeeds, and compares the results "
        f"with those of an undisturbed run. **{len(held)} of {len(record.rounds)} rounds passed**, with {record.acts} "
        f"disturbances in {starts} starts of commands (a start can be disturbed more than once), in {minutes:.0f} "
        "minutes. [All disturbances](acts.csv).",
        f"`repro` is `make repro` of a comparison of {listed(list(NETWORKS))}, with two replicates of {EPOCHS} epochs "
        "on 8×8 digits and all stages. `sweep` has four trials in two workers, and `experiment` is one training.",
        markdown(_by_kind(record)),
        markdown(_by_command(record)),
        COMPARED,
        *_failures(record),
        "## Repeat a round",
        "Seed, pace and number of the round determine the disturbances. Their moments also depend on the machine.",
        f"```sh\npython -m torture {record.arguments} --round 0\n```",
        *_not_done(record),
        f"{machine.processor}, {machine.cores} cores, {machine.memory}, {machine.system}; {versions}; {machine.date}, "
        f"commit {machine.commit}.",
    ]
    return "\n\n".join(paragraphs) + "\n"


def _by_kind(record: Record) -> Table:
    rows = []
    for name, kind in KINDS.items():
        results = [not one.problems for one in record.rounds for act in one.acts if act.kind == name]
        meaning = (kind.act.__doc__ or "").strip().rstrip(".")
        rows.append((kind.title, str(len(results)), str(sum(results)), meaning))
    header = ("disturbance", "times", "in rounds that passed", "what it does")
    return Table("Disturbances by kind", header, tuple(rows), prose=(3,))


def _by_command(record: Record) -> Table:
    rows = []
    for name, seconds in record.undisturbed.items():
        rounds = [one for one in record.rounds if one.command == name]
        held = sum(not one.problems for one in rounds)
        acts, starts = sum(len(one.acts) for one in rounds), sum(len(one.starts) for one in rounds)
        rows.append((name, f"{seconds:.0f} s", str(len(rounds)), str(acts), str(starts), str(held)))
    header = ("command", "undisturbed", "rounds", "disturbances", "starts", "rounds that passed")
    return Table("Rounds by command", header, tuple(rows))


def _failures(record: Record) -> Iterator[str]:
    failed = [one for one in record.rounds if one.problems]
    if failed:
        yield "## Failed rounds"
    for one in failed:
        acts = "\n".join(
            f"- start {act.start + 1}, after {act.seconds:.1f} s: {KINDS[act.kind].title}: {escaped(act.what)}"
            for act in one.acts
        )
        problems = "\n".join(f"- **{escaped(problem)}**" for problem in one.problems[:10])
        more = f"\n- and {len(one.problems) - 10} more" if len(one.problems) > 10 else ""
        yield f"Round {one.number}, {one.command}, {len(one.starts)} starts:\n\n{acts}\n{problems}{more}"


def _not_done(record: Record) -> Iterator[str]:
    for name in sorted(record.missing):
        kinds = [kind.title for kind in KINDS.values() if kind.needs == name]
        yield f"Not done: {listed(kinds)}, because {record.missing_because[name]}."
