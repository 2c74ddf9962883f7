"""`fogbank logs`."""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from fogbank.cli.client import aws
from fogbank.cli.failure import Failure
from fogbank.cli.log_query import query

_POLL_S = 0.5


def logs(options: argparse.Namespace) -> None:
    """Print a group's events in order, and with --follow what arrives later, also in a group that is not there yet.

    With --query print what a query of Logs Insights gives.
    """
    if options.query is not None:
        query(options)
        return
    client = aws(options, "logs")
    seen: set[str] = set()
    start_ms = 0
    waits = False
    while True:
        try:
            for event in _events(client, options, start_ms):
                if event["eventId"] in seen:
                    continue
                seen.add(event["eventId"])
                start_ms = max(start_ms, event["timestamp"] - 10_000)
                _show(event, as_json=options.json)
        except ClientError as error:
            absent = error.response["Error"]["Code"] == "ResourceNotFoundException"
            if not (absent and options.follow):
                raise Failure(f"{options.group}: {error.response['Error']['Message']}") from None
            if not waits:
                # A function's group is made by its first invocation.
                print(f"there is no log group {options.group} yet: waiting for it", file=sys.stderr)
            waits = True
        if not options.follow:
            return
        time.sleep(_POLL_S)


def _events(client: Any, options: argparse.Namespace, start_ms: int) -> Any:
    for page in client.get_paginator("filter_log_events").paginate(
        logGroupName=options.group, startTime=start_ms, filterPattern=options.filter
    ):
        yield from page["events"]


def _show(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(event), flush=True)
        return
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    print(f"{at:%Y-%m-%dT%H:%M:%S}.{event['timestamp'] % 1000:03d}Z {event['message'].rstrip()}", flush=True)
