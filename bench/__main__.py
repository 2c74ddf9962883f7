"""Measure Fogbank and its peers in one run: `python -m bench --help`."""

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from bench import objects, streams
from bench.cases import CASES
from bench.latency import SINGLE, footprint
from bench.load import Outcome, Unexpected
from bench.servers import PEERS, Peer, running
from bench.table import Figure, Row, keep, render

GROUPS = (
    "sqs",
    "dynamodb",
    "sns",
    "events",
    "kinesis",
    "firehose",
    "cloudwatch",
    "retrieval",
    "s3",
    "lambda",
    "cloudformation",
    "footprint",
)


def main() -> None:
    options = _parse(sys.argv[1:])
    groups = options.only or GROUPS
    peers = [peer for peer in PEERS if peer.name in options.peers and _concerns(peer, groups)]
    rows: dict[str, Row] = {}
    for peer in peers:
        print(f"{peer.label} ...", file=sys.stderr)
        _measure(peer, [group for group in groups if peer.groups is None or group in peer.groups], options, rows)
    print(render(list(rows.values()), [(peer.name, peer.label) for peer in peers]))
    if options.json is not None:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
        figures = {name: row.figures for name, row in rows.items()}
        options.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n")
    if any(row.errors.get(peer.name) for row in rows.values() for peer in peers if peer.ours):
        sys.exit("some of Fogbank's answers were no successes")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each throughput case runs")
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="measure these groups only")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--peers", nargs="+", choices=names, default=names, help="the servers to measure")
    parser.add_argument("--objects", type=int, default=1_000_000, help="keys in the bucket that is listed")
    parser.add_argument("--gigabytes", type=int, default=5, help="size of the multipart upload")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args(arguments)


def _concerns(peer: Peer, groups: Sequence[str]) -> bool:
    """Whether it is measured by any of the groups, and is there."""
    if peer.groups is not None and not set(peer.groups) & set(groups):
        return False
    if peer.program and shutil.which(peer.program) is None:
        print(f"{peer.label}: left out, as there is no {peer.program} on the PATH", file=sys.stderr)
        return False
    return True


def _measure(peer: Peer, groups: Sequence[str], options: argparse.Namespace, rows: dict[str, Row]) -> None:
    if "footprint" in groups:
        for figure in footprint(peer):
            keep(rows, peer.name, figure)
    for case in CASES:
        if case.group in groups:
            row = rows.setdefault(case.name, Row(case.name, f"{case.counts}/s", higher_is_better=True))
            with running(peer) as server:
                try:
                    outcome = case.run(server, options.seconds)
                except (ClientError, BotoCoreError, Unexpected) as error:
                    outcome = Outcome(errors=1, first_error=str(error))
            row.add(peer.name, outcome)
            if outcome.requests:
                keep(rows, peer.name, Figure(f"{case.name}, processor time of the server", "us", outcome.server_us))
            print(f"  {case.name}: {_words(outcome, case.counts)}", file=sys.stderr)
    of_objects = partial(objects.singles, keys=options.objects, gigabytes=options.gigabytes)
    for group, measure in (SINGLE | {"s3": of_objects, "firehose": streams.delivery_delay}).items():
        if group in groups:
            with running(peer) as server:
                for figure in measure(server):
                    keep(rows, peer.name, figure)


def _words(outcome: Outcome, counts: str) -> str:
    words = (
        f"{outcome.rate:,.0f} {counts}/s, p50 {outcome.percentile_ms(0.5):.1f} ms, "
        f"p99 {outcome.percentile_ms(0.99):.1f} ms, server {outcome.server_us:.1f} us of a core for each, "
        f"client {outcome.client_cpu:.0%} of a core"
    )
    return f"{words}, {outcome.errors} ERRORS: {outcome.first_error}" if outcome.errors else words


if __name__ == "__main__":
    main()
