"""Measure the speed of this project, and write reports/benchmarks/: a page, a figure and the results as JSON.

Each part runs in a process of its own and keeps its results when it ends. Parts that do not run keep the results of the
last time. Measurements that are worse than the committed ones by more than 15 % are printed, and give exit status 1.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.measurements import RESULTS, TOLERANCE, committed_results, read_results, regressions
from benchmarks.report_page import write_page
from pipeline.console import say

TITLES = {
    "step": "A training step",
    "share": "Share of the machine's matrix product",
    "prepare": "Preparing",
    "many_images": "A million images",
    "predict": "Predicting",
    "serve": "Serving",
    "interpret": "Interpreting",
    "input": "Input",
    "whole": "The whole comparison",
    "whole_avx2": "The whole comparison, as on AVX2",
    "sweeps": "Sweeps",
    "locally_connected": "Locally connected layers",
    "compare": "Comparing runs in a large store",
    "many_machines": "Many machines",
    "large_store": "A hundred thousand runs",
}
LONG = ("whole_avx2", "sweeps", "many_images", "many_machines", "large_store")
"""Parts that only run if they are named or with `--all`."""


def main() -> None:
    """Run the parts, compare with the committed results and write the page."""
    command = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    command.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(TITLES)}; default: all but {' and '.join(LONG)}"
    )
    command.add_argument("--all", action="store_true", help="all parts")
    command.add_argument("--rounds", type=int, help="rounds of the whole comparison")
    options = command.parse_args()
    if unknown := sorted(set(options.parts) - set(TITLES)):
        command.error(f"no such part: {', '.join(unknown)}")
    parts = options.parts or [part for part in TITLES if options.all or part not in LONG]
    before = committed_results()
    failed = [part for part in parts if not _run(part, options.rounds)]
    results = read_results()
    write_page(results, TITLES)
    say(f"Report: {RESULTS.parent / 'report.md'}")
    worse = regressions([one for one in results if one.part in parts], before)
    for one in worse:
        print(f"REGRESSION of more than {TOLERANCE:.0%}: {one}", file=sys.stderr)
    for part in failed:
        print(f"FAILED: {part}; its results are those of the last time", file=sys.stderr)
    sys.exit(bool(worse or failed))


def _run(part: str, rounds: int | None) -> bool:
    """Run a part in a process of its own; return whether it succeeds."""
    say(f"\n{TITLES[part]}: python -m benchmarks.{part}")
    command = [sys.executable, "-m", f"benchmarks.{part}"]
    if rounds is not None and part.startswith("whole"):
        command += ["--rounds", str(rounds)]
    return subprocess.run(command, cwd=Path.cwd(), check=False).returncode == 0


if __name__ == "__main__":
    main()
