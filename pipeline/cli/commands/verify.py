"""Check that reports, run folders, MLflow, dvc.lock, data and code belong together; train a run again with --again.

Without RUN, check the comparison in this folder: the numbers of its report are computed again from the run folders, and
runs in MLflow are compared value by value. Weights, pictures, the model card and the reports of studies are checked by
their digests. The table, the answers of studies and the links in README must have the numbers of the reports.

RUN is one of
  ID           the id of a run in MLflow, or its first six or more characters
  FINGERPRINT  the fingerprint of a model or of a replicate, or its first six or more characters, as reports show it
  NAME         the name of a run, such as resnet8_mnist; of several runs with this name, the newest of this project
               on the images prepared here, or else the newest

A line begins with `ok`, `differs` or `unknown` (it cannot be checked). The exit code is 1 if something differs.

  convtrack verify
  convtrack verify resnet8_mnist
  convtrack verify resnet8_mnist --again
"""

import argparse
from collections.abc import Iterator, Sequence

from pipeline.cli.usage import parsed
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.verification.checked_link import Check, conclusion


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("run", nargs="?", metavar="RUN", help="an id, a fingerprint or a name (default: all here)")
    command.add_argument(
        "--again",
        action="store_true",
        help="check out the commit of RUN in a temporary folder, train it again, and compare weights and predictions",
    )
    return command


def main(arguments: Sequence[str]) -> None:
    """Print a line per check and a conclusion."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack verify --help")
    if given.again and given.run is None:
        raise UserError("`--again` needs a run to train: name one, as in `convtrack verify resnet8_mnist --again`.")
    found = []
    for check in _checks(given):
        say(check.line)
        found.append(check)
    differing = [check.subject for check in found if check.state == "differs"]
    if differing:
        raise UserError(
            f"{conclusion(found)} These records do not belong together: each line that begins with `differs` "
            "states what to do."
        )
    say(conclusion(found))


def _checks(given: argparse.Namespace) -> Iterator[Check]:
    """The checks that the command line asks for."""
    if given.run is None:
        from pipeline.verification.comparison_checks import comparison_checks

        yield from comparison_checks()
        return
    from pipeline.tracking.store import Store
    from pipeline.verification.recorded_run import recorded_run
    from pipeline.verification.run_chain import run_checks

    run = recorded_run(Store.open(), given.run)
    if given.again:
        from pipeline.verification.trained_again import again_checks

        yield from again_checks(run)
    else:
        yield from run_checks(run)
