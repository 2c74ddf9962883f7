"""The command line of a driver: the options that all of them have, and what becomes of the report."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from driving.display import Display
from driving.stack import NotDeployed

KEPT, BROKEN, NOT_FOUND = 0, 1, 2  # exit codes: the promises, and nothing to drive or to find

Report = dict[str, Any]


def driver_parser(solution: str, description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default=solution, help="the stack that template.yaml was deployed as")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", metavar="FILE", help="save the report's JSON too (report.py FILE prints it again)")
    return parser


def command(solution: str, parser: argparse.ArgumentParser, work: Callable[[argparse.Namespace], int]) -> int:
    """The exit code of `work`, or one line about what is not there."""
    try:
        return work(parser.parse_args())
    except NotDeployed as error:
        return refuse(solution, str(error))


def refuse(solution: str, reason: str) -> int:
    print(f"{solution}: {reason}", file=sys.stderr)
    return NOT_FOUND


def drive_and_report(
    drive: Callable[[Display], Report],
    options: argparse.Namespace,
    *,
    render: Callable[[Report], str],
    kept: Callable[[Report], bool],
) -> int:
    """Drive with a display of it; print the report, and save it where `--out` says so."""
    with Display() as display:
        report = drive(display)
    if options.out:
        with open(options.out, "w") as saved:
            json.dump(report, saved)
    print(json.dumps(report) if options.json else render(report))
    return KEPT if kept(report) else BROKEN
