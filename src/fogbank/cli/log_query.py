"""`fogbank logs GROUP --query QUERY`: a query of Logs Insights, its rows as a table."""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from fogbank.cli.client import aws
from fogbank.cli.failure import Failure

_POLL_S = 0.1
_ANY_TIME = {"startTime": 0, "endTime": 253_402_300_799}  # to the end of the year 9999, as clocks here can be moved
_UNFINISHED = ("Scheduled", "Running")


def query(options: argparse.Namespace) -> None:
    """Run the query on all events of the group."""
    if options.follow or options.filter:
        raise Failure("--query cannot be combined with -f or --filter: say what you look for in the query")
    client = aws(options, "logs")
    try:
        started = client.start_query(logGroupName=options.group, queryString=options.query, **_ANY_TIME)
        rows = list(_rows(client, started["queryId"]))
    except ClientError as error:
        raise Failure(f"{options.group}: {error.response['Error']['Message']}") from None
    if options.json:
        for row in rows:
            print(json.dumps(row))
        return
    for line in _table(rows):
        print(line)


def _rows(client: Any, query_id: str) -> Iterator[dict[str, str]]:
    while (answer := client.get_query_results(queryId=query_id))["status"] in _UNFINISHED:
        time.sleep(_POLL_S)
    if answer["status"] != "Complete":
        raise Failure(f"the query ended with the status {answer['status']}: the server's log says why")
    while True:
        for row in answer["results"]:
            yield {one["field"]: one["value"] for one in row if one["field"] != "@ptr"}
        if "nextToken" not in answer:
            return
        answer = client.get_query_results(queryId=query_id, nextToken=answer["nextToken"])


def _table(rows: list[dict[str, str]]) -> Iterator[str]:
    """A column for each field, as wide as its widest value; the last one is as wide as it is."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([" ".join(row.get(name, "").split()) for name in names] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines if names else ():
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
