"""The page `reports/benchmarks/report.md`: a table per part, and the machines that measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from benchmarks.measurements import FOLDER, Machine, Measurement, written
from benchmarks.ratio_figure import figure_svg, ratios
from pipeline.storage.digests import write_digests
from pipeline.storage.files import replacing

FIGURE = "ratios.svg"
MISSED_GOALS = Path(__file__).parent / "missed_goals.md"
HEADINGS = ("what", "ours", "peer", "value", "range", "goal", "goal met")
EMULATION = (
    "*As on AVX2* emulates a processor without AVX-512 and AVX-VNNI on the machine below: `ONEDNN_MAX_CPU_ISA=AVX2` "
    "and `XLA_FLAGS=--xla_cpu_max_isa=AVX2` limit the libraries to AVX2 instructions on both sides, and the peer runs "
    "with `TF_ENABLE_ONEDNN_OPTS=0`, which is TensorFlow's default on such processors. Clock and caches stay those of "
    "the machine, so the ratios are estimates."
)


def write_page(measurements: Sequence[Measurement], titles: Mapping[str, str]) -> None:
    """Write the page and its figure. `titles` are the headings by part, in the order of the page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in (("report.md", page(measurements, titles)), (FIGURE, figure_svg(ratios(measurements)))):
        with replacing(FOLDER / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    write_digests(FOLDER)


def page(measurements: Sequence[Measurement], titles: Mapping[str, str]) -> str:
    """The text of the page, Markdown."""
    goals = [one.met for one in measurements if one.met is not None]
    paragraphs = [
        "# Benchmarks",
        "`make bench` writes this page. Values are medians of interleaved rounds, the range is that of the rounds. For "
        "training steps they are those of the fastest epochs, because some epochs of Keras' `fit` stall on one thread. "
        "A ratio (×) is our time divided by the peer's: below 1, this project is faster. For preparing, "
        "predicting and sweeps it is the peer's time divided by ours. The other values have their "
        f"units. {sum(goals)} of {len(goals)} goals are met.",
        f"![Ratios of our times to those of the peers]({FIGURE})",
        EMULATION,
    ]
    for part, title in titles.items():
        rows = [one for one in measurements if one.part == part]
        if rows:
            paragraphs += [f"## {title}", table(rows), *_machines(rows)]
    if not all(goals):
        paragraphs.append(MISSED_GOALS.read_text(encoding="utf-8").strip())
    return "\n\n".join(paragraphs) + "\n"


def table(rows: Sequence[Measurement]) -> str:
    """The rows as a table in Markdown."""
    return str(tabulate([_cells(one) for one in rows], HEADINGS, tablefmt="github", disable_numparse=True))


def _cells(one: Measurement) -> list[str]:
    if one.value is None:
        return [one.name, one.ours, one.peer, one.note, "", "", ""]
    sign = "≥" if one.higher_is_better else "≤"
    spread = ""
    if one.low is not None and one.high is not None and one.rounds > 1:
        spread = f"{written(one.low, one.unit)} to {written(one.high, one.unit)}"
    return [
        one.name,
        one.ours,
        one.peer,
        written(one.value, one.unit),
        spread,
        "" if one.goal is None else f"{sign} {written(one.goal, one.unit)}",
        "" if one.met is None else "yes" if one.met else "**no**",
    ]


def _machines(rows: Sequence[Measurement]) -> list[str]:
    """A sentence for each machine and date of the rows."""
    machines = dict.fromkeys(sentence(one.machine) for one in rows if one.machine)
    rounds = sorted({one.rounds for one in rows if one.value is not None})
    return [f"{one} Rounds: {', '.join(map(str, rounds))}." for one in machines]


def sentence(machine: Machine) -> str:
    """The machine, the versions and the date in a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"Measured on {machine.date}, commit {machine.commit}: {machine.cores} cores of {machine.processor} "
        f"({machine.instructions}), {machine.memory}, {machine.system}, {versions}."
    )
